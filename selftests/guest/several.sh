# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# Runs in a guest (busybox), after lib.sh, with net and block functions. Each has a check, netN or
# blkN, numbered in the order of the bus. The disks are written while the networks are used. For
# each disk there is a line, by the name in the label that the runner has put on it:
#	data NAME FIRST-SECTOR SECTORS SHA256
sector=8192 sectors=1024
# Feature bit 32 of the functions' drivers: 0 for legacy ones
: "${bit_32:=0}"
# On q35 the net function may be at a root port of its own and the block function on a conventional
# bridge below another one: check places
: "${places:=0}"
# On microvm the functions have no I/O ports: check no_ports
: "${ports:=1}"
# QEMU has moved the MSI-X table of the first net function to this BAR: check relocated
: "${table_of_first:=}"
# Another net function has the ID of a modern one, and so a modern driver: check modern
: "${modern:=0}"
: "${machine_wanted:=x86_64}"
check_machine "$machine_wanted"

functions() { # DEVICE-ID: prints their virtio devices
	for pci in /sys/bus/pci/devices/*; do
		[ "$(cat "$pci/vendor"):$(cat "$pci/device")" = "0x1af4:$1" ] && echo "$pci"/virtio*
	done
}

# The window of I/O ports that a bridge forwards, as two numbers
window() { # PCI-DEVICE
	echo $((($(config "$1" 0x1c 1) & 0xf0) << 8)) $((($(config "$1" 0x1d 1) & 0xf0) << 8 | 0xfff))
}

# What is wrong with the place of a function, in words: BAR0 is in a window of 4 KiB
misplaced() { # VIRTIO-DEVICE BRIDGE-ID
	pci=$(dirname "$1")
	bridge=$(dirname "$(readlink -f "$pci")")
	seen=$(cat "$bridge/vendor"):$(cat "$bridge/device")
	if [ "$seen" != "$2" ]; then
		echo "it is below $seen, not $2"
		return
	fi
	read -r first last _ <"$pci/resource"
	window "$bridge" | {
		read -r base limit
		[ $((limit - base)) = $((0xfff)) ] && [ $((base)) -gt 0 ] || echo "its bridge forwards $base to $limit"
		[ $((first)) -ge "$base" ] && [ $((last)) -le "$limit" ] && [ $((first)) -lt $((last)) ] ||
			echo "BAR0 is at $first, outside $base to $limit"
	}
}

# BAR of the MSI-X table
table_bar() { # VIRTIO-DEVICE
	pci=$(dirname "$1")
	place=$(config "$pci" 0x34 1)
	while [ "$place" != 0 ] && [ "$(config "$pci" "$place" 1)" != 17 ]; do
		place=$(config "$pci" $((place + 1)) 1)
	done
	[ "$place" = 0 ] || echo $(($(config "$pci" $((place + 4)) 4) & 7))
}

disks=$(functions 0x1001)
if [ "$places" = 1 ]; then
	# QEMU's pcie-root-port and pcie-pci-bridge
	trouble="$(misplaced "$(functions 0x1000)" 0x1b36:0x000c) $(misplaced "$disks" 0x1b36:0x000e)"
	if [ "$trouble" = ' ' ]; then pass places; else fail places "$trouble"; fi
fi
if [ "$ports" = 0 ]; then
	trouble=''
	for virtio in $(functions 0x1000) $disks; do
		read -r first last _ <"$(dirname "$virtio")/resource"
		[ "$((first)) $((last))" = '0 0' ] || trouble="$trouble BAR0 of $virtio is at $first"
	done
	if [ -z "$trouble" ]; then pass no_ports; else fail no_ports "$trouble"; fi
fi

if [ "$table_of_first" ]; then
	number=0 trouble=''
	for virtio in $(functions 0x1000); do
		bar=$(table_bar "$virtio")
		case $number:$bar in
		"0:$table_of_first") ;;
		# The others have it where the device has it
		0:* | *:"$table_of_first" | *:) trouble="$trouble net$number has it in BAR '$bar'" ;;
		esac
		number=$((number + 1))
	done
	if [ -z "$trouble" ] && [ $number -gt 1 ]; then pass relocated; else fail relocated "$trouble"; fi
fi

number=0
for virtio in $disks; do
	head -c $((sectors * 512)) /dev/urandom >/tmp/written$number
	dd if=/tmp/written$number of="/dev/$(ls "$virtio/block")" bs=64k seek=$((sector / 128)) oflag=direct \
		2>/tmp/error$number &
	number=$((number + 1))
done

use_net() { # CHECK VIRTIO-DEVICE VALUE-OF-FEATURE-BIT-32
	answer=$(ping_gateway "$2") || true
	trouble=$(function_wrong "$2" "$3")
	if [ -z "$trouble" ] && [ "${answer#*, 0% packet loss}" != "$answer" ]; then
		pass "$1"
	else
		fail "$1" "$trouble $(echo "$answer" | tr '\n' ' ')"
	fi
	ip address flush dev "$(ls "$2/net")"
	ip link set "$(ls "$2/net")" down
}

number=0
for virtio in $(functions 0x1000); do
	use_net net$number "$virtio" "$bit_32"
	number=$((number + 1))
done
[ "$modern" = 0 ] || use_net modern "$(functions 0x1041)" 1
wait

number=0
for virtio in $disks; do
	disk=/dev/$(ls "$virtio/block")
	dd if="$disk" of=/tmp/read bs=64k skip=$((sector / 128)) count=$((sectors / 128)) iflag=direct \
		2>>/tmp/error$number
	trouble=$(function_wrong "$virtio" "$bit_32")
	if cmp /tmp/written$number /tmp/read 2>>/tmp/error$number && [ -z "$trouble" ]; then
		pass blk$number
	else
		fail blk$number "$trouble $(tr '\n' ' ' </tmp/error$number)"
	fi
	label=$(dd if="$disk" bs=512 skip=3 count=1 2>/dev/null | head -c 40)
	label=${label#virtio-mmr }
	echo "data ${label%% *} $sector $sectors $(sha256sum </tmp/written$number | cut -d ' ' -f 1)"
	number=$((number + 1))
done
finish
