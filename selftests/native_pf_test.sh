#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# PFs as devices of the host: their VFs, an interrupt by the pin, which VFs do not have, and slots
# that lose them, and links that fail, while they are in use. Runs in L1 with the options that
# --devices prints:
#	mapfile -t devices < <(selftests/native_pf_test.sh --devices)
#	tools/vm/run "${devices[@]}" -- selftests/native_pf_test.sh
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
tools=$here/../tools/vm
build=${OUTPUT:-$here/../build/selftests}

# shellcheck source=selftests/lib/native.sh
source "$here/lib/native.sh"

if [[ ${1-} == --devices ]]; then
	printf -- '--pf-mmr\n--vf\nblk:2\n--vf\nrng\n--pf\nmmr-pin=on,vectors=0\n--vf\nnet\n--pf\nmmr-pin=on,vectors=0\n'
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
net=$(pf_of net)

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

# A device with VIRTIO_F_SR_IOV has VFs after a driver has taken that, which is modern
vfs_need_a_driver() { # INTERFACE
	local virtio status=0
	virtio=$(virtio_of "$disk")
	echo "$virtio" >/sys/bus/virtio/drivers/virtio_blk/unbind
	echo 2 2>/dev/null >"$sys_pci/$disk/sriov_numvfs" || status=1
	if [[ $1 == modern ]]; then
		[[ $status == 1 && $(log_lines) == *"$disk: no VFs before a virtio driver"* ]] || say "VFs without a driver"
	else
		same status $status 0
		echo 0 >"$sys_pci/$disk/sriov_numvfs"
	fi
	echo "$virtio" >/sys/bus/virtio/drivers/virtio_blk/bind
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
	native_bind_random "$rng"
	same interface "$(<"$sys_pci/$rng/virtio_mmr_interface")" "$1"
	virtio=$(virtio_of "$rng")
	grep -qE "IO-APIC.* $virtio\$" /proc/interrupts || say "no line of the pin: $(grep "$virtio" /proc/interrupts)"
	before=$(fired "$rng" all)
	dd if=/dev/hwrng of=/dev/null bs=256 count=8 iflag=fullblock status=none
	[[ $(fired "$rng" all) -gt $before ]] || say "no interrupt of $virtio"
	native_unbind "$rng"
}

carrier_is() { # VALUE
	[[ $(<"/sys/class/net/$(interface_of "$net")/carrier") == "$1" ]]
}

# Without MSI-X the registers of the configuration have another place
pin_for_changes() {
	local up value
	native_bind "$net"
	same MAC "$(<"/sys/class/net/$(interface_of "$net")/address")" "$(qmp_get pf-net0 mac)"
	ip link set "$(interface_of "$net")" up
	for up in false true; do
		qmp set_link "{\"name\": \"pf-net0\", \"up\": $up}" >/dev/null
		value=$([[ $up == true ]] && echo 1 || echo 0)
		within "$seconds" carrier_is "$value" || say "the carrier is not $value"
	done
	native_unbind "$net"
}

port_of() { # BDF of a PF: its slot
	basename "$(dirname "$(readlink -f "$sys_pci/$1")")"
}

absent() { # BDF...
	local bdf
	for bdf; do
		[[ ! -e $sys_pci/$bdf ]] || return 1
	done
}

# The disk and a VF of it, both in use: sets "vf"
use_with_vf() {
	native_bind "$disk"
	echo 1 >"$sys_pci/$disk/sriov_numvfs"
	vf=$(vfs_of "$disk" | sed -n 1p)
	native_bind "$vf"
	reads "$disk"
	reads "$vf"
}

# The kernel finds the disk anew, after it was removed
comes_back() { # INTERFACE
	echo 1 >/sys/bus/pci/rescan
	! absent "$disk" || say "it does not come back"
	bound "$1"
	native_unbind "$disk"
}

# Somebody pulls the card, with a VF in use as well: all is ones from then on, before the kernel
# knows. No request is under way
pulled() {
	local port bus vf
	use_with_vf
	port=$(port_of "$disk")
	# A port without buses and without memory
	bus=$(setpci -s "$port" 18.l)
	setpci -s "$port" 18.l=0:ffff00 COMMAND=0:2
	# The emulated device is still there, so it loses its state as one without power does
	setpci -s "$port" BRIDGE_CONTROL=40:40
	setpci -s "$port" BRIDGE_CONTROL=0:40
	same "vendor ID" "$(setpci -s "$disk" 0.w 2>/dev/null || echo ffff)" ffff
	echo 1 >"$sys_pci/$disk/remove"
	absent "$disk" "$vf" || say "functions are still there"
	setpci -s "$port" 18.l="$bus" COMMAND=2:2
	comes_back "$1"
}

logged() { # WORDS
	[[ $(log_lines) == *"$1"* ]]
}

# The link fails, with a VF in use as well, and the kernel resets what is below it. No request is
# under way, and those that come end
link_fails() { # INTERFACE
	local port vf function reader
	use_with_vf
	port=$(qmp_get pf-blk0 parent_bus)
	port=${port#/machine/peripheral/}
	# A data link protocol error, which is fatal
	qmp human-monitor-command "{\"command-line\": \"pcie_aer_inject_error ${port%%/*} DLP\"}"
	within $seconds logged ': AER: device recovery ' || say "the kernel does not know of it"
	for function in "$disk" "$vf"; do
		logged "$function: the link of virtio block has failed" || say "no line about $function"
		dd if="$(disk_of "$function")" of=/dev/null bs=4k count=1 iflag=direct status=none &
		reader=$!
		within $seconds eval "! kill -0 $reader 2>/dev/null" || say "a read of $function waits"
		! wait $reader || say "a read of $function succeeds"
	done
	echo 1 >"$sys_pci/$disk/remove"
	absent "$disk" "$vf" || say "functions are still there"
	comes_back "$1"
}

# Hot-unplug in good order, while both are in use
unplugged() {
	local vf loop loops=()
	native_bind "$disk"
	echo 2 >"$sys_pci/$disk/sriov_numvfs"
	vf=$(vfs_of "$disk" | sed -n 1p)
	native_bind "$vf"
	for loop in "$disk" "$vf"; do
		while reads "$loop" 2>/dev/null; do :; done &
		loops+=($!)
	done
	qmp device_del '{"id": "pf-blk0"}' >/dev/null
	within $((2 * seconds)) absent "$disk" "$vf" || say "functions are still there"
	for loop in "${loops[@]}"; do
		wait "$loop" || true
	done
}

ktap_print_header
for way in modern legacy; do
	native_legacy "$([[ $way == modern ]] && echo N || echo Y)"
	native_check "$way.bound" bound "$way"
	native_check "$way.vfs" vfs
	native_check "$way.vfs_need_a_driver" vfs_need_a_driver "$way"
	native_check "$way.unbound_with_vfs" unbound_with_vfs
	native_check "$way.pulled" pulled "$way"
	native_check "$way.link_fails" link_fails "$way"
	native_check "$way.pin" pin "$way"
	native_check "$way.pin_for_changes" pin_for_changes
done
# It does not come back
native_check unplugged unplugged
native_finish
