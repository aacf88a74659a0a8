# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# Runs in a guest (busybox), after lib.sh and before the script. The first kernel uses net and blk by
# MSI-X, and boots a second kernel. Linux 7.3, and 6.1 and 6.12 of Debian, reset each virtio device
# before that. Linux 5.10 does not, and the second kernel finds the queues of the first one. All of them
# clear COMMAND.MASTER. The host has put these files into the guest: /kexec (helpers/kexec.c), /vmlinux
# and /initrd, which is this one without the script.
#
# Arguments of the second kernel besides those of the first one
: "${second:=}"
# What is under way when the first kernel ends: nothing; or packets, and requests that read or write the
# disk, or both (check busy). A kernel without that reset must not read: the emulated device may still
# end a request that it has begun, and the memory is the second kernel's then. COMMAND.MASTER keeps
# hardware from that
: "${busy:=}"

keep_busy() {
	ip link set eth0 up
	ip address add 10.0.2.15/24 dev eth0
	for size in 56 700 1400; do
		ping -A -s $size 10.0.2.2 >/dev/null &
	done
	for place in 1 2 3 4 5 6 7 8; do
		for way in $busy; do
			case $way in
			read) set -- if=/dev/vda of=/dev/null iflag=direct skip=$((place * 512)) ;;
			write) set -- if=/dev/zero of=/dev/vda oflag=direct seek=$((4096 + place * 512)) ;;
			esac
			# Until the kernel has reset the disk
			while dd "$@" bs=4k count=512 2>/dev/null; do
				:
			done &
		done
	done
}

packets() {
	cat /sys/class/net/eth0/statistics/rx_packets
}

under_way() { # prints how many requests to the disk are
	read -r reads writes </sys/block/vda/inflight
	echo $((reads + writes))
}

# Packets arrive until now, and so do requests
check_busy() {
	before=$(packets)
	sleep 2
	after=$(packets) requests=$(under_way)
	if [ "$after" -gt "$before" ] && [ "$requests" -gt 0 ]; then
		pass busy
	else
		fail busy "$before and $after packets, $requests requests under way"
	fi
}

if ! grep -qw second_kernel /proc/cmdline; then
	interrupts=msix use_net_and_blk before
	{
		cat /initrd
		cd / && echo script | cpio -H newc -o 2>/dev/null
	} >/tmp/initrd
	rm /initrd
	[ -z "$busy" ] || keep_busy
	# The serial port must send it all
	sleep 1
	[ -z "$busy" ] || check_busy
	/kexec /vmlinux /tmp/initrd "$(cat /proc/cmdline) second_kernel $second"
	fail kexec "status $?"
	finish
fi
