# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# Runs in a guest (busybox), after lib.sh, with a net and a blk function. While both are in use, a
# message on the console shows the host when to reset the machine, "rounds" times. A number on the
# disk counts these. After the last one the guest must be able to use both.
: "${rounds:=2}"
mark=$((48 << 20))
round=$(dd if=/dev/vda bs=1 count=1 skip=$mark 2>/dev/null | grep '[0-9]' || echo 0)

if [ "$round" -lt "$rounds" ]; then
	echo $((round + 1)) | dd of=/dev/vda bs=1 seek=$mark conv=fsync 2>/dev/null
	ping_gateway /sys/class/net/eth0/device >/dev/null && echo "pass before_$((round + 1))"
	ping -A 10.0.2.2 >/dev/null &
	for place in 1 2 3; do
		while :; do
			dd if=/dev/zero of=/dev/vda bs=64k count=64 seek=$((place * 128)) oflag=direct 2>/dev/null
		done &
	done
	echo "<4>selftests: traffic $((round + 1))" >/dev/kmsg
	sleep 600
	fail "before_$((round + 1))" "no reset comes"
	finish
fi
use_net_and_blk after
finish
