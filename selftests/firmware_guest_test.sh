#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Firmware and boot loaders of Debian 12 on MMR functions. Each boots GRUB from a disk or by the
# network, and GRUB compares a file with its checksum (guest/grub.cfg). All functions lack the
# modern interface (disable-modern=on), as most of these guests prefer it.
#
# Runs in L1, with the options that --devices prints, after --prepare on the host, which fetches
# the firmware from Debian:
#	selftests/firmware_guest_test.sh [GUEST...]
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
tools=$here/../tools/vm
build=${OUTPUT:-$here/../build/selftests}
packages=${XDG_CACHE_HOME:-$HOME/.cache}/virtio-mmr/firmware-bookworm
media=$build/firmware

# NAME|FUNCTIONS|PLATFORM of GRUB|CHECKS|GUEST; Documentation/guests.rst has these
# shellcheck disable=SC2016 # backquotes of reStructuredText
guests=(
	'seabios|blk|i386-pc|contents written|SeaBIOS; GRUB uses its disk services (INT 13h)'
	'seabios_scsi|scsi|i386-pc|contents written|SeaBIOS; the same from a SCSI disk'
	'ipxe_rom|bios|i386-pc|contents|iPXE as the ROM of the function; GRUB uses it by PXE'
	'ipxe_lkrn|bios|i386-pc|contents|iPXE started like a Linux kernel (``ipxe.lkrn``); GRUB uses it by PXE'
	'ovmf_disk|blk|x86_64-efi|contents written|OVMF; GRUB uses its block I/O protocol'
	'ovmf_pxe|efi|x86_64-efi|contents|OVMF, PXE; GRUB uses its simple network protocol'
	'uboot_64|blk efi|x86_64-efi|contents written disk_crc net_crc net_mac_fault|U-Boot, 64 bits; GRUB uses its block I/O protocol'
	'uboot_32|blk efi|i386-efi|contents written disk_crc net_crc net_mac_fault|U-Boot, 32 bits; the same'
)

escape() { # TEXT: for an option of QEMU, whose parts commas separate
	printf '%s' "${1//,/,,}"
}

# The servers of two networks offer different files
netdev() { # NAME BOOT-FILE
	printf '%s\n' --vf "net,disable-modern=on,netdev=$1" --qemu-arg -netdev \
		--qemu-arg "user,id=$1,restrict=on,ipv6=off,tftp=$(escape "$(readlink -m "$media/tftp")"),bootfile=$2"
}

case ${1-} in
--devices)
	printf '%s\n' --vf blk,disable-modern=on --vf scsi,disable-modern=on
	netdev bios boot.pxe
	netdev efi EFI/BOOT/BOOTX64.EFI
	exit
	;;
--prepare)
	"$tools/../archive/unpack" --suites bookworm --all "$packages" grub-pc-bin grub-efi-amd64-bin \
		grub-efi-ia32-bin ovmf u-boot-qemu ipxe ipxe-qemu dosfstools mtools
	"$here/helpers/firmware-images" "$packages" "$media"
	exit
	;;
# For the documentation
--guests)
	printf '%s\n' "${guests[@]}"
	exit
	;;
esac

