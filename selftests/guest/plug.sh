# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# Runs in a guest (busybox), after lib.sh, without functions. A message on its console shows the
# host when to plug a net function in, and when to take it out again, while it is in use.
: "${rounds:=3}"
# What takes functions in and lets them go: acpiphp, or pciehp at a root port. Check hotplug
: "${by:=acpiphp}"
modprobe virtio_pci
modprobe virtio_net

# As long as the guest may run
wait_for() { # COMMAND...
	until "$@"; do
		sleep 0.2
	done
}

is_gone() {
	[ ! -e "$pci" ]
}

# pciehp drives ports that have native hot plug, and all other slots are those of ACPI
slots_driver() {
	for port in /sys/bus/pci_express/drivers/pciehp/*:pcie*; do
		[ ! -e "$port" ] || {
			echo pciehp
			return
		}
	done
	for slot in /sys/bus/pci/slots/*; do
		[ ! -e "$slot" ] || {
			echo acpiphp
			return
		}
	done
}
seen=$(slots_driver)
if [ "$seen" = "$by" ]; then pass hotplug; else fail hotplug "slots are driven by '$seen'"; fi

round=1
while [ $round -le "$rounds" ]; do
	echo "<4>selftests: plug $round" >/dev/kmsg
	wait_for test -e /sys/class/net/eth0
	virtio=$(readlink -f /sys/class/net/eth0/device)
	pci=$(dirname "$virtio")
	answer=$(ping_gateway "$virtio") || true
	trouble=$(interrupts_wrong "$virtio")
	[ "$(version_1 "$virtio")" = 0 ] || trouble="$trouble not legacy"
	if [ -z "$trouble" ] && [ "${answer#*, 0% packet loss}" != "$answer" ]; then
		pass plugged_$round
	else
		fail plugged_$round "$trouble $(echo "$answer" | tr '\n' ' ')"
	fi
	ping 10.0.2.2 >/dev/null 2>&1 &
	ping=$!
	echo "<4>selftests: unplug $round" >/dev/kmsg
	wait_for is_gone
	# It ends by itself if there is no way to its destination
	kill $ping 2>/dev/null
	pass unplugged_$round
	round=$((round + 1))
done
finish
