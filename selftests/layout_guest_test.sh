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

# shellcheck source=selftests/lib/ktap.sh
source "$here/lib/ktap.sh"
# shellcheck source=selftests/lib/kernel_log.sh
source "$here/lib/kernel_log.sh"
# shellcheck source=selftests/lib/guest.sh
source "$here/lib/guest.sh"

need_machine "boots guests on emulated functions"
names=("$@")
functions=$("$tools/vfs" create) || {
	echo "# tools/vm/vfs create failed with status $?"
	exit "$KSFT_FAIL"
}
mapfile -t bdfs < <(sed -n 's/ net .*//p' <<<"$functions")
if [[ ${#bdfs[@]} -lt ${#names[@]} || ${#names[@]} == 0 ]]; then
	echo "# ${#bdfs[@]} net functions, but ${#names[@]} names of layouts"
	exit "$KSFT_FAIL"
fi
# The functions after these are for other tests
bdfs=("${bdfs[@]:0:${#names[@]}}")
"$tools/vfs" bind "${bdfs[@]}"

ktap_print_header
ktap_set_plan $((6 * ${#names[@]} + 5))
log_mark
for mode in legacy modern; do
	guest_arguments=()
	[[ $mode == legacy ]] || guest_arguments=(--kernel-arg virtio_pci.force_legacy=0)
	guest_run "layouts-$mode" layouts.sh "${bdfs[@]}"
	for i in "${!names[@]}"; do
		for check in driver ping msix; do
			ktap_test_result "$mode.${names[i]}.$check" guest_passed "$mode.$i.$check"
		done
	done
	ktap_test_result "$mode.exit_status" test "$guest_status" = 0
	ktap_test_result "$mode.guest_kernel_log" guest_log_clean
done
ktap_test_result kernel_log log_clean
ktap_finished
