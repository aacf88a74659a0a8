#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Runs in a guest (busybox), after lib.sh, with net functions of several layouts. Checks are
# named legacy.NUMBER.WHAT or modern.NUMBER.WHAT, by the driver. Functions are numbered from 0
# in the order of the bus.

check_all() { # MODE VALUE-OF-FEATURE-BIT-32
	number=0
	for pci in /sys/bus/pci/devices/*; do
		[ "$(cat "$pci/vendor"):$(cat "$pci/device")" = 0x1af4:0x1000 ] || continue
		check_function "$1.$number" "$2" "$pci"
		number=$((number + 1))
	done
}

check_function() { # NAME BIT PCI-DEVICE
	name=$1 bit=$2
	for virtio in "$3"/virtio*; do
		[ -e "$virtio/net" ] && break
		fail "$name.driver" "virtio_net has not taken $(basename "$3")"
		return
	done
	seen=$(version_1 "$virtio")
	if [ "$seen" = "$bit" ]; then
		pass "$name.driver"
	else
		fail "$name.driver" "feature bit 32 is '$seen'"
	fi
	if answer=$(ping_gateway "$virtio"); then
		pass "$name.ping"
	else
		fail "$name.ping" "$(echo "$answer" | tr '\n' ' ')"
	fi
	if [ "$(msix_count "$virtio")" -gt 0 ]; then
		pass "$name.msix"
	else
		fail "$name.msix" "no MSI-X interrupt of $(basename "$virtio")"
	fi
	interface=$(ls "$virtio/net")
	ip address flush dev "$interface"
	ip link set "$interface" down
}

if [ "$(cat /sys/module/virtio_pci/parameters/force_legacy)" = Y ]; then
	check_all legacy 0
else
	check_all modern 1
fi
finish
