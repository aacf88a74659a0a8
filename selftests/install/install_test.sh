#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# "make install" and "make uninstall": the files that they install, refuse, and leave.
# alias_test.sh checks that the modules are found then.
#
#	selftests/install/install_test.sh SERIES...     (for which make has built)
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
# shellcheck source=selftests/lib/installation.sh
source "$here/../lib/installation.sh"

# All modules' files in FOLDER, a line for each
files_in() { # FOLDER
	printf "$1/%s.ko\n" "${modules[@]}" | LC_ALL=C sort
}

files() {
	(cd "$work" && find lib -type f -o -type l) 2>/dev/null | LC_ALL=C sort
}

# Runs make, then checks that the files are exactly these
leaves() { # FILES MAKE-ARGUMENTS...
	local output wanted=$1
	output=$(make_in_work '' "${@:2}") || {
		echo "# ${output//$'\n'/$'\n'# }"
		return 1
	}
	[[ $(files) == "$wanted" ]] && return
	echo "# installed files: $(files | tr '\n' ' ')"
	return 1
}

# With a second copy of a module, chance would decide which one is loaded
refuses_second() { # RELEASE KDIR
	local module other others=() output status=0
	# All places with one of the modules, and one place with each of the others
	module=${modules[-1]}.ko
	others=(updates/dkms/"$module"{,.gz,.xz,.zst} extra/"$module" "updates/$module.xz")
	for module in "${modules[@]::${#modules[@]}-1}"; do
		others+=("updates/dkms/$module.ko.xz")
	done
	for other in "${others[@]}"; do
		other=lib/modules/$1/$other
		install -D /dev/null "$work/$other"
		if output=$(make_in_work '' install KDIR="$2"); then
			echo "# make install succeeds beside $other"
			status=1
		elif [[ $(files) != "$other" || $output != *"/$other"* ]]; then
			echo "# ${output//$'\n'/$'\n'# }"
			echo "# installed files: $(files | tr '\n' ' ')"
			status=1
		fi
		rm -rf "${work:?}/lib"
	done
	return "$status"
}

# From an empty folder to an empty folder. A second run installs no second module
installs_and_uninstalls() { # RELEASE KDIR
	local updates=lib/modules/$1/updates module
	leaves "$(files_in "$updates")" install KDIR="$2" &&
		leaves "$(files_in "$updates")" install KDIR="$2" || return 1
	for module in "${modules[@]}"; do
		cmp "$repository/build/$1/$module.ko" "$work/$updates/$module.ko" || return 1
	done
	leaves '' uninstall KDIR="$2" && [[ ! -e $work/lib/modules/$1/updates ]]
}

# Earlier versions had one module. It is replaced, and the other one is added
upgrades_from_one() { # RELEASE KDIR
	local updates=lib/modules/$1/updates
	install -D /dev/null "$work/$updates/virtio_mmr_vfio_pci.ko"
	leaves "$(files_in "$updates")" install KDIR="$2" && [[ -s $work/$updates/virtio_mmr_vfio_pci.ko ]] &&
		leaves '' uninstall KDIR="$2"
}

# Half a build is not installed, not even its complete half
refuses_half_a_build() { # RELEASE KDIR
	local output
	mkdir -p "$work/half"
	cp "$repository/build/$1/${modules[0]}.ko" "$work/half/"
	if output=$(make_in_work '' install KDIR="$2" OUT="$work/half"); then
		echo "# make install installs ${modules[0]}.ko alone"
		return 1
	fi
	[[ $output == *"/half/${modules[1]}.ko is missing"* && ! $(files) ]] || {
		echo "# ${output//$'\n'/$'\n'# }"
		return 1
	}
}

# All other files stay
uninstalls_no_more() { # RELEASE KDIR
	local updates=lib/modules/$1/updates none=lib/modules/99.1.0-none/updates module output
	for module in "${modules[@]}"; do
		install -D /dev/null "$work/$updates/dkms/$module.ko"
		install -D /dev/null "$work/$updates/$module.ko"
		install -D /dev/null "$work/$none/$module.ko"
	done
	leaves "$(files_in "$updates/dkms")
$(files_in "$none")" uninstall KDIR="$2" || return 1
	# And says so
	output=$(make_in_work '' uninstall KDIR="$2") || return 1
	for module in "${modules[@]}"; do
		[[ $output == *"/$none/$module.ko is still there"* ]] || return 1
	done
	rm -rf "${work:?}/lib"
}

