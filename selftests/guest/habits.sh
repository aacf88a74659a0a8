# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# Runs in a guest (busybox), after lib.sh, with a net and a blk function. It does to them what other
# guests have been seen to do. Without a driver, BAR0 of the net function is sized and moved, its
# I/O is switched off, and the function sleeps in D3hot. Before that virtio-pci leaves both functions
# and takes them again, ten times.
: "${rounds:=10}"
net=$(dirname "$(readlink -f /sys/class/net/eth0/device)")
blk=$(dirname "$(readlink -f /sys/block/vda/device)")
mac=$(cat /sys/class/net/eth0/address)

to_driver() { # bind|unbind PCI-DEVICE
	basename "$2" >/sys/bus/pci/drivers/virtio-pci/"$1"
}

# --- The driver leaves and comes back ----------------------------------------------

# What is wrong with them
trouble() {
	[ "$(cat /sys/class/net/eth0/address)" = "$mac" ] || echo "another MAC address"
	ping_gateway /sys/class/net/eth0/device >/tmp/answer || tr '\n' ' ' </tmp/answer
	interrupts_wrong "$(readlink -f /sys/class/net/eth0/device)"
	head -c 65536 /dev/urandom >/tmp/data
	dd if=/tmp/data of=/dev/vda bs=64k seek=256 oflag=direct 2>/tmp/error || cat /tmp/error
	dd if=/dev/vda bs=64k count=1 skip=256 iflag=direct 2>/tmp/error | cmp - /tmp/data 2>&1
	interrupts_wrong "$(readlink -f /sys/block/vda/device)"
}

round=1 wrong=''
while [ $round -le "$rounds" ] && [ -z "$wrong" ]; do
	for pci in "$net" "$blk"; do
		to_driver unbind "$pci"
		to_driver bind "$pci"
	done
	wrong=$(trouble)
	round=$((round + 1))
done
if [ -z "$wrong" ]; then pass rebound; else fail rebound "round $((round - 1)): $wrong"; fi

# --- Registers, byte by byte ----------------------------------------------------------

to_driver unbind "$net"

get() { # OFFSET COUNT
	config "$net" "$1" "$2"
}

put() { # OFFSET COUNT VALUE
	offset=$1 left=$2 value=$3
	while [ "$left" -gt 0 ]; do
		# shellcheck disable=SC2059 # it is the byte
		printf "\\$(printf %03o $((value & 255)))" |
			dd of="$net/config" bs=1 seek="$offset" conv=notrunc 2>/dev/null
		offset=$((offset + 1)) left=$((left - 1)) value=$((value >> 8))
	done
}

# The MAC address as the legacy registers have it, without MSI-X
mac_at() { # PORT
	dd if=/dev/port bs=1 skip=$(($1 + 0x14)) count=6 2>/dev/null | od -An -tx1 |
		sed 's/^ //; s/ /:/g'
}

expect() { # CHECK, then pairs SEEN EXPECTED
	check=$1 wrong=''
	shift
	while [ $# -gt 0 ]; do
		[ "$1" = "$2" ] || wrong="$wrong '$1' instead of '$2'"
		shift 2
	done
	if [ -z "$wrong" ]; then pass "$check"; else fail "$check" "$wrong"; fi
}

COMMAND=4 BAR0=16 nothing=ff:ff:ff:ff:ff:ff
read -r first last _ <"$net/resource"
size=$((last - first + 1))
bar=$(get $BAR0 4)
port=$((bar & ~3))
io_on=$(($(get $COMMAND 2) | 1)) io_off=$(($(get $COMMAND 2) & ~1))

put $COMMAND 2 $io_on
there=$(mac_at $port)
put $COMMAND 2 $io_off
gone=$(mac_at $port)
put $COMMAND 2 $io_on
expect io_off "$there" "$mac" "$gone" $nothing "$(mac_at $port)" "$mac"

put $COMMAND 2 $io_off
put $BAR0 4 $((0xffffffff))
mask=$(get $BAR0 4)
put $BAR0 4 "$bar"
put $COMMAND 2 $io_on
# An I/O BAR of a PC may leave out the upper half
expect bar_sized $(((~(mask & 0xfffc) & 0xffff) + 1)) $size $((mask & 3)) 1 "$(get $BAR0 4)" "$bar" \
	"$(mac_at $port)" "$mac"

new=$((0xf000))
free=$(grep -c ' f0[0-9a-f][0-9a-f]-' /proc/ioports)
put $COMMAND 2 $io_off
put $BAR0 4 $((new | 1))
put $COMMAND 2 $io_on
expect bar_moved "$free" 0 "$(mac_at $new)" "$mac" "$(mac_at $port)" $nothing
put $COMMAND 2 $io_off
put $BAR0 4 "$bar"
put $COMMAND 2 $io_on
expect bar_back "$(mac_at $port)" "$mac" "$(mac_at $new)" $nothing

# The capability of power management
place=$(get 0x34 1)
while [ "$place" != 0 ] && [ "$(get "$place" 1)" != 1 ]; do
	place=$(get $((place + 1)) 1)
done
if [ "$place" = 0 ]; then
	fail sleep "no capability of power management"
else
	power=$((place + 4))
	put $power 1 3
	asleep=$(mac_at $port)
	state=$(($(get $power 1) & 3))
	put $power 1 0
	sleep 0.1
	put $COMMAND 2 $io_on
	expect sleep "$asleep" $nothing $state 3 "$(mac_at $port)" "$mac"
fi

to_driver bind "$net"
wrong=$(trouble)
if [ -z "$wrong" ]; then pass used_again; else fail used_again "$wrong"; fi
finish
