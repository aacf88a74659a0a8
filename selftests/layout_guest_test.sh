#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Linux guests on net functions of several layouts. One guest has the legacy driver, one has the
# modern driver. All functions must work in both.
# Runs in L1; selftests/vmtest.sh displaced has the layouts and gives their names:
#	selftests/layout_guest_test.sh NAME...
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
tools=$here/../tools/vm

# shellcheck source=selftests/lib/linux_guest.sh
source "$here/lib/linux_guest.sh"
linux_begin
names=("$@")
mapfile -t bdfs < <(sed -n 's/ net .*//p' <<<"$linux_created")
if [[ ${#bdfs[@]} -lt ${#names[@]} || ${#names[@]} == 0 ]]; then
	echo "# ${#bdfs[@]} net functions, but ${#names[@]} names of layouts"
	exit "$KSFT_FAIL"
fi
# The functions after these are for other tests
bdfs=("${bdfs[@]:0:${#names[@]}}")
"$tools/vfs" bind "${bdfs[@]}"

ktap_print_header
ktap_set_plan $((2 * $(mixed_points ${#names[@]}) + 1))
log_mark
for mode in legacy modern; do
	mixed_guest "layouts-$mode" "$mode" "$mode" "${bdfs[@]}" -- "${names[@]}"
done
ktap_test_result kernel_log log_clean
ktap_finished
