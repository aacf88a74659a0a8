#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Firmware and boot loaders of Debian on MMR functions. Each boots GRUB of the same release from a
# disk or by the network, and GRUB compares a file with its checksum (guest/grub.cfg). All functions
# lack the modern interface (disable-modern=on), as most of these guests prefer it.
#
# Runs in L1, with the options that --devices prints, after --prepare [RELEASE...] on the host, which
# fetches the firmware and QEMU from Debian. The releases are bookworm and trixie:
#	selftests/firmware_guest_test.sh [GUEST...]
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
tools=$here/../tools/vm
build=${OUTPUT:-$here/../build/selftests}
all_packages=${XDG_CACHE_HOME:-$HOME/.cache}/virtio-mmr/firmware
all_media=$build/firmware

# NAME|FUNCTIONS|PLATFORM of GRUB|CHECKS|GUEST; Documentation/guests.rst has these. NAME_trixie is
# of Debian 13 and runs in its QEMU, the others are of Debian 12
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
	'seabios_trixie|blk|i386-pc|contents written|as ``seabios``, of Debian 13'
	'seabios_scsi_trixie|scsi|i386-pc|contents written|as ``seabios_scsi``, of Debian 13'
	'ipxe_rom_trixie|bios_trixie|i386-pc|contents|as ``ipxe_rom``, of Debian 13'
	'ipxe_lkrn_trixie|bios_trixie|i386-pc|contents|as ``ipxe_lkrn``, of Debian 13'
	'ovmf_disk_trixie|blk|x86_64-efi|contents written|as ``ovmf_disk``, of Debian 13'
	'ovmf_pxe_trixie|efi_trixie|x86_64-efi|contents|as ``ovmf_pxe``, of Debian 13'
	'uboot_64_trixie|blk efi_trixie|x86_64-efi|contents written disk_crc net_crc net_mac|as ``uboot_64``, of Debian 13'
	'uboot_32_trixie|blk efi_trixie|i386-efi|contents written disk_crc net_crc net_mac|as ``uboot_32``, of Debian 13'
)

# Of each function, as their networks are apart
mac=52:54:00:ab:cd:ef

escape() { # TEXT: for an option of QEMU, whose parts commas separate
	printf '%s' "${1//,/,,}"
}

# The servers of the networks offer different files
netdev() { # NAME RELEASE BOOT-FILE
	local tftp
	tftp=$(readlink -m "$all_media/$2/tftp")
	printf '%s\n' --vf "net,disable-modern=on,mac=$mac,netdev=$1" --qemu-arg -netdev \
		--qemu-arg "user,id=$1,restrict=on,ipv6=off,tftp=$(escape "$tftp"),bootfile=$3"
}

case ${1-} in
--devices)
	printf '%s\n' --vf blk,disable-modern=on --vf scsi,disable-modern=on
	netdev bios bookworm boot.pxe
	netdev efi bookworm EFI/BOOT/BOOTX64.EFI
	netdev bios_trixie trixie boot.pxe
	netdev efi_trixie trixie EFI/BOOT/BOOTX64.EFI
	exit
	;;
--prepare)
	shift
	releases=("$@")
	[[ $# -gt 0 ]] || releases=(bookworm trixie)
	for release in "${releases[@]}"; do
		"$tools/../archive/unpack" --suites "$release" --all "$all_packages-$release" grub-pc-bin \
			grub-efi-amd64-bin grub-efi-ia32-bin ovmf u-boot-qemu ipxe ipxe-qemu dosfstools mtools
		"$here/helpers/firmware-images" "$all_packages-$release" "$all_media/$release"
		[[ $release != trixie ]] || "$tools/../archive/qemu" trixie >/dev/null
	done
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
mapfile -t nets < <(sed -n 's/ net .*//p' <<<"$linux_created" | head -n 4)
read -r blk _ _ blk_disk < <(grep ' blk ' <<<"$linux_created") || true
read -r scsi _ _ scsi_disk < <(grep ' scsi ' <<<"$linux_created") || true
[[ ${#nets[@]} == 4 && ${blk-} && ${scsi-} ]] || skip_all "other functions than $0 --devices prints"
declare -A bdf_of=([blk]=$blk [scsi]=$scsi [bios]=${nets[0]} [efi]=${nets[1]}
	[bios_trixie]=${nets[2]} [efi_trixie]=${nets[3]})
"$tools/vfs" bind "${bdf_of[@]}"

choose() { # NAME: sets its fields, and the release and what belongs to it
	local line
	release=bookworm
	[[ $1 != *_trixie ]] || release=trixie
	packages=$all_packages-$release media=$all_media/$release
	[[ -d $packages && -d $media ]] ||
		skip_all "no firmware of $release; $0 --prepare on the host fetches it"
	line=$(guest_line "$1") || exit "$KSFT_FAIL"
	IFS='|' read -r functions platform checks _ <<<"$line"
	disk=$blk_disk
	[[ $functions != scsi ]] || disk=$scsi_disk
	read -r place size <"$media/environment"
}

# GRUB has written its name there
environment() {
	dd if="$disk" bs=512 skip=$((place / 512)) count=$((size / 512)) status=none
}

notifications() {
	timeout 60 "$build/device_counters" "$1" mmr-notifies mmr-strays
}

arguments() { # NAME: the rest for tools/vm/guest
	local one properties='' arch=x86_64
	[[ $release == bookworm ]] || printf '%s\n' --qemu "$("$tools/../archive/qemu" "$release")"
	case $1 in
	ipxe_rom*) properties=",rombar=1,romfile=$(escape "$media/ipxe.rom")" ;;
	ipxe_lkrn*)
		properties=,bootindex=-1
		printf '%s\n' --qemu-arg -kernel --qemu-arg "$media/ipxe.lkrn" \
			--qemu-arg -initrd --qemu-arg "$media/boot.ipxe"
		;;
	ovmf_*) printf '%s\n' --firmware "$packages/usr/share/ovmf/OVMF.fd" ;;
	uboot_*)
		[[ $1 == uboot_64* ]] || arch=x86
		printf '%s\n' --input "$media/uboot.$arch" \
			--firmware "$packages/usr/lib/u-boot/qemu-$arch/u-boot.rom"
		;;
	esac
	for one in $functions; do
		printf '%s\n' --vf "${bdf_of[$one]}$properties"
	done
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

check_net_mac() {
	grep -q "^eth0 : virtio-net#[0-9]* $mac " <<<"$output"
}

# U-Boot's own fault: it reads the first byte six times, on QEMU's devices as well
check_net_mac_fault() {
	mac=${mac//[0-9a-f][0-9a-f]/${mac%%:*}} check_net_mac
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
	[[ " $checks " != *' written '* ]] ||
		dd if="$media/disk.img" of="$disk" bs=1M conv=notrunc status=none
	for one in $functions; do
		counts[$one]=$(notifications "${bdf_of[$one]}")
	done
	log_mark
	output=$("$tools/guest" --boot-bios --timeout 240 --out "$VIRTIO_MMR_RESULTS/guest-$name" "${more[@]}") ||
		status=$?
	output=${output//$'\r'/}
	# The last one is of SeaBIOS, which says its version
	while IFS= read -r line; do
		echo "# ${line//[^[:print:]]/}"
	done <<<"$output"$'\n'"$(head -n 1 "$VIRTIO_MMR_RESULTS/guest-$name/bios.log")"
	ktap_test_result "$name.exit_status" test "$status" = 0
	for one in $checks notified; do
		ktap_test_result "$name.$one" "check_$one"
	done
	ktap_test_result "$name.kernel_log" log_clean
}

guests_of_table "$@"
