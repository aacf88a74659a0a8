# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# Runs in a guest (busybox), after lib.sh, with two legacy net functions. Linux' driver uses them by
# MSI-X. Then DPDK takes them by uio_pci_generic, which knows INTx alone, and Linux' driver has them
# again. The host has put DPDK's testpmd with its libraries, and the modules, into /dpdk. In each
# round it sends frames to both functions, and then takes the link of the first one down and up, as
# the guest's console says. In round "forwarding" testpmd forwards between the functions, and the
# host sends "frames" of them to each.
: "${rounds:=3}" "${forwarding:=2}" "${frames:=1455}"
# Of its libraries
: "${number:=23}"
output=/tmp/testpmd

# In this order for testpmd as well
pci_0=$(dirname "$(readlink -f /sys/class/net/eth0/device)") mac_0=$(cat /sys/class/net/eth0/address)
pci_1=$(dirname "$(readlink -f /sys/class/net/eth1/device)") mac_1=$(cat /sys/class/net/eth1/address)

by_msix() { # NAME: of both, each with its gateway
	for side in 0 1; do
		net=$(readlink -f /sys/class/net/eth$side/device)
		ip link set eth$side up
		ip address add 10.8.$side.2/24 dev eth$side
		answer=$(ping -c 3 -W 5 10.8.$side.1 2>&1) || true
		wrong=$(interrupts=msix interrupts_wrong "$net")
		if [ -z "$wrong" ] && [ "${answer#*, 0% packet loss}" != "$answer" ]; then
			pass "$1_$side"
		else
			fail "$1_$side" "$wrong $(echo "$answer" | tr '\n' ' ')"
		fi
		ip address flush dev eth$side
		ip link set eth$side down
	done
}

give_to() { # PCI-FUNCTION DRIVER
	bdf=$(basename "$1")
	echo "$bdf" >"$1/driver/unbind"
	echo "$2" >"$1/driver_override"
	echo "$bdf" >/sys/bus/pci/drivers_probe
	[ "$(basename "$(readlink "$1/driver")")" = "$2" ]
}

# Changes of the link that testpmd has been told by an interrupt
changes() {
	grep -c 'Port 0: link state change event' $output
}

# As long as the guest may run. DPDK may end by itself, and then a pass is out of reach
wait_for() { # COMMAND...
	until "$@"; do
		kill -0 "$testpmd" 2>/dev/null || return 1
		sleep 0.2
	done
}

has_changed() { # COUNT
	[ "$(changes)" -ge "$1" ]
}

# testpmd prompts at its start and after each command. Everything else it may keep in a buffer, until
# the link changes or it ends
told=0
tell() { # COMMAND
	echo "$1" >&3
	told=$((told + 1))
}

has_obeyed() {
	[ "$(grep -o 'testpmd>' $output | wc -l)" -gt "$told" ]
}

has_said() { # PATTERN
	grep -q "$1" $output
}

# Interrupts that uio_pci_generic had, of both functions, which may share a line
uio_count() {
	awk '/IO-APIC/ && /uio_pci_generic/ { for (cpu = 2; $cpu ~ /^[0-9]+$/; cpu++) sum += $cpu }
		END { print sum + 0 }' /proc/interrupts
}

# testpmd prints what it found in configuration space: the MAC address, behind no MSI-X registers
has_the_mac() { # PORT MAC
	grep -iqx "Port $1: $2" $output
}

# As testpmd counts them for a port, all in all
frames_of() { # PORT: prints RECEIVED DROPPED SENT DROPPED
	awk -v "port=$1" '
		/Forward statistics for port/ { mine = index($0, "for port " port " ") }
		mine && /RX-packets/ { received = $2 " " $4 }
		mine && /TX-packets/ { print received, $2, $4; mine = 0 }' $output
}

# No frame more than the host sent
were_counted() {
	[ "$(frames_of 0)" = "$frames 0 $frames 0" ] && [ "$(frames_of 1)" = "$frames 0 $frames 0" ]
}

check() { # NAME COMMAND...
	name=$1
	shift
	if "$@"; then pass "$name"; else fail "$name" "$*"; fi
}

by_msix before
insmod /dpdk/uio.ko
insmod /dpdk/uio_pci_generic.ko
check uio_0 give_to "$pci_0" uio_pci_generic
check uio_1 give_to "$pci_1" uio_pci_generic

mkdir -p /dev/hugepages
mount -t hugetlbfs none /dev/hugepages
mkfifo /tmp/commands
# Two threads, of which one only forwards, on one CPU
/dpdk/ld-linux-x86-64.so.2 --library-path /dpdk /dpdk/dpdk-testpmd \
	--lcores 0@0,1@0 --in-memory --iova-mode pa --no-telemetry \
	-a "$(basename "$pci_0")" -a "$(basename "$pci_1")" \
	-d "/dpdk/librte_mempool_ring.so.$number" -d "/dpdk/librte_net_virtio.so.$number" \
	-- -i --total-num-mbufs 2048 </tmp/commands >$output 2>&1 &
testpmd=$!
exec 3>/tmp/commands
check starts wait_for has_obeyed
# What the start itself has caused
sleep 2
changed=$(changes)
before=$(uio_count)
round=1
while [ "$round" -le "$rounds" ]; do
	if [ "$round" = "$forwarding" ]; then
		tell start
		check forwards wait_for has_obeyed
	elif [ "$round" = $((forwarding + 1)) ]; then
		tell stop
		check stops wait_for has_obeyed
	fi
	for direction in down up; do
		changed=$((changed + 1))
		echo "<4>selftests: link $direction $round" >/dev/kmsg
		check "link_${direction}_$round" wait_for has_changed "$changed"
		tell 'show port info 0'
		sleep 1
	done
	round=$((round + 1))
done
tell quit
exec 3>&-
wait $testpmd
check quits test $? = 0
echo "$(($(uio_count) - before)) interrupts of uio_pci_generic, $(changes) changes"
# As DPDK has it after each change; without an interrupt it would not look
check status test "$(grep -io 'link status: [a-z]*' $output | sed 's/.* //' | tr 'A-Z\n' 'a-z ')" = \
	'down up down up down up '
check between_both has_said '^io packet forwarding - ports=2 '
check counted were_counted
echo "frames received, dropped, sent, dropped: port 0: $(frames_of 0), port 1: $(frames_of 1)"
check mac_0 has_the_mac 0 "$mac_0"
check mac_1 has_the_mac 1 "$mac_1"
check interrupts test $(($(uio_count) - before)) -ge $((2 * rounds))
# shellcheck disable=SC2154 # of lib.sh
[ "$status" = 0 ] || cat $output

check returned_0 give_to "$pci_0" virtio-pci
check returned_1 give_to "$pci_1" virtio-pci
by_msix after
finish
