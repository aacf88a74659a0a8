#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Runs in a guest (busybox), after lib.sh, with a net and a blk function, for vmm_test.sh and
# several_guest_test.sh. It makes some hundred notifications on each, and again after a reboot. A
# mark on the disk shows the second round.
mark=$((16 << 20))

one_round() { # PREFIX
	net=$(readlink -f /sys/class/net/eth0/device) blk=$(readlink -f /sys/block/vda/device)
	answer=$(ping_gateway "$net") && answered=1 || answered=0
	trouble=$(function_wrong "$net" 0)
	if [ "$answered" = 1 ] && [ -z "$trouble" ]; then
		pass "$1_ping"
	else
		fail "$1_ping" "$trouble $(echo "$answer" | tr '\n' ' ')"
	fi
	i=0
	while [ $i -lt 30 ]; do
		ping -c 1 -W 5 10.0.2.2 >/dev/null
		i=$((i + 1))
	done

	dd if=/dev/urandom of=/tmp/data bs=4k count=200 2>/dev/null
	dd if=/tmp/data of=/dev/vda bs=4k seek=2048 oflag=direct 2>/dev/null
	dd if=/dev/vda of=/tmp/back bs=4k count=200 skip=2048 iflag=direct 2>/dev/null
	trouble=$(function_wrong "$blk" 0)
	if difference=$(cmp /tmp/data /tmp/back 2>&1) && [ -z "$trouble" ]; then
		pass "$1_disk"
	else
		fail "$1_disk" "$trouble $difference"
	fi
}

if [ "$(dd if=/dev/vda bs=1 count=4 skip=$mark 2>/dev/null)" != mark ]; then
	one_round first
	printf mark | dd of=/dev/vda bs=1 seek=$mark conv=fsync 2>/dev/null
	reboot -f
	sleep 60
	fail reboot "the guest is still running after a minute"
	finish
fi
one_round second
finish
