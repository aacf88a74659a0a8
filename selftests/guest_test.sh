#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Unmodified legacy drivers in virtual machines on MMR functions. Linux has a function of each
# type. SeaBIOS boots from a blk function without modern capabilities. The script needs the rest
# of the tool chain, so it runs in L1 only, with the options that selftests/guest_test.sh
# --devices prints:
#	mapfile -t devices < <(selftests/guest_test.sh --devices)
#	tools/vm/run "${devices[@]}" -- selftests/guest_test.sh
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
tools=$here/../tools/vm
build=${OUTPUT:-$here/../build/selftests}

# shellcheck source=selftests/lib/linux_guest.sh
source "$here/lib/linux_guest.sh"

case ${1-} in
--devices)
	linux_devices
	printf -- '--vf\nblk,disable-modern=on\n'
	exit
	;;
# The checks of the Linux guest, for the documentation
--cases)
	linux_cases
	exit
	;;
esac

linux_begin
bios='' others=''
while read -r bdf type id file; do
	if [[ $type == blk ]]; then
		# The function for SeaBIOS has no virtio capabilities. "[108]" is a PCIe one
		capabilities=$(lspci -v -s "$bdf")
		if ! grep -qE 'Capabilities: \[[0-9a-f]{2}\] Vendor Specific' <<<"$capabilities"; then
			bios=$bdf bios_file=$file
			continue
		fi
	fi
	others+="$bdf $type $id $file"$'\n'
done <<<"$linux_created"
linux_functions <<<"$others"
[[ $bios ]] || skip_all "no blk function without modern capabilities; $0 --devices prints what the machine needs"
"$tools/vfs" bind "${linux_bdf[@]}" "$bios"

ktap_print_header
ktap_set_plan $(($(linux_points) + 5))

# --- Linux -------------------------------------------------------------------
linux_guest linux

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

# The boot sector reads it. The runner labels each of the first sectors
second_sector() {
	grep -q "^virtio-mmr $(basename "$bios_file" .img) sector 1\b" <<<"${output//$'\r'/}"
}

# SeaBIOS names its virtio driver on its debug port
legacy_mode() {
	grep -aq 'legacy.* virtio mode' "$VIRTIO_MMR_RESULTS/guest-seabios/bios.log"
}

ktap_test_result seabios.exit_status test "$status" = 0
ktap_test_result seabios.token token
ktap_test_result seabios.second_sector second_sector
ktap_test_result seabios.legacy_mode legacy_mode
ktap_test_result seabios.kernel_log log_clean
ktap_finished
