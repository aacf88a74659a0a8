/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Start of the multiboot program: 32 bits, no paging. Its interrupts are those of MSI-X, and it
 * takes them only while it sleeps.
 */
	.set	MAGIC, 0x1badb002
	.set	FLAGS, 0

	.section .multiboot, "a"
	.balign	4
	.long	MAGIC, FLAGS, -(MAGIC + FLAGS)

	.text
	.globl	_start
_start:
	cli
	movl	$stack_end, %esp
	lgdtl	gdtr
	ljmpl	$8, $1f
1:	movw	$16, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	call	bare_main
1:	hlt
	jmp	1b

	.globl	interrupt_entry
interrupt_entry:
	pushal
	cld
	call	interrupt
	popal
	iretl

	.section .rodata
	.balign	8
gdt:
	.quad	0
	.quad	0x00cf9b000000ffff	/* code, 4 GiB */
	.quad	0x00cf93000000ffff	/* data, 4 GiB */
gdtr:
	.word	. - gdt - 1
	.long	gdt

	.bss
	.balign	16
	.skip	65536
stack_end:
	.section .note.GNU-stack, "", @progbits
