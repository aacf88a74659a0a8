#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Unmodified legacy drivers in virtual machines on MMR functions: Linux on a net
# and a blk function, SeaBIOS booting from a blk function without modern
# capabilities. Needs the rest of the tool chain, so it runs in L1 only:
#	tools/vm/run --vf net --vf blk --vf blk,disable-modern=on -- \
#		selftests/guest_test.sh
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
tools=$here/../tools/vm
build=${OUTPUT:-$here/../build/selftests}

# shellcheck source=/dev/null
source "${KSELFTEST:-$("$here/headers")}/kselftest/ktap_helpers.sh"
# shellcheck source=selftests/lib/kernel_log.sh
source "$here/lib/kernel_log.sh"

linux_cases=(
	net_identity net_lspci net_driver net_legacy net_ping net_transfer net_msix
	blk_identity blk_lspci blk_driver blk_legacy blk_write_flush blk_read blk_msix
	guest_kernel_log
)

skip_all() {
	ktap_print_header
	ktap_skip_all "$*"
	exit "$KSFT_SKIP"
}

[[ -n ${VIRTIO_MMR_VM-} ]] ||
	skip_all "boots guests on emulated functions: selftests/vmtest.sh runs this in a virtual machine"

net='' blk='' bios=''
while read -r bdf type _ file; do
	case $type in
	net) [[ $net ]] || net=$bdf ;;
	blk)
		# The one for SeaBIOS has no virtio capabilities; "[108]" is a PCIe one
		capabilities=$(lspci -v -s "$bdf")
		if grep -qE 'Capabilities: \[[0-9a-f]{2}\] Vendor Specific' <<<"$capabilities"; then
			[[ $blk ]] || blk=$bdf blk_file=$file
		elif [[ ! $bios ]]; then
			bios=$bdf bios_file=$file
		fi
		;;
	esac
done < <("$tools/vfs" create)
[[ $net && $blk && $bios ]] ||
	skip_all "needs: tools/vm/run --vf net --vf blk --vf blk,disable-modern=on -- $0"
"$tools/vfs" bind "$net" "$blk" "$bios"

ktap_print_header
ktap_set_plan $((${#linux_cases[@]} + 8))

# --- Linux -------------------------------------------------------------------
log_mark
status=0
output=$("$tools/guest" --vf "$net" --vf "$blk" --script "$here/guest/linux.sh" \
	--out "$VIRTIO_MMR_RESULTS/guest-linux") || status=$?
while IFS= read -r line; do
	echo "# $line"
done <<<"$output"

for name in "${linux_cases[@]}"; do
	if grep -qx "pass $name" <<<"$output"; then
		ktap_test_pass "linux.$name"
	else
		ktap_test_fail "linux.$name"
	fi
done
ktap_test_result linux.exit_status test "$status" = 0

# What the guest flushed is in the host's file
image_file() {
	local word sector sectors sum
	read -r word sector sectors sum < <(grep '^data ' <<<"$output") || return 1
	[[ $word ]] || return 1
	[[ $(dd if="$blk_file" bs=512 skip="$sector" count="$sectors" status=none |
		sha256sum) == "$sum "* ]]
}
ktap_test_result linux.blk_image_file image_file
ktap_test_result linux.kernel_log log_clean

# --- SeaBIOS -----------------------------------------------------------------
log_mark
dd if="$build/guest/boot.bin" of="$bios_file" bs=512 count=1 conv=notrunc status=none
status=0
output=$("$tools/guest" --vf "$bios" --boot-bios \
	--out "$VIRTIO_MMR_RESULTS/guest-seabios") || status=$?
while IFS= read -r line; do
	echo "# $line"
done <<<"${output//$'\r'/}"

token() {
	grep -qx 'virtio-mmr boot sector' <<<"${output//$'\r'/}"
}

# Read by the boot sector; the runner labels each of the first sectors
second_sector() {
	grep -q "^virtio-mmr $(basename "$bios_file" .img) sector 1\b" <<<"${output//$'\r'/}"
}

# SeaBIOS says on its debug port which of its virtio drivers it uses
legacy_mode() {
	grep -aq 'legacy.* virtio mode' "$VIRTIO_MMR_RESULTS/guest-seabios/bios.log"
}

ktap_test_result seabios.exit_status test "$status" = 0
ktap_test_result seabios.token token
ktap_test_result seabios.second_sector second_sector
ktap_test_result seabios.legacy_mode legacy_mode
ktap_test_result seabios.kernel_log log_clean
ktap_finished
