#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# sriov_numvfs switches off VFs while a guest uses one. QEMU gets a signal, unplugs the function
# from the guest, and closes it. Runs in L1:
#	selftests/removal_guest_test.sh BDF-OF-A-NET-VF     (or it is in VIRTIO_MMR_BDFS)
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
tools=$here/../tools/vm
build=${OUTPUT:-$here/../build/selftests}
# Time limit in seconds for the guest's boot, and for the removal
limit=$((200 * ${VIRTIO_MMR_TIMEOUT_SCALE:-1}))

# shellcheck source=selftests/lib/ktap.sh
source "$here/lib/ktap.sh"
# shellcheck source=selftests/lib/kernel_log.sh
source "$here/lib/kernel_log.sh"
# shellcheck source=selftests/lib/guest.sh
source "$here/lib/guest.sh"

need_machine "boots a guest on an emulated function"
bdf=${1:-${VIRTIO_MMR_BDFS-}}
pf=$(readlink -f "/sys/bus/pci/devices/$bdf/physfn" || true)
[[ $bdf && -e $pf/sriov_numvfs ]] || {
	echo "# '$bdf' is no VF"
	exit "$KSFT_FAIL"
}
"$tools/vfs" bind "$bdf"

console=$VIRTIO_MMR_RESULTS/guest-removal/console.log
verdict=$VIRTIO_MMR_RESULTS/removal

# shellcheck disable=SC2317 # runs in the background
remove_when_used() {
	local second
	for ((second = 0; second < limit; second++)); do
		if grep -aqs 'selftests: in use' "$console"; then
			echo 0 >"$pf/sriov_numvfs"
			echo removed >"$verdict"
			return
		fi
		sleep 1
	done
}

removal_ends() {
	local second
	for ((second = 0; second < limit; second++)); do
		[[ ! -e $verdict ]] || return 0
		sleep 1
	done
	return 1
}

all_gone() {
	[[ ! -e /sys/bus/pci/devices/$bdf && $(<"$pf/sriov_numvfs") == 0 ]]
}

# The next user, on the same functions after they were made again. VFs of other PFs may be
# absent because of the parallel test
works_again() {
	cat "$pf/sriov_totalvfs" >"$pf/sriov_numvfs" && "$tools/vfs" bind "$bdf" &&
		[[ $("$build/ports" "$bdf" 0x12.1) == 0 ]]
}

ktap_print_header
ktap_set_plan 8
log_mark
rm -f "$verdict"
remove_when_used &
guest_run removal removal.sh "$bdf"
ktap_test_result guest.ping guest_passed ping
ktap_test_result guest.unplugged guest_passed unplugged
ktap_test_result guest.exit_status test "$guest_status" = 0
ktap_test_result guest.guest_kernel_log guest_log_clean
ktap_test_result removal_ends removal_ends
ktap_test_result all_gone all_gone
ktap_test_result works_again works_again
ktap_test_result kernel_log log_clean
ktap_finished
