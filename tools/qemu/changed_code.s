# SPDX-License-Identifier: GPL-2.0-or-later
#
# Firmware of a machine with two CPUs: one changes an instruction, again and again, while the
# other runs it. For tools/qemu/test, which assembles it: 64 KiB, which the CPU finds
# below 4 GiB and below 1 MiB.
#
# The instruction loads a number. The first CPU writes the next number into it, then to
# "written". The second CPU reads "written", serialises, and runs the instruction: it must
# load that number or a later one. Linux changes its own code in this way, too: it
# writes an int3, tells the other CPUs, and replaces the int3 in the end.
#
# Symbols: locked=1 writes by xchg. kept=1 keeps other code in the page, so that the page
# is never without. across=1 and across=3 have that many bytes of the number at the end of a
# page, and the others on the next one. patience=0 does not wait for the second CPU.
#
# Exit status by isa-debug-exit at 0xf4: 0 if all numbers were right, 1 if not (which QEMU
# makes 1 and 3).

	.ifndef locked
	.set locked, 0
	.endif
	.ifndef kept
	.set kept, 0
	.endif
	.ifndef across
	.set across, 0
	.endif
	.ifndef patience
	.set patience, 20000		# some 50 microseconds
	.endif
	.ifndef numbers
	.set numbers, 10000
	.endif

	# Memory: double words, and the code
	.set written, 0x1000
	.set loaded, 0x1004
	.set wrong, 0x1008
	.if across
	# CPUs write this in parts. One byte of it counts, and the others stay as they are.
	.set number, 0x3000 - across
	.set shift, 8 * (across - 1) / 2 * 3
	.set mask, 0xff
	.else
	.set number, 0x2004		# QEMU stops all CPUs for a locked access if not aligned
	.set shift, 0
	.set mask, 0xffffffff
	.endif
	.set code, number - 2
	.set other_code, 0x2800

	.include "firmware.inc"

	.code16
	# The second CPU starts at 0xf000:0
image:
	xor %ax, %ax
	mov %ax, %ds
	mov %ax, %ss
	mov $0x8000, %sp
1:	mov written, %esi
	xor %eax, %eax
	cpuid
	lcall $0, $code
	mov written, %edi
	sub %esi, %edi
	inc %edi
	shr $shift, %eax
	sub %esi, %eax
	and $mask, %eax
	cmp %edi, %eax			# up to the one after "written" at the end
	jbe 2f
	movl $1, wrong
2:	mov %esi, loaded
	.if kept
	lcall $0, $other_code
	.endif
	jmp 1b

	enter_flat_mode
	mov %ax, %ss
	mov $0x9000, %esp
	movl $0, written
	movl $0, loaded
	movl $0, wrong
	movw $0xb866, code		# mov $number, %eax
	movl $0, number
	movb $0xcb, number + 4		# lret
	movb $0xcb, other_code
	movl $0xc4500, 0xfee00300	# INIT to all others
	movl $0xc46f0, 0xfee00300	# STARTUP at 0xf0 pages
	mov $1, %ecx
1:	mov %ecx, %eax
	and $mask, %eax
	shl $shift, %eax
	.if locked
	xchg %eax, number
	.else
	mov %eax, number
	.endif
	lock addl $0, (%esp)
	mov %ecx, written
	# The second CPU has run with it, if that takes no turn of the scheduler, and runs
	# with it again in a pause of some length
	mov $patience, %edx
2:	cmp %ecx, loaded
	je 3f
	dec %edx
	jg 2b
3:	imul $0x9e3779b1, %ecx, %eax
	shr $24, %eax
4:	dec %eax
	jns 4b
	cmpl $0, wrong
	jne bad
	inc %ecx
	cmp $numbers, %ecx
	jbe 1b
	# The second CPU has run with the last one, too
5:	cmpl $0, wrong
	jne bad
	cmpl $numbers, loaded
	jne 5b
	good_or_bad

	flat_segments

	reset_vector
