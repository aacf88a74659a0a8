#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Unmodified legacy drivers in virtual machines on MMR functions. Linux has a function of each
# type. SeaBIOS boots from a blk function without modern capabilities. The script needs the rest
# of the tool chain, so it runs in L1 only, with the options that selftests/guest_test.sh
# --devices prints:
# options that selftests/guest_test.sh --devices prints:
#	mapfile -t devices < <(selftests/guest_test.sh --devices)
#	tools/vm/run "${devices[@]}" -- selftests/guest_test.sh
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
tools=$here/../tools/vm
build=${OUTPUT:-$here/../build/selftests}

types=(net blk scsi rng console balloon 9p)
if [[ ${1-} == --devices ]]; then
	printf '%s\n' "${types[@]/#/--vf=}" '--vf=blk,disable-modern=on' | sed 's/=/\n/'
	exit
fi

# shellcheck source=selftests/lib/ktap.sh
source "$here/lib/ktap.sh"
# shellcheck source=selftests/lib/kernel_log.sh
source "$here/lib/kernel_log.sh"
# shellcheck source=selftests/lib/guest.sh
source "$here/lib/guest.sh"

linux_cases=()
for type in "${types[@]}"; do
	linux_cases+=("${type}"_{identity,lspci,driver,legacy})
done
# A request to a balloon or to a console's output need not end with an interrupt
linux_cases+=(
	net_ping net_transfer net_msix
	blk_write_flush blk_read blk_label blk_msix
	scsi_write_flush scsi_read scsi_label scsi_msix
	rng_read rng_msix
	console_write
	9p_mount 9p_read 9p_msix
)
# The checks of the Linux guest, for the documentation
if [[ ${1-} == --cases ]]; then
	printf '%s\n' "${linux_cases[@]}"
	exit
fi

need_machine "boots guests on emulated functions"

functions=$("$tools/vfs" create) || {
	echo "# tools/vm/vfs create failed with status $?"
	exit "$KSFT_FAIL"
}
declare -A bdf_of file_of
bios=''
while read -r bdf type _ file; do
	if [[ $type == blk ]]; then
		# The function for SeaBIOS has no virtio capabilities. "[108]" is a PCIe one
		capabilities=$(lspci -v -s "$bdf")
		if ! grep -qE 'Capabilities: \[[0-9a-f]{2}\] Vendor Specific' <<<"$capabilities"; then
			bios=$bdf bios_file=$file
			continue
		fi
	fi
	bdf_of[$type]=$bdf file_of[$type]=$file
done <<<"$functions"
for type in "${types[@]}"; do
	[[ ${bdf_of[$type]-} ]] || skip_all "no $type function; $0 --devices prints what the machine needs"
done
[[ $bios ]] || skip_all "no blk function without modern capabilities; $0 --devices prints what the machine needs"
"$tools/vfs" bind "${bdf_of[@]}" "$bios"

ktap_print_header
ktap_set_plan $((${#linux_cases[@]} + 11))

# --- Linux -------------------------------------------------------------------
log_mark
guest_run linux linux.sh "${bdf_of[@]}"
for name in "${linux_cases[@]}"; do
	ktap_test_result "linux.$name" guest_passed "$name"
done
ktap_test_result linux.exit_status test "$guest_status" = 0
ktap_test_result linux.guest_kernel_log guest_log_clean

# The data that the guest flushed is in the host's file
image_file() { # TYPE
	local word type sector sectors sum
	read -r word type sector sectors sum < <(grep "^data $1 " <<<"$guest_output") || return 1
	[[ $word && $type ]] || return 1
	[[ $(dd if="${file_of[$1]}" bs=512 skip="$sector" count="$sectors" status=none |
		sha256sum) == "$sum "* ]]
}

console_file() {
	local word type bytes sum
	read -r word type bytes sum < <(grep '^data console ' <<<"$guest_output") || return 1
	[[ $word && $type ]] || return 1
	[[ $(tail -c "$bytes" "${file_of[console]}" | sha256sum) == "$sum "* ]]
}
ktap_test_result linux.blk_image_file image_file blk
ktap_test_result linux.scsi_image_file image_file scsi
ktap_test_result linux.console_file console_file
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
