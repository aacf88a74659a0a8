# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# Runs in a guest (busybox), between lib.sh and linux.sh. The first kernel uses net and blk by
# MSI-X, and boots a second kernel, which has no MSI-X. No reset comes between the two, and the
# first one leaves its queues as they are. The host has put these files into the guest: /kexec
# (helpers/kexec.c), /vmlinux and /initrd, which is this one without the script.
if ! grep -qw pci=nomsi /proc/cmdline; then
	interrupts=msix use_net_and_blk before
	{
		cat /initrd
		cd / && echo script | cpio -H newc -o 2>/dev/null
	} >/tmp/initrd
	rm /initrd
	# The serial port must send it all
	sleep 1
	/kexec /vmlinux /tmp/initrd "$(cat /proc/cmdline) pci=nomsi"
	fail kexec "status $?"
	finish
fi
