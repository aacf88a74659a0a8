#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The only program of a host without a disk (busybox), for native_states_test.sh: a disk and a
# network on MMR functions, while the host suspends and resumes, and in the next kernel after kexec.
# A host with its root on virtio's 9p cannot do this, as Linux' 9p does not survive it. /legacy has
# the module's parameter. Results go to /tap, which the next kernel gets as well.
export PATH=/bin:/sbin:/usr/bin:/usr/sbin
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
echo /bin/modprobe >/proc/sys/kernel/modprobe
legacy=$(cat /legacy)
region=$((1 << 20))
total=11

result() { # ok|not_ok NAME [WORDS]
	number=$(($(grep -c '^\(not \)\?ok ' /tap) + 1))
	case $1 in
	ok) echo "ok $number $2" ;;
	*)
		echo "# $3"
		echo "not ok $number $2"
		;;
	esac | tee -a /tap
}

# The command prints what is wrong
check() { # NAME COMMAND...
	name=$1
	shift
	if answer=$("$@" 2>&1); then
		result ok "$name"
	else
		result not_ok "$name" "$(echo "$answer" | tr '\n' ' ')"
	fi
}

within() { # SECONDS COMMAND...
	left=$(($1 * 5))
	shift
	until "$@"; do
		left=$((left - 1))
		[ $left -gt 0 ] || return 1
		sleep 0.2
	done
}

finish() {
	dmesg >/log
	if fault=$(grep -E -f /kernel-log-faults /log); then
		result not_ok kernel_log "$(echo "$fault" | head -n 3 | tr '\n' ' ')"
	else
		result ok kernel_log
	fi
	[ "$(grep -c '^\(not \)\?ok ' /tap)" = $total ] || echo "# fewer results than $total" >>/tap
	modprobe 9pnet_virtio
	mkdir -p /results
	mount -t 9p -o trans=virtio,version=9p2000.L,cache=none results /results
	cp /tap /results/native_states.tap
	cp /log /results/dmesg.log
	echo 0 >/results/status
	sync
	poweroff -f
}

bind() { # BDF
	echo virtio_mmr_pci >"/sys/bus/pci/devices/$1/driver_override"
	echo "$1" >/sys/bus/pci/drivers_probe
	[ -e "/sys/bus/pci/drivers/virtio_mmr_pci/$1" ]
}

set_up() {
	modprobe -a virtio_pci virtio_net virtio_blk
	insmod /virtio_mmr.ko && insmod /virtio_mmr_pci.ko "legacy=$legacy" || return 1
	for pf in /sys/bus/pci/devices/*/sriov_numvfs; do
		echo 1 >"$pf" || return 1
	done
	bind 0000:01:00.1 && bind 0000:02:00.1 || return 1
	within 20 test -e "/sys/class/net/eth1" || return 1
	net=$(ls /sys/bus/pci/devices/0000:01:00.1/virtio*/net)
	ifconfig "$net" 10.0.2.15 up
	within 20 test -b "/dev/$(disk)"
}

disk() {
	ls /sys/bus/pci/devices/0000:02:00.1/virtio*/block
}

ping_gateway() {
	answer=$(ping -c 3 -W 10 10.0.2.2)
	case $answer in
	*'3 packets received'*) ;;
	*)
		echo "$answer"
		return 1
		;;
	esac
}

# The functions work, also those requests that were under way
works() {
	ping_gateway || return 1
	kill -0 $load || {
		echo "the load ended: $(cat /load)"
		return 1
	}
	/native_io write "/dev/$(disk)" $((2 * region)) $region 31 && /native_io read "/dev/$(disk)" $((2 * region)) $region 31
}

# The kernel's own test stops before the platform sleeps, as an emulated alarm does not wake it
suspended() { # PM-TEST STATE
	before=$(cat /sys/power/suspend_stats/success)
	echo "$1" >/sys/power/pm_test
	echo "$2" >/sys/power/state
	[ "$(cat /sys/power/suspend_stats/success)" = $((before + 1)) ] || {
		echo "failed: $(cat /sys/power/suspend_stats/last_failed_dev /sys/power/suspend_stats/last_failed_step)"
		return 1
	}
}

identity() {
	same=$(cat /sys/bus/pci/devices/0000:02:00.1/iommu_group/type)
	[ "$same" = DMA ] || {
		echo "the IOMMU domain is $same"
		return 1
	}
}

if [ ! -e /second ]; then
	echo 'TAP version 13' >/tap
	echo "1..$total" >>/tap
	check set_up set_up
	check translates identity
	/native_io load "/dev/$(disk)" 0 $region 30 >/load 2>&1 &
	load=$!
	sleep 1
	check works works
	check test_freeze suspended devices freeze
	check after_test_freeze works
	check test_mem suspended core mem
	check after_test_mem works
	# The next kernel finds what this one has written
	/native_io write "/dev/$(disk)" $((4 * region)) $region 32
	# No line of the next one says what was wrong with this one
	dmesg >/log
	if grep -E -f /kernel-log-faults /log; then
		finish
	fi
	{
		cat /again.cpio
		cd / && touch second && printf '%s\n' tap second legacy | cpio -H newc -o 2>/dev/null
	} >/tmp.cpio
	rm /again.cpio
	# Requests are under way
	/kexec /vmlinux /tmp.cpio "$(cat /proc/cmdline)"
	result not_ok kexec "status $?"
	finish
fi
check second_kernel set_up
/native_io load "/dev/$(disk)" 0 $region 30 >/load 2>&1 &
load=$!
check second_contents /native_io read "/dev/$(disk)" 4194304 $region 32
check second_works works
finish
