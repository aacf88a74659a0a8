# SPDX-License-Identifier: GPL-2.0-or-later
#
# Firmware that is a hypervisor: it runs one guest by VMRUN and looks at how
# that ends. For tools/qemu/test, which assembles it with one of the symbols
# cr8, ring, port and pae, which selects the guest, and with "task", the
# attributes of the guest's TR.
#
# Exit status by isa-debug-exit at 0xf4: 0 if the guest ended as it should, 1
# if for another reason, 2 elsewhere, 3 with another stack pointer (which QEMU
# makes 1, 3, 5 and 7).

	# Memory: the guest's control block, the host's state, the guest's page
	# tables, its two stacks
	.set block, 0x10000
	.set host, 0x11000
	.set pages, 0x12000
	.set stack, 0x8000		# the guest's, at its start
	.set inner, 0x9000		# ring 0's, in its TSS

	.include "firmware.inc"

image:
	enter_flat_mode
	mov %ax, %es
	mov $0xc0000080, %ecx		# EFER
	xor %edx, %edx
	mov $0x1000, %eax		# SVME
	wrmsr
	mov $0xc0010117, %ecx		# VM_HSAVE_PA
	mov $host, %eax
	wrmsr
	mov $template, %esi
	mov $block, %edi
	mov $1024, %ecx
	rep movsl
	mov $block, %eax
	vmload				# TR
	vmrun
	mov $1, %al
	cmpl $reason, block + 0x70
	jne 1f
	inc %al
	cmpl $place, block + 0x578
	jne 1f
	inc %al
	cmpl $pointer, block + 0x5d8
	jne 1f
	xor %al, %al
1:	out %al, $0xf4
	hlt

	# Every guest has an interrupt pending, whose priority is below its CR8. Any
	# exception, VMMCALL and an open interrupt window end it, at "place" if all
	# is well.
guest:
	.ifdef cr8			# opens the window, in ring 0
	.set dpl, 0
	.set reason, 0x64		# VINTR
	.set pointer, stack
	xor %eax, %eax
	mov %eax, %cr8
place:	vmmcall
	.endif

	.ifdef ring			# enters ring 0
	.set dpl, 0x60
	.set reason, 0x81		# VMMCALL
	.set pointer, inner - 20	# SS, ESP, EFLAGS, CS, EIP
	int $0x20
gate:
place:	vmmcall
	.endif

	.ifdef port			# reads a port it may read, one it may not
	.set dpl, 0x60
	.set reason, 0x4d		# #GP
	.set pointer, stack
	.if task & 8
	in $0x61, %al
place:	in $0x62, %al
	.else				# without a 32-bit TSS it may read none
place:	in $0x61, %al
	.endif
	vmmcall
	.endif

	.ifdef pae			# enables PAE paging, looks at its first entry
	.set dpl, 0
	.set reason, 0x81		# VMMCALL
	.set pointer, pages + 0x1001
	movl $pointer, pages
	movl $0x83, pages + 0x1000	# the first 2 MiB are where they were
	mov $pages, %eax
	mov %eax, %cr3
	mov $0x20, %eax			# PAE
	mov %eax, %cr4
	mov $0x80000001, %eax		# PG, PE
	mov %eax, %cr0
	mov pages, %esp			# for the hypervisor to see
place:	vmmcall
	.endif

	flat_segments

	.balign 8
gates:					# the interrupt gate of 0x20
	.ifdef ring
	.word gate - image, 8, 0xee00, 0xf
	.endif

tss:
	.if task & 8			# 32 bits: ESP0, SS0
	.long 0, inner, 16
	.else				# 16 bits: SP0, SS0
	.word 0, inner, 16
	.endif
	.org tss + 0x66
	.word bitmap - tss
bitmap:
	.fill 0x60 / 8, 1, 0xff
	.byte 0xfd, 0xff		# 0x61 is permitted
	.set tss_limit, . - tss - 1

	.macro segment selector, attributes, limit, base
	.word \selector, \attributes
	.long \limit
	.long \base, 0
	.endm

	.balign 16
template:
	.org template + 8		# intercepts
	.long -1			# all exceptions
	.long 0x10			# VINTR
	.long 3				# VMRUN, VMMCALL
	.org template + 0x58
	.long 1				# ASID
	.org template + 0x60		# V_INTR_MASKING, priority 4, V_IRQ, V_TPR 8
	.long 0x01040108
	.org template + 0x400
	segment 0, 0xc93+dpl, -1, 0	# ES, CS, SS, DS
	segment 0, 0xc9b+dpl, -1, 0
	segment 0, 0xc93+dpl, -1, 0
	segment 0, 0xc93+dpl, -1, 0
	.org template + 0x460		# GDTR
	segment 0, 0, table-segments-1, segments
	.org template + 0x480		# IDTR, TR
	segment 0, 0, 8*0x21-1, gates-8*0x20
	segment 0, task, tss_limit, tss
	.org template + 0x4d0
	.quad 0x1000			# EFER: SVME
	.org template + 0x558
	.quad 1				# CR0: PE
	.org template + 0x570
	.long 0x202, 0, guest		# RFLAGS: IF; RIP
	.org template + 0x5d8
	.quad stack			# RSP

	reset_vector
