#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# tools/archive/apt, when Debian has moved a suite from its mirrors to its archive. The mirror
# here is one that does not answer, and the archive is a folder with a real signed index.
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
archive=$here/../../tools/archive
# shellcheck source=selftests/lib/ktap.sh
source "$here/../lib/ktap.sh"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
codename=$("$archive/debian" codename)
# Not the system's own, of which its administrator decides
suite=$codename-backports
package=linux-image-amd64

# What the mirror of this machine has, in a folder of the archive's form
lists=${XDG_CACHE_HOME:-$HOME/.cache}/virtio-mmr/apt/$suite-deb/lists
"$archive/apt" "$suite" apt-cache stats >/dev/null
index=$(find "$lists" -maxdepth 1 -name "*_${suite}_main_binary-amd64_Packages*")
folder=$work/debian/dists/$suite
mkdir -p "$folder/main/binary-amd64"
cp "$lists"/*_"${suite}"_InRelease "$folder/InRelease"
/usr/lib/apt/apt-helper cat-file "$index" >"$folder/main/binary-amd64/Packages"

# Nobody listens there
mkdir "$work/sources"
echo "deb http://127.0.0.1:1/debian $codename main" >"$work/sources/list"
cat >"$work/apt.conf" <<END
Dir::Etc::sourcelist "$work/sources/list";
Dir::Etc::sourceparts "$work/none";
Dir::State::lists "$work/lists";
Acquire::Retries "0";
Acquire::IndexTargets::deb::Packages::CompressionTypes "uncompressed";
Dir::Etc::Parts "$work/none";
END
mkdir -p "$work/lists/partial" "$work/none"

ask() { # [VARIABLE=VALUE...]: leaves what it says, and its status
	ask_of "$suite" "$@"
}

ask_of() { # SUITE [VARIABLE=VALUE...]
	status=0
	output=$(env APT_CONFIG="$work/apt.conf" XDG_CACHE_HOME="$work/cache" "${@:2}" \
		"$archive/apt" "$1" apt-cache show "$package" 2>&1) || status=$?
}

# With the indexes of this machine
run() { # PROGRAM ARGUMENT...
	status=0
	output=$("$archive/$1" "${@:2}" 2>&1) || status=$?
}

check() { # NAME COMMAND...
	local name=$1
	shift
	if "$@"; then
		ktap_test_pass "$name"
	else
		echo "# status $status: ${output//$'\n'/$'\n'# }"
		ktap_test_fail "$name"
	fi
}

refused() {
	[[ $status != 0 && $output == *"cannot read the package index of '$suite'"* &&
		$output == *"DEBIAN_ARCHIVE="* ]]
}

# The administrator has chosen the mirrors of the system's own suite, and nothing else is asked
own_refused() {
	[[ $status != 0 && $output == *"cannot read the package index of '$codename'"* &&
		$output == *"this system's apt sources must name the archive"* &&
		$output != *DEBIAN_ARCHIVE* && $output != *"trying "* ]]
}

# What may be asked for instead
says() { # WORDS THING
	[[ $status != 0 && $output == *"$1 $2"* && $output == *"tools/kernels names the series"* ]]
}

found() {
	[[ $status == 0 && $output == *"Package: $package"* ]]
}

found_at_once() {
	found && [[ $output != *127.0.0.1* ]]
}

# As if an hour had gone by
later() {
	touch -d '2 hours ago' "$work/cache/virtio-mmr/apt/$suite-deb/updated"
}

ktap_print_header
ktap_set_plan 8
ask DEBIAN_ARCHIVE="file://$work/none"
check neither_has_it refused
ask DEBIAN_ARCHIVE="file://$work/debian"
check archive_has_it found
# The mirror is not asked again
later
ask DEBIAN_ARCHIVE="file://$work/debian"
check archive_is_remembered found_at_once
later
mv "$folder/InRelease" "$work/gone"
ask DEBIAN_ARCHIVE="file://$work/debian"
check old_index_is_used found
# A file that Debian did not sign
mv "$work/gone" "$folder/InRelease"
rm -r "$work/cache"
sed -i 's/^Suite: .*/Suite: other/' "$folder/InRelease"
ask DEBIAN_ARCHIVE="file://$work/debian"
check signature_counts refused
ask_of "$codename" DEBIAN_ARCHIVE="file://$work/debian"
check own_suite_is_the_systems own_refused
run release 9.99
check no_such_series says 'has no kernel of series' "'9.99'"
run source-package system 9.99.1-amd64
check no_such_source says 'has no package' linux-source-9.99
ktap_finished
