#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Linux guests on tools/vmm, which uses the core as a library: functions are those of plain
# vfio-pci, and no driver of this project is loaded. The guests' traffic and its results are
# those of guest_test.sh and intx_guest_test.sh, with a function of each type.
#
# Runs in L1, with the options that --devices prints:
#	selftests/light_guest_test.sh GUEST...
# GUEST is the name of a guest: words with underscores between them.
#	legacy, modern	driver of virtio_pci, the first word
#	nomsi		the guest uses INTx
#	noapic		the guest uses the 8259
#	smp		the guest has two CPUs
#	bzimage		its kernel is compressed, as boot loaders get it
#	KERNEL		a series, such as 5.10: --prepare fetches the oldest and the newest one
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
tools=$here/../tools/vm

# shellcheck source=selftests/lib/linux_guest.sh
source "$here/lib/linux_guest.sh"
case ${1-} in
--devices)
	printf -- '--vf\n%s\n' "${linux_types[@]}"
	exit
	;;
# On the host: this VMM, and the kernels of old and of new guests
--prepare)
	make --no-print-directory -C "$here/.." vmm
	make --no-print-directory -C "$here/../tools/vmm" operations
	"$tools/bzimage" "$("$tools/../kernels" default)" >/dev/null
	for word in old-guest newest default; do
		"$tools/initramfs" l2 "$("$tools/kernel" "$("$tools/../kernels" "$word")")" >/dev/null
	done
	exit
	;;
esac
# shellcheck source=selftests/lib/ktap.sh
source "$here/lib/ktap.sh"
# shellcheck source=selftests/lib/kernel_log.sh
source "$here/lib/kernel_log.sh"
# shellcheck source=selftests/lib/guest.sh
source "$here/lib/guest.sh"
# shellcheck source=selftests/lib/light.sh
source "$here/lib/light.sh"

need_machine "boots guests on emulated functions"

# The driver's counters do not exist here
linux_intx() { :; }

# The work is that of the VMM
linux_without_driver() {
	local type driver
	[[ ! -e /sys/module/virtio_mmr_vfio_pci ]] || return 1
	for type in "${linux_types[@]}"; do
		driver=$(basename "$(readlink "/sys/bus/pci/devices/${linux_bdf[$type]}/driver")")
		[[ $driver == vfio-pci ]] || return 1
	done
}
linux_proof=without_driver

# Sets what linux_guests needs
choose() { # GUEST
	local words word
	IFS=_ read -ra words <<<"$1"
	linux_driver=${words[0]} linux_interrupts=msix linux_requests=0 linux_without=''
	guest_arguments=(--vmm --timeout 240)
	[[ $linux_driver == legacy ]] ||
		guest_arguments+=(--kernel-arg virtio_pci.force_legacy=0) linux_without=balloon
	for word in "${words[@]:1}"; do
		case $word in
		nomsi)
			guest_arguments+=(--kernel-arg pci=nomsi)
			linux_interrupts=ioapic linux_requests=200
			;;
		noapic) guest_arguments+=(--kernel-arg noapic) linux_interrupts=pic ;;
		smp) guest_arguments+=(--vmm-arg --cpus=2) ;;
		# Of one kernel, whatever the host's is
		bzimage) guest_arguments+=(--bzimage --kernel "$("$tools/../kernels" default)") ;;
		[0-9].*) guest_arguments+=(--kernel "$word") ;;
		*)
			echo "# no guest is '$1'"
			exit "$KSFT_FAIL"
			;;
		esac
	done
}

linux_functions < <("$tools/vfs" create)
light_bind vfio-pci "${linux_bdf[@]}"

linux_guests "$@"
