#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Runs in a guest (busybox), after lib.sh, with a function of each type. Besides the lines of
# checks it prints these lines. The host compares them.
#	data blk|scsi FIRST-SECTOR SECTORS SHA256
#	data console BYTES SHA256
# Messages on the console show the host when to change the balloon's size.
#
# Interrupts, as in lib.sh
: "${interrupts:=msix}"
# virtio_pci has this driver: legacy or modern
: "${driver:=legacy}"
# Whether the guest has lspci: a 32-bit one has none
: "${has_lspci:=1}"
# Of the kernel, if the host asks: check machine
: "${machine_wanted:=}"
[ -z "$machine_wanted" ] || check_machine "$machine_wanted"
# The guest has no function of these types
: "${without:=}"
lacks() { # TYPE
	case " $without " in
	*" $1 "*) ;;
	*) return 1 ;;
	esac
}
# Requests to each disk, one after another, besides those of the checks
: "${requests:=0}"
# Place on the disks: beyond the sectors that blk_test writes.
sector=8192
# What is written there, in sectors. A quarter of that passes the network there and back
: "${sectors:=2048}"

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

check_lspci() {
	# Numbers alone: the list of names takes an emulated CPU seconds
	listing=$(lspci -nv -s "$bdf")
	case $listing in
	*" 1af4:${id#0x}"*"I/O ports at "*) pass "${name}_lspci" ;;
	*) fail "${name}_lspci" "no 1af4:${id#0x} with I/O ports in: $(echo "$listing" | tr '\n' ' ')" ;;
	esac
}

# Checks of either function: NAME PCI-ID VIRTIO-ID DRIVER
check_function() {
	name=$1 id=$2 type=$3 module=$4 pci='' virtio=''
	! lacks "$name" || return
	if ! find_function "$id"; then
		fail "${name}_identity" "no function 1af4:${id#0x} with a virtio device"
		[ "$has_lspci" = 0 ] || fail "${name}_lspci" "no function"
		fail "${name}_driver" "no function"
		fail "${name}_$driver" "no function"
		return
	fi
	bdf=$(basename "$pci")

	seen="$(cat "$pci/revision") $(cat "$pci/subsystem_vendor") $(cat "$pci/subsystem_device")"
	if [ "$seen" = "0x00 0x1af4 $type" ]; then
		pass "${name}_identity"
	else
		fail "${name}_identity" "revision and subsystem IDs are $seen"
	fi

	[ "$has_lspci" = 0 ] || check_lspci

	seen=$(basename "$(readlink "$virtio/driver")")
	if [ "$seen" = "$module" ]; then
		pass "${name}_driver"
	else
		fail "${name}_driver" "bound to '$seen', not to $module"
	fi

	seen="$(version_1 "$virtio") $(cat /sys/module/virtio_pci/parameters/force_legacy)"
	case "$driver $seen" in
	'legacy 0 Y' | 'modern 1 N') pass "${name}_$driver" ;;
	*) fail "${name}_$driver" "feature bit 32 and force_legacy are $seen: $(cat "$virtio/features")" ;;
	esac
}

check_interrupts() { # NAME VIRTIO-DEVICE
	case $interrupts in
	msix) check=${1}_msix ;;
	*) check=${1}_intx ;;
	esac
	answer=$(interrupts_wrong "$2")
	if [ -z "$answer" ]; then pass "$check"; else fail "$check" "$answer"; fi
}

# Writes a disk, flushes it, and reads it again: NAME DISK
check_disk() {
	name=$1 disk=$2
	if [ ! -b "$disk" ]; then
		fail "${name}_write_flush" "no disk $disk"
		return
	fi
	head -c $((sectors * 512)) /dev/urandom >/tmp/written
	if dd if=/tmp/written of="$disk" bs=512 seek=$sector conv=fsync 2>/tmp/error; then
		pass "${name}_write_flush"
		echo "data $name $sector $sectors $(sha256sum </tmp/written | cut -d ' ' -f 1)"
	else
		fail "${name}_write_flush" "$(tr '\n' ' ' </tmp/error)"
	fi
	# Not from memory
	echo 3 >/proc/sys/vm/drop_caches
	dd if="$disk" bs=512 skip=$sector count="$sectors" >/tmp/read 2>/tmp/error
	if cmp /tmp/written /tmp/read >/tmp/difference 2>&1; then
		pass "${name}_read"
	else
		fail "${name}_read" "$(cat /tmp/difference /tmp/error | tr '\n' ' ')"
	fi
	# Each waits for the end of the one before
	[ "$requests" = 0 ] || check_requests "$name" "$disk"
	# The runner labels each of the first sectors of an image with its name
	label=$(dd if="$disk" bs=512 skip=3 count=1 2>/dev/null | head -c 40)
	case $label in
	"virtio-mmr ${name}"*" sector 3 "*) pass "${name}_label" ;;
	*) fail "${name}_label" "sector 3 starts with '$label'" ;;
	esac
}

check_requests() { # NAME DISK
	if dd if=/tmp/written of="$2" bs=512 seek=$sector count="$requests" oflag=direct 2>/tmp/error &&
		dd if="$2" of=/tmp/read bs=512 skip=$sector count="$requests" iflag=direct 2>>/tmp/error &&
		head -c $((requests * 512)) /tmp/written | cmp - /tmp/read 2>>/tmp/error; then
		pass "${1}_requests"
	else
		fail "${1}_requests" "$(tr '\n' ' ' </tmp/error)"
	fi
}

