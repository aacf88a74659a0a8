# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# Runs in a guest (busybox), between lib.sh and linux.sh. The guest suspends all of its devices
# and resumes them, to idle and to memory: the kernel's own test stops for 5 s before the platform
# sleeps, as a nested guest does not wake from that. Functions are in D3hot meanwhile, which the host
# looks at (power_watch of lib/power.sh).
sleep_by() { # platform|core freeze|mem
	before=$(cat /sys/power/suspend_stats/success)
	echo "$1" >/sys/power/pm_test
	echo "$2" >/sys/power/state
	if [ "$(cat /sys/power/suspend_stats/success)" = $((before + 1)) ]; then
		pass "suspend_$2"
	else
		fail "suspend_$2" "$(cat /sys/power/suspend_stats/last_failed_dev /sys/power/suspend_stats/last_failed_step | tr '\n' ' ')"
	fi
}

# Linux' 9p does not survive it
[ ! -e /sys/module/9pnet_virtio ] || rmmod 9pnet_virtio
use_net_and_blk before
sleep_by platform freeze
use_net_and_blk idle
sleep_by core mem
use_net_and_blk memory
modprobe 9pnet_virtio
