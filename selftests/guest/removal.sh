#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Runs in a guest (busybox), after lib.sh, with a net function. A message on the console shows
# the host that the function is in use. Then the host removes it.

pci=''
for pci in /sys/bus/pci/devices/*; do
	[ "$(cat "$pci/vendor"):$(cat "$pci/device")" = 0x1af4:0x1000 ] && break
done
for virtio in "$pci"/virtio*; do
	break
done
if answer=$(ping_gateway "$virtio"); then
	pass ping
else
	fail ping "$(echo "$answer" | tr '\n' ' ')"
fi

# The function is in use while it is removed
ping 10.0.2.2 >/dev/null 2>&1 &
ping=$!
echo '<4>selftests: in use' >/dev/kmsg
waited=0
while [ -e "$pci" ] && [ $waited -lt 60 ]; do
	sleep 1
	waited=$((waited + 1))
done
kill $ping
if [ ! -e "$pci" ]; then
	pass unplugged
else
	fail unplugged "$(basename "$pci") is there after $waited s"
fi
finish