# Root may have any umask. Other users must still be able to read the installed files and
# depmod's files, also after uninstalling. A program in depmod's place makes a file.
restrictive_umask() { # RELEASE KDIR
	local folder=$work/lib/modules/$1 step output odd
	(umask 022 && mkdir -p "$folder" && touch "$folder/modules.dep")
	for step in install uninstall; do
		if ! output=$(umask 077 && make_in_work '' "$step" KDIR="$2" DEPMOD="touch $folder/made_by_$step") ||
			[[ ! -e $folder/made_by_$step ]]; then
			echo "# ${output//$'\n'/$'\n'# }"
			return 1
		fi
		odd=$(find "$work" -mindepth 1 -type f ! -perm -444 -o -mindepth 1 -type d ! -perm -555)
		if [[ $odd ]]; then
			echo "# other users cannot read after $step: ${odd//$'\n'/ }"
			return 1
		fi
	done
	rm -rf "${work:?}/lib"
}

# A kernel's name is enough, so that uninstalling works after the kernel has gone
without_headers() {
	local file=lib/modules/99.1.0-none/updates/${modules[0]}.ko output
	install -D /dev/null "$work/$file"
	leaves '' uninstall KDIR=/lib/modules/99.1.0-none/build || return 1
	install -D /dev/null "$work/$file"
	leaves '' uninstall KDIR="$work" RELEASE=99.1.0-none || return 1
	install -D /dev/null "$work/$file"
	if output=$(make_in_work '' uninstall KDIR="$work"); then
		echo "# make uninstall succeeds without the name of a kernel"
		return 1
	fi
	[[ $(files) == "$file" && $output == *"make uninstall RELEASE="* ]] || {
		echo "# ${output//$'\n'/$'\n'# }"
		return 1
	}
	rm -rf "${work:?}/lib"
}

# make and the shell would take a part of such a name for something else, even for another
# folder, and write there
refuses_odd_folders() {
	local odd target output status=0
	mkdir -p "$work/odd/folder"
	cp -r "$repository"/{Makefile,Kbuild,debian,drivers,tools} "$work/odd/folder/"
	for odd in ' ' '$' '"' "'" '`' ';'; do
		mv "$work/odd"/* "$work/odd/a${odd}b"
		for target in modules mmrctl lib; do
			if output=$(make -C "$work/odd/a${odd}b" "$target" KDIR=/nowhere 2>&1) ||
				[[ $output != *"with '$odd' in the names of folders"*"move '$work/odd/a${odd}b'"* ]]; then
				echo "# make $target in 'a${odd}b': ${output//$'\n'/$'\n'# }"
				status=1
			fi
		done
		[[ $(ls -A "$work/odd") == "a${odd}b" && ! -e $work/odd/a${odd}b/build ]] || {
			echo "# left in and beside 'a${odd}b':" "$work/odd"/* "$work/odd/a${odd}b"/*
			rm -rf "$work/odd"
			return 1
		}
	done
	rm -rf "$work/odd"
	return "$status"
}

ktap_print_header
ktap_set_plan $(($# * 6 + 2))
for series; do
	kdir=$("$repository/tools/archive/kernel-headers" "$series")
	release=$("$repository/tools/archive/release" "$series")
	ktap_test_result "$release.refuses_second" refuses_second "$release" "$kdir"
	ktap_test_result "$release.installs_and_uninstalls" installs_and_uninstalls "$release" "$kdir"
	ktap_test_result "$release.upgrades_from_one" upgrades_from_one "$release" "$kdir"
	ktap_test_result "$release.refuses_half_a_build" refuses_half_a_build "$release" "$kdir"
	ktap_test_result "$release.uninstalls_no_more" uninstalls_no_more "$release" "$kdir"
	ktap_test_result "$release.restrictive_umask" restrictive_umask "$release" "$kdir"
done
ktap_test_result without_headers without_headers
ktap_test_result refuses_odd_folders refuses_odd_folders
ktap_finished
