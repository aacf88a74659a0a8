/* SPDX-License-Identifier: GPL-2.0-only */
/* Start of the multiboot program: 32 bits, no paging, no interrupts. */
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
	call	bare_main
1:	hlt
	jmp	1b

	.bss
	.balign	16
	.skip	65536
stack_end:
	.section .note.GNU-stack, "", @progbits