# shellcheck source=selftests/lib/linux_guest.sh
source "$here/lib/linux_guest.sh"
linux_begin
# The suite has others after these
mapfile -t nets < <(sed -n 's/ net .*//p' <<<"$linux_created" | head -n 2)
read -r blk _ _ blk_disk < <(grep ' blk ' <<<"$linux_created") || true
read -r scsi _ _ scsi_disk < <(grep ' scsi ' <<<"$linux_created") || true
[[ ${#nets[@]} == 2 && ${blk-} && ${scsi-} ]] || skip_all "other functions than $0 --devices prints"
[[ -d $media && -d $packages ]] || skip_all "no firmware; $0 --prepare on the host fetches it"
declare -A bdf_of=([blk]=$blk [scsi]=$scsi [bios]=${nets[0]} [efi]=${nets[1]})
"$tools/vfs" bind "${bdf_of[@]}"

choose() { # NAME: sets its fields
	local line
	line=$(guest_line "$1") || exit "$KSFT_FAIL"
	IFS='|' read -r functions platform checks _ <<<"$line"
	disk=$blk_disk
	[[ $functions != scsi ]] || disk=$scsi_disk
}

read -r place size <"$media/environment"
# GRUB has written its name there
environment() {
	dd if="$disk" bs=512 skip=$((place / 512)) count=$((size / 512)) status=none
}

notifications() {
	timeout 60 "$build/device_counters" "$1" mmr-notifies mmr-strays
}

arguments() { # NAME: the rest for tools/vm/guest
	case $1 in
	ipxe_rom) printf '%s\n' --vf "${bdf_of[bios]},rombar=1,romfile=$(escape "$media/ipxe.rom")" ;;
	ipxe_lkrn)
		printf '%s\n' --vf "${bdf_of[bios]},bootindex=-1" --qemu-arg -kernel --qemu-arg "$packages/boot/ipxe.lkrn" \
			--qemu-arg -initrd --qemu-arg "$media/boot.ipxe"
		;;
	seabios* | ovmf_*) printf '%s\n' --vf "${bdf_of[$functions]}" ;;&
	ovmf_*) printf '%s\n' --firmware "$packages/usr/share/ovmf/OVMF.fd" ;;
	uboot_*)
		local arch=x86_64
		[[ $1 == *_64 ]] || arch=x86
		printf '%s\n' --vf "${bdf_of[blk]}" --vf "${bdf_of[efi]}" --input "$media/uboot.$arch" \
			--firmware "$packages/usr/lib/u-boot/qemu-$arch/u-boot.rom"
		;;
	esac
}

# --- Checks ----------------------------------------------------------------------

# GRUB starts its lines anew, after what the firmware has left there
said() { # LINE
	grep -qxF -- "$1" <<<"$output"
}

check_contents() {
	grep -q "^GRUB on $platform from " <<<"$output" && said 'contents are right'
}

check_written() {
	said 'disk is written' && [[ $(environment) == *$'\n'"token=$platform"$'\n'* ]]
}

check_disk_crc() {
	grep -qx "crc32 for 04000000 .* ==> $(<"$media/crc")" <<<"$output"
}

check_net_crc() {
	grep -qx "crc32 for 05000000 .* ==> $(<"$media/crc")" <<<"$output"
}

# U-Boot's own fault: it reads the first byte six times, on QEMU's devices as well
check_net_mac_fault() {
	grep -q '^eth0 : virtio-net#[0-9]* 52:52:52:52:52:52 ' <<<"$output"
}

# All went by the device's legacy registers, in the form that the device expects
check_notified() {
	local one now strays before before_strays wrong=0
	for one in $functions; do
		read -r now strays < <(notifications "${bdf_of[$one]}")
		read -r before before_strays <<<"${counts[$one]}"
		echo "# $one: $((now - before)) notifications, $((strays - before_strays)) of them faulty"
		[[ $now -gt $before && $strays == "$before_strays" ]] || wrong=1
	done
	return $wrong
}

declare -A counts
guest_points() {
	echo $(($(wc -w <<<"$checks") + 3))
}

guest_test() { # NAME
	local name=$1 one status=0 more line
	mapfile -t more < <(arguments "$name")
	[[ " $checks " != *' written '* ]] || environment_of_image
	for one in $functions; do
		counts[$one]=$(notifications "${bdf_of[$one]}")
	done
	log_mark
	output=$("$tools/guest" --boot-bios --timeout 240 --out "$VIRTIO_MMR_RESULTS/guest-$name" "${more[@]}") ||
		status=$?
	output=${output//$'\r'/}
	while IFS= read -r line; do
		echo "# ${line//[^[:print:]]/}"
	done <<<"$output"
	ktap_test_result "$name.exit_status" test "$status" = 0
	for one in $checks notified; do
		ktap_test_result "$name.$one" "check_$one"
	done
	ktap_test_result "$name.kernel_log" log_clean
}

# The file that GRUB writes, as it was
environment_of_image() {
	dd if="$media/disk.img" of="$disk" bs=512 skip=$((place / 512)) seek=$((place / 512)) \
		count=$((size / 512)) conv=notrunc status=none
}

for disk in "$blk_disk" "$scsi_disk"; do
	dd if="$media/disk.img" of="$disk" bs=1M conv=notrunc status=none
done
guests_of_table "$@"
