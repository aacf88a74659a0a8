#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Linux guests without MSI-X: they get INTx, which the driver makes from the function's own
# MSI-X. Each has a function of each type. Their traffic and its results are those of
# guest_test.sh. There are seven functions and at most four lines, so some share a line.
#
# Runs in L1, with the options that --devices prints:
#	selftests/intx_guest_test.sh GUEST...
# GUEST is the name of a guest: words with underscores between them.
#	pc, q35		type of the virtual machine, the first word
#	legacy, modern	driver of virtio_pci, the second word
#	noirqfd		QEMU passes on each interrupt, not KVM
#	tcg		QEMU emulates the guest's CPU, without KVM
#	noapic		the guest uses the 8259
#	kexec		a kernel with MSI-X boots the one without
#	busy		with kexec: while the functions are in use
#	suspend		the guest suspends itself before
#	old		the guest has the oldest kernel that Debian has: --prepare fetches it
#	iommufd		QEMU opens the functions by /dev/vfio/devices
#	trixie, backports	with iommufd: QEMU of Debian 13, or of trixie-backports, which
#			"tools/archive/qemu SUITE" has fetched on the host
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
tools=$here/../tools/vm
build=${OUTPUT:-$here/../build/selftests}

# shellcheck source=selftests/lib/linux_guest.sh
source "$here/lib/linux_guest.sh"
case ${1-} in
--devices)
	linux_devices
	exit
	;;
# On the host: the kernel of old guests
--prepare)
	linux_old_kernel
	exit
	;;
esac

# Seconds that a guest may take, times VIRTIO_MMR_TIMEOUT_SCALE (tools/vm/guest)
patience=240

# Sets what linux_guest needs
choose() { # GUEST
	local words word
	IFS=_ read -ra words <<<"$1"
	linux_driver=${words[1]} linux_interrupts=ioapic linux_requests=200 linux_first=() linux_without=''
	linux_sectors=2048 linux_properties='' linux_variables=() linux_sleeps=0
	guest_arguments=(--timeout "$patience" --machine "${words[0]}") guest_scripts=(lib.sh)
	[[ ! ${linux_bdf[blk]-} ]] || guest_slow_disk "${linux_bdf[blk]}" 0
	[[ $1 == *_kexec* ]] || guest_arguments+=(--kernel-arg pci=nomsi)
	[[ $linux_driver == legacy ]] ||
		guest_arguments+=(--kernel-arg virtio_pci.force_legacy=0) linux_without=balloon
	for word in "${words[@]:2}"; do
		case $word in
		noirqfd) guest_arguments+=(--qemu-arg -global --qemu-arg vfio-pci.x-no-kvm-intx=on) ;;
		tcg)
			# Emulated twice over, so it takes ten times as long and does a tenth of the work.
			# Debian 12's QEMU leaves false flags after CMPXCHG16B, and an interrupt there
			# gives Linux a trap flag. So it is the QEMU that L1 runs on
			guest_arguments+=(--accel tcg --qemu patched --timeout $((10 * patience)))
			linux_requests=20 linux_sectors=128
			;;
		noapic) guest_arguments+=(--kernel-arg noapic) linux_interrupts=pic ;;
		old) guest_arguments+=(--kernel 5.10) ;;
		# Debian 12's QEMU does not have it
		iommufd)
			guest_arguments+=(--qemu patched --qemu-arg -object --qemu-arg 'iommufd,id=user')
			linux_properties=,iommufd=user
			# So that the group is no other way
			mountpoint -q /dev/vfio/vfio || mount --bind /dev/null /dev/vfio/vfio
			;;
		trixie) guest_arguments+=(--qemu "$("$tools/../archive/qemu" trixie)") ;;
		backports) guest_arguments+=(--qemu "$("$tools/../archive/qemu" trixie-backports)") ;;
		kexec)
			guest_kexec "$(uname -r)"
			linux_variables+=(second=pci=nomsi)
			linux_first+=(before_{net,blk})
			;;
		busy)
			guest_slow_disk "${linux_bdf[blk]}"
			linux_variables+=("busy='read write'")
			linux_first+=(busy)
			;;
		suspend)
			guest_scripts+=(suspend.sh) linux_sleeps=2
			linux_first=({before,idle,memory}_{net,blk} suspend_{freeze,mem})
			;;
		*)
			echo "# no guest is '$1'"
			exit "$KSFT_FAIL"
			;;
		esac
	done
}

linux_begin
linux_functions <<<"$linux_created"
"$tools/vfs" bind "${linux_bdf[@]}"
linux_guests "$@"
