#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Runs in the legacy guest (busybox), with one net and one blk function. Prints
# a line per check, "pass NAME" or "fail NAME: REASON", which guest_test.sh turns
# into test cases, and "data BYTES SHA256" about what it left on the disk.
#
# Where on the disk: behind what blk_test writes.
sector=8192
sectors=2048

status=0
pass() { echo "pass $1"; }
fail() {
	name=$1
	shift
	echo "fail $name: $*"
	status=1
}

# Finds the PCI function with a transitional device ID: sets pci and virtio
find_function() {
	for pci in /sys/bus/pci/devices/*; do
		[ "$(cat "$pci/vendor"):$(cat "$pci/device")" = "0x1af4:$1" ] || continue
		for virtio in "$pci"/virtio*; do
			[ -e "$virtio" ] && return 0
		done
	done
	pci='' virtio=''
	return 1
}

# Checks of either function: NAME PCI-ID VIRTIO-ID DRIVER
check_function() {
	name=$1 id=$2 type=$3 driver=$4
	if ! find_function "$id"; then
		fail "${name}_identity" "no function 1af4:${id#0x} with a virtio device"
		fail "${name}_lspci" "no function"
		fail "${name}_driver" "no function"
		fail "${name}_legacy" "no function"
		fail "${name}_msix" "no function"
		return
	fi
	bdf=$(basename "$pci")

	seen="$(cat "$pci/revision") $(cat "$pci/subsystem_vendor") $(cat "$pci/subsystem_device")"
	if [ "$seen" = "0x00 0x1af4 $type" ]; then
		pass "${name}_identity"
	else
		fail "${name}_identity" "revision and subsystem IDs are $seen"
	fi

	listing=$(lspci -nnv -s "$bdf")
	case $listing in
	*"[1af4:${id#0x}]"*"I/O ports at "*) pass "${name}_lspci" ;;
	*) fail "${name}_lspci" "no [1af4:${id#0x}] with I/O ports in: $(echo "$listing" | tr '\n' ' ')" ;;
	esac

	seen=$(basename "$(readlink "$virtio/driver")")
	if [ "$seen" = "$driver" ]; then
		pass "${name}_driver"
	else
		fail "${name}_driver" "bound to '$seen', not to $driver"
	fi

	# VIRTIO_F_VERSION_1 is bit 32: a modern driver must have it, a legacy one cannot
	features=$(cat "$virtio/features")
	bit=$(echo "$features" | cut -c 33)
	if [ "$bit" = 0 ] && [ "$(cat /sys/module/virtio_pci/parameters/force_legacy)" = Y ]; then
		pass "${name}_legacy"
	else
		fail "${name}_legacy" "feature bit 32 is '$bit' of $features"
	fi
}

# Interrupts that arrived as MSI-X for a virtio device
check_msix() {
	count=$(awk -v "device=$(basename "$2")-" \
		'/MSI/ && index($0, device) { sum += $2 } END { print sum + 0 }' /proc/interrupts)
	if [ "$count" -gt 0 ]; then
		pass "${1}_msix"
	else
		fail "${1}_msix" "no MSI-X interrupt of $(basename "$2") in /proc/interrupts"
	fi
}

check_function net 0x1000 0x0001 virtio_net
net=$virtio
check_function blk 0x1001 0x0002 virtio_blk
blk=$virtio

if [ -n "$net" ]; then
	interface=$(ls "$net/net")
	ip link set "$interface" up
	ip address add 10.0.2.15/24 dev "$interface"
	if answer=$(ping -c 3 -W 5 10.0.2.2 2>&1); then
		pass net_ping
	else
		fail net_ping "$(echo "$answer" | tr '\n' ' ')"
	fi

	# There and back through an echo service
	head -c 262144 /dev/urandom >/tmp/sent
	timeout 60 nc 10.0.2.100 7 </tmp/sent >/tmp/received
	if cmp /tmp/sent /tmp/received >/tmp/difference 2>&1; then
		pass net_transfer
	else
		fail net_transfer "$(wc -c </tmp/received) of $(wc -c </tmp/sent) bytes came back; $(cat /tmp/difference)"
	fi
	check_msix net "$net"
else
	fail net_ping "no function"
	fail net_transfer "no function"
fi

if [ -n "$blk" ]; then
	disk=/dev/$(ls "$blk/block")
	head -c $((sectors * 512)) /dev/urandom >/tmp/written
	if dd if=/tmp/written of="$disk" bs=512 seek=$sector conv=fsync 2>/tmp/error; then
		pass blk_write_flush
		echo "data $sector $sectors $(sha256sum </tmp/written | cut -d ' ' -f 1)"
	else
		fail blk_write_flush "$(tr '\n' ' ' </tmp/error)"
	fi
	# Not from memory
	echo 3 >/proc/sys/vm/drop_caches
	dd if="$disk" bs=512 skip=$sector count=$sectors >/tmp/read 2>/tmp/error
	if cmp /tmp/written /tmp/read >/tmp/difference 2>&1; then
		pass blk_read
	else
		fail blk_read "$(cat /tmp/difference /tmp/error | tr '\n' ' ')"
	fi
	check_msix blk "$blk"
else
	fail blk_write_flush "no function"
	fail blk_read "no function"
fi

if fault=$(dmesg | grep -E -m 1 'WARNING:|BUG:|Oops|Call Trace'); then
	fail guest_kernel_log "$fault"
else
	pass guest_kernel_log
fi
exit $status
