#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# PFs as devices of the host: their VFs, and an interrupt by the pin, which VFs do not have. Runs in
# L1 with the options that --devices prints:
#	mapfile -t devices < <(selftests/native_pf_test.sh --devices)
#	tools/vm/run "${devices[@]}" -- selftests/native_pf_test.sh
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
tools=$here/../tools/vm
build=${OUTPUT:-$here/../build/selftests}

# shellcheck source=selftests/lib/native.sh
source "$here/lib/native.sh"

if [[ ${1-} == --devices ]]; then
	printf -- '--pf-mmr\n--vf\nblk:2\n--vf\nrng\n--pf\nmmr-pin=on,vectors=0\n'
	exit
fi

native_start

# The PF of a type that the options name
pf_of() { # TYPE
	local port type _
	while read -r port _ type _; do
		[[ $type == "$1" ]] || continue
		echo "$sys_pci/$port"/*:00.0 | sed 's|.*/||'
		return
	done <"$VIRTIO_MMR_RESULTS/functions"
	return 1
}
disk=$(pf_of blk)
rng=$(pf_of rng)

vfs_of() { # BDF: a line each
	local vf
	for vf in "$sys_pci/$1"/virtfn*; do
		[[ ! -e $vf ]] || basename "$(readlink "$vf")"
	done
}

reads() { # BDF
	dd if="$(disk_of "$1")" of=/dev/null bs=64k count=16 iflag=direct status=none
}

bound() { # INTERFACE
	native_bind "$disk"
	same interface "$(<"$sys_pci/$disk/virtio_mmr_interface")" "$1"
	reads "$disk"
}

# The VFs have no driver by themselves. One of them becomes a disk beside that of the PF
vfs() {
	local vf
	echo 2 >"$sys_pci/$disk/sriov_numvfs"
	same 'number of VFs' "$(vfs_of "$disk" | wc -l)" 2
	vf=$(vfs_of "$disk" | sed -n 1p)
	same "driver of $vf" "$(driver_of "$vf")" none
	native_bind "$vf"
	reads "$vf"
	reads "$disk"
	echo 0 >"$sys_pci/$disk/sriov_numvfs"
	same 'number of VFs' "$(vfs_of "$disk" | wc -l)" 0
	reads "$disk"
}

# With a VF in use
unbound_with_vfs() {
	local vf loop
	echo 2 >"$sys_pci/$disk/sriov_numvfs"
	vf=$(vfs_of "$disk" | sed -n 1p)
	native_bind "$vf"
	while reads "$vf" 2>/dev/null; do :; done &
	loop=$!
	sleep 0.2
	native_unbind "$disk"
	wait "$loop" || true
	same 'number of VFs' "$(vfs_of "$disk" | wc -l)" 0
	same 'driver of the PF' "$(driver_of "$disk")" none
	[[ $(log_lines) == *'2 VFs of this PF go away'* ]] || say "the log does not name the VFs"
}

# A PF without vectors has its pin. The kernel's entropy comes from this device alone
pin() {
	local virtio before
	native_bind "$rng"
	same interface "$(<"$sys_pci/$rng/virtio_mmr_interface")" "$1"
	virtio=$(virtio_of "$rng")
	grep -qE "IO-APIC.* $virtio\$" /proc/interrupts || say "no line of the pin: $(grep "$virtio" /proc/interrupts)"
	before=$(fired "$rng" all)
	echo "virtio_rng.${virtio#virtio}" >/sys/class/misc/hw_random/rng_current 2>/dev/null ||
		grep -o 'virtio_rng[^ ]*' /sys/class/misc/hw_random/rng_available | tail -n 1 \
			>/sys/class/misc/hw_random/rng_current
	dd if=/dev/hwrng of=/dev/null bs=256 count=8 iflag=fullblock status=none
	[[ $(fired "$rng" all) -gt $before ]] || say "no interrupt of $virtio"
	native_unbind "$rng"
}

ktap_print_header
for way in modern legacy; do
	native_legacy "$([[ $way == modern ]] && echo N || echo Y)"
	native_check "$way.bound" bound "$way"
	native_check "$way.vfs" vfs
	native_check "$way.unbound_with_vfs" unbound_with_vfs
	native_check "$way.pin" pin "$way"
done
native_finish
