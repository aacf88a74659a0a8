/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A multiboot program: prints its command line, and ends with the status 42 by port 0xf4, or with
 * 1 if the loader has not started it as the specification says.
 */
	.set	MAGIC, 0x1badb002
	.set	FLAGS, 3		/* modules at pages, sizes of memory */
	.set	LOADER_MAGIC, 0x2badb002
	.set	INFO_FLAGS, 0
	.set	INFO_UPPER, 8		/* memory from 1 MiB on, in KiB */
	.set	INFO_COMMAND_LINE, 16
	.set	SERIAL, 0x3f8
	.set	EXIT, 0xf4

	.section .multiboot, "a"
	.balign	4
	.long	MAGIC, FLAGS, -(MAGIC + FLAGS)

	.text
	.globl	_start
_start:
	cmpl	$LOADER_MAGIC, %eax
	jne	1f
	movl	INFO_FLAGS(%ebx), %ecx
	andl	$5, %ecx		/* memory and command line */
	cmpl	$5, %ecx
	jne	1f
	cmpl	$1024, INFO_UPPER(%ebx)
	jb	1f
	/* Paging is off, interrupts as well */
	movl	%cr0, %ecx
	shrl	$31, %ecx
	jnz	1f
	movl	INFO_COMMAND_LINE(%ebx), %esi
	movw	$SERIAL, %dx
2:	movb	(%esi), %al
	incl	%esi
	testb	%al, %al
	jz	3f
	outb	%al, %dx
	jmp	2b
3:	movb	$'\n', %al
	outb	%al, %dx
	/* Memory of the program that the file does not have is zero, and can be written */
	cmpl	$0, variable
	jne	1f
	incl	variable
	cmpl	$1, variable
	jne	1f
	movb	$42, %al
	jmp	4f
1:	movb	$1, %al
4:	outb	%al, $EXIT
	hlt

	.bss
	.balign	4096
variable:
	.skip	4
	.section .note.GNU-stack, "", @progbits
