#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# "make sign": OpenSSL confirms the signature of each module. The signature stays when the
# module is installed. A second signature replaces it, and is not added.
#
#	selftests/install/sign_test.sh SERIES...     (for which make has built)
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
# shellcheck source=selftests/lib/installation.sh
source "$here/../lib/installation.sh"

make_key() { # NAME
	openssl req -new -x509 -newkey rsa:2048 -nodes -days 36500 -subj "/CN=$1/" -outform DER \
		-keyout "$work/$1.priv" -out "$work/$1.der" 2>/dev/null
	openssl x509 -inform DER -in "$work/$1.der" -out "$work/$1.pem"
}

# A copy outside of the build folder, where a signed module would stay
in_copy() { # SERIES TARGET...
	make_in_work "$1" OUT="$work/$1" "${@:2}"
}

sign() { # SERIES NAME
	local output
	output=$(in_copy "$1" sign KEY="$work/$2.priv" CERT="$work/$2.der") && return
	echo "# ${output//$'\n'/ }"
	return 1
}

# The data appended to a module, by Linux's module_signature.h: the signature, 12 bytes with its
# length in the last 4, and 28 bytes of text
text='~Module signature appended~'
signature_is_by() { # FILE NAME
	local size=0 file
	file=$(stat -L -c %s "$1")
	[[ $(tail -c 28 "$1" | tr -d '\n') == "$text" ]] || {
		echo "# $1 has no signature"
		return 1
	}
	size=$((16#$(tail -c 32 "$1" | head -c 4 | od -An -t x1 | tr -d ' ')))
	head -c $((file - 40 - size)) "$1" >"$work/content"
	tail -c $((40 + size)) "$1" | head -c "$size" >"$work/signature"
	if grep -q "$text" "$work/content"; then
		echo "# $1 has more than one signature"
		return 1
	fi
	openssl cms -verify -binary -inform DER -in "$work/signature" -content "$work/content" \
		-certfile "$work/$2.pem" -nointern -noverify -out /dev/null 2>"$work/openssl" && return
	echo "# OpenSSL: $(tr '\n' ' ' <"$work/openssl")"
	return 1
}

signatures_are_by() { # FOLDER NAME
	local module
	for module in "${modules[@]}"; do
		signature_is_by "$1/$module.ko" "$2" || return 1
	done
}

signs() { # SERIES
	local module signer
	sign "$1" first && signatures_are_by "$work/$1" first || return 1
	for module in "${modules[@]}"; do
		signer=$(/sbin/modinfo -F signer "$work/$1/$module.ko")
		[[ $signer == first ]] || {
			echo "# modinfo says that '$signer' has signed $module"
			return 1
		}
	done
}

# Shows that the previous check can fail
signature_by_another_is_told() { # SERIES
	local module
	for module in "${modules[@]}"; do
		signature_is_by "$work/$1/$module.ko" first &&
			! signature_is_by "$work/$1/$module.ko" second >/dev/null || return 1
	done
}

install_keeps_the_signature() { # SERIES
	local release
	in_copy "$1" install >"$work/log" || {
		sed 's/^/# /' "$work/log"
		return 1
	}
	release=$("$repository/tools/archive/release" "$1")
	signatures_are_by "$work/lib/modules/$release/updates" first
}

another_key_replaces_it() { # SERIES
	sign "$1" second && signatures_are_by "$work/$1" second
}

refuses_without_key() { # SERIES
	local output
	if output=$(in_copy "$1" sign); then
		echo "# make sign succeeds without a key"
		return 1
	fi
	[[ $output == *"make sign KEY=FILE CERT=FILE"* ]]
}

make_key first
make_key second
ktap_print_header
ktap_set_plan $(($# * 5))
for series; do
	release=$("$repository/tools/archive/release" "$series")
	for i in "${!modules[@]}"; do
		mkdir -p "$work/$series/${module_folders[i]}"
		cp "$repository/build/$release/${module_folders[i]}/${modules[i]}.ko" \
			"$work/$series/${module_folders[i]}/"
	done
	for test in signs signature_by_another_is_told install_keeps_the_signature another_key_replaces_it \
		refuses_without_key; do
		ktap_test_result "$release.$test" $test "$series"
	done
done
ktap_finished