balloon_pages() { # inflate|deflate: prints how many there were
	awk -v "name=balloon_$1" '$1 == name { print $2 }' /proc/vmstat
}

# Waits until the host has made the balloon larger, or smaller again
check_balloon() { # inflate|deflate
	echo "<4>selftests: balloon may $1" >/dev/kmsg
	waited=0
	while [ "$(balloon_pages "$1")" -lt "$balloon_size" ] && [ $waited -lt 60 ]; do
		sleep 1
		waited=$((waited + 1))
	done
	if [ "$(balloon_pages "$1")" -ge "$balloon_size" ]; then
		pass "balloon_$1"
	else
		fail "balloon_$1" "$(balloon_pages "$1") of $balloon_size pages after $waited s"
	fi
}
# 16 MiB, as lib/linux_guest.sh has it
balloon_size=4096

check_function net 0x1000 0x0001 virtio_net
net=$virtio
check_function blk 0x1001 0x0002 virtio_blk
blk=$virtio
check_function balloon 0x1002 0x0005 virtio_balloon
balloon=$virtio
check_function console 0x1003 0x0003 virtio_console
console=$virtio
check_function scsi 0x1004 0x0008 virtio_scsi
scsi=$virtio
check_function rng 0x1005 0x0004 virtio_rng
rng=$virtio
check_function 9p 0x1009 0x0009 9pnet_virtio
p9=$virtio

if [ -n "$net" ]; then
	if answer=$(ping_gateway "$net"); then
		pass net_ping
	else
		fail net_ping "$(echo "$answer" | tr '\n' ' ')"
	fi

	# There and back through an echo service
	head -c $((sectors * 128)) /dev/urandom >/tmp/sent
	timeout 60 nc 10.0.2.100 7 </tmp/sent >/tmp/received
	if cmp /tmp/sent /tmp/received >/tmp/difference 2>&1; then
		pass net_transfer
	else
		fail net_transfer "$(wc -c </tmp/received) of $(wc -c </tmp/sent) bytes came back; $(cat /tmp/difference)"
	fi
	check_interrupts net "$net"
elif ! lacks net; then
	fail net_ping "no function"
	fail net_transfer "no function"
fi

if [ -n "$blk" ]; then
	check_disk blk "/dev/$(ls "$blk/block")"
	check_interrupts blk "$blk"
elif ! lacks blk; then
	fail blk_write_flush "no function"
fi

if [ -n "$scsi" ]; then
	for disk in "$scsi"/host*/target*/*/block/*; do
		check_disk scsi "/dev/${disk##*/}"
	done
	check_interrupts scsi "$scsi"
elif ! lacks scsi; then
	fail scsi_write_flush "no function"
fi

# The only console of the hypervisor's kind
if [ -n "$console" ]; then
	head -c 6000 /dev/urandom >/tmp/said
	# The settings last as long as it is open
	if { stty raw -echo && cat /tmp/said; } <>/dev/hvc0 >&0; then
		pass console_write
		echo "data console 6000 $(sha256sum </tmp/said | cut -d ' ' -f 1)"
	else
		fail console_write "cannot write to /dev/hvc0"
	fi
elif ! lacks console; then
	fail console_write "no function"
fi

if [ -n "$rng" ]; then
	source=$(cat /sys/class/misc/hw_random/rng_current)
	first=$(head -c 64 /dev/hwrng | sha256sum)
	second=$(head -c 64 /dev/hwrng | sha256sum)
	case $source in
	virtio_rng.*)
		if [ "$first" != "$second" ] && [ "$(head -c 64 /dev/hwrng | wc -c)" = 64 ]; then
			pass rng_read
		else
			fail rng_read "the same 64 bytes twice, or fewer"
		fi
		;;
	*) fail rng_read "the current source is '$source'" ;;
	esac
	check_interrupts rng "$rng"
elif ! lacks rng; then
	fail rng_read "no function"
fi

if [ -n "$balloon" ]; then
	check_balloon inflate
	check_balloon deflate
	check_interrupts balloon "$balloon"
elif ! lacks balloon; then
	fail balloon_inflate "no function"
fi

if [ -n "$p9" ]; then
	tag=$(tr -d '\000' <"$p9/mount_tag")
	mkdir -p /tmp/9p
	if mount -t 9p -o trans=virtio,version=9p2000.L "$tag" /tmp/9p 2>/tmp/error; then
		pass 9p_mount
	else
		fail 9p_mount "tag '$tag': $(cat /tmp/error)"
	fi
	token=$(cat /tmp/9p/token)
	if [ "$token" = "virtio-mmr 9p${tag#mmr}" ]; then
		pass 9p_read
	else
		fail 9p_read "the token is '$token'"
	fi
	check_interrupts 9p "$p9"
elif ! lacks 9p; then
	fail 9p_mount "no function"
fi

# More functions than lines
if [ "$interrupts" != msix ]; then
	if grep -q 'virtio[0-9]*, .*virtio' /proc/interrupts; then
		pass shared_line
	else
		fail shared_line "$(grep virtio /proc/interrupts | tr '\n' ' ')"
	fi
fi
finish
