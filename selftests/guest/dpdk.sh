# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# Runs in a guest (busybox), after lib.sh, with a legacy net function. Linux' driver uses it by
# MSI-X. Then DPDK takes it by uio_pci_generic, which knows INTx alone, and Linux' driver has it
# again. The host has put DPDK's testpmd with its libraries, and the modules, into /dpdk. It takes
# the link down and up when the guest's console says so.
: "${rounds:=3}"
# Of its libraries
: "${number:=23}"
output=/tmp/testpmd

net=$(readlink -f /sys/class/net/eth0/device)
pci=$(dirname "$net")
bdf=$(basename "$pci")
mac=$(cat /sys/class/net/eth0/address)

by_msix() { # NAME
	answer=$(ping_gateway "$net") || true
	wrong=$(interrupts=msix interrupts_wrong "$net")
	if [ -z "$wrong" ] && [ "${answer#*, 0% packet loss}" != "$answer" ]; then
		pass "$1"
	else
		fail "$1" "$wrong $(echo "$answer" | tr '\n' ' ')"
	fi
	ip link set eth0 down
}

give_to() { # DRIVER
	echo "$bdf" >"$pci/driver/unbind"
	echo "$1" >"$pci/driver_override"
	echo "$bdf" >/sys/bus/pci/drivers_probe
	[ "$(basename "$(readlink "$pci/driver")")" = "$1" ]
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

is_ready() {
	grep -q 'testpmd>' $output
}

# Interrupts that uio_pci_generic had
uio_count() {
	interrupts=ioapic intx_count uio_pci_generic
}

# testpmd prints what it found in configuration space: the MAC address, behind no MSI-X registers
has_the_mac() {
	[ "$(grep -io "$mac" $output | head -n 1 | tr A-F a-f)" = "$mac" ]
}

check() { # NAME COMMAND...
	name=$1
	shift
	if "$@"; then pass "$name"; else fail "$name" "$*"; fi
}

by_msix before
insmod /dpdk/uio.ko
insmod /dpdk/uio_pci_generic.ko
check uio give_to uio_pci_generic

mkdir -p /dev/hugepages
mount -t hugetlbfs none /dev/hugepages
mkfifo /tmp/commands
# Two threads, of which one only forwards, on one CPU
/dpdk/ld-linux-x86-64.so.2 --library-path /dpdk /dpdk/dpdk-testpmd \
	--lcores 0@0,1@0 --in-memory --iova-mode pa --no-telemetry -a "$bdf" \
	-d "/dpdk/librte_mempool_ring.so.$number" -d "/dpdk/librte_net_virtio.so.$number" \
	-- -i --total-num-mbufs 2048 </tmp/commands >$output 2>&1 &
testpmd=$!
exec 3>/tmp/commands
check starts wait_for is_ready
# What the start itself has caused
sleep 2
changed=$(changes)
before=$(uio_count)
round=1
while [ "$round" -le "$rounds" ]; do
	for direction in down up; do
		changed=$((changed + 1))
		echo "<4>selftests: link $direction $round" >/dev/kmsg
		check "link_${direction}_$round" wait_for has_changed "$changed"
		echo 'show port info 0' >&3
		sleep 1
	done
	round=$((round + 1))
done
echo quit >&3
exec 3>&-
wait $testpmd
check quits test $? = 0
echo "$(($(uio_count) - before)) interrupts of uio_pci_generic, $(changes) changes"
# As DPDK has it after each change; without an interrupt it would not look
check status test "$(grep -io 'link status: [a-z]*' $output | sed 's/.* //' | tr 'A-Z\n' 'a-z ')" = \
	'down up down up down up '
check mac has_the_mac
check interrupts test $(($(uio_count) - before)) -ge $((2 * rounds))
# shellcheck disable=SC2154 # of lib.sh
[ "$status" = 0 ] || cat $output

check returned give_to virtio-pci
net=$(readlink -f /sys/class/net/eth0/device)
by_msix after
finish
