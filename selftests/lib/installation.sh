# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# For tests of the files that "make" installs, below a folder that is removed at the end: $work.
# The script's arguments are kernel series. make has built the modules for them.

repository=$(readlink -f "$(dirname "${BASH_SOURCE[0]}")/../..")
# shellcheck source=selftests/lib/ktap.sh
source "$repository/selftests/lib/ktap.sh"

[[ $# -gt 0 ]] || {
	echo "usage: selftests/install/$(basename "$0") SERIES..." >&2
	exit 2
}
# Names and folders of the modules, each after those that it uses
mapfile -t modules < <(sed -nE 's/^([a-z_]+) .*/\1/p' "$repository/drivers/modules")
mapfile -t module_folders < <(sed -nE 's/^[a-z_]+ (.*)/\1/p' "$repository/drivers/modules")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# As if $work were the root folder
make_in_work() { # SERIES TARGET-OR-VARIABLE...
	make --no-print-directory -C "$repository" KERNEL="$1" INSTALL_MOD_PATH="$work" "${@:2}" 2>&1
}
