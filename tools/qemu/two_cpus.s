# SPDX-License-Identifier: GPL-2.0-or-later
#
# Firmware of a machine that does nothing but change its memory map on one CPU
# while the other accesses a device. For tools/qemu/test, which assembles it:
# 64 KiB, which the CPU finds below 4 GiB and below 1 MiB.
#
# Exit status by isa-debug-exit at 0xf4: 0 if only the local APIC answered for
# the local APIC, else 1 (which QEMU makes 1 and 3).

	.set toggles, 1000
	.set done, 0x1000		# a byte of memory: the second CPU is

	.include "firmware.inc"

	.code16
	# The second CPU starts at 0xf000:0. It switches the memory BAR of the SATA
	# controller, 00:1f.2, off and on.
image:
	mov $0xcf8, %dx
	mov $0x8000fa04, %eax		# command
	out %eax, %dx
	mov $0xcfc, %dx
	mov $toggles, %ecx
1:	xor %eax, %eax
	out %ax, %dx
	mov $2, %al
	out %ax, %dx
	loopl 1b
	mov %cx, %ds
	movb $1, done
	hlt

	enter_flat_mode
	mov $0xcf8, %dx
	mov $0x8000fa24, %eax		# the BAR
	out %eax, %dx
	mov $0xcfc, %dx
	mov $0xe0000000, %eax
	out %eax, %dx
	movb $0, done
	mov 0xfee00030, %ebx		# version of the local APIC
	movl $0xc4500, 0xfee00300	# INIT to all others
	movl $0xc46f0, 0xfee00300	# STARTUP at 0xf0 pages
1:	mov 0xfee00030, %eax
	cmp %eax, %ebx
	jne bad
	cmpb $0, done
	je 1b
	good_or_bad

	flat_segments

	reset_vector
