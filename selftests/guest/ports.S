/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * First instructions of both CPUs of the guest of ports.c, and its interrupts. The code is the
 * machine's firmware: 64 KiB that end at 1 MiB. So it starts in real mode at its last 16 bytes.
 * The second CPU starts at the first byte.
 */
	.set	APIC_BASE, 0x1b		/* MSR */
	.set	APIC_BASE_BSP, 0x100
	.set	FIRMWARE, 0xf0000
	.set	STACK, 0x7000		/* of the first CPU */
	.set	SECOND_STACK, 0x6000
	.set	PIC, 0x20
	.set	END_OF_INTERRUPT, 0x20

	.section .start, "ax"
	.code16
	.globl	_start
_start:
	cli
	lgdtl	%cs:gdtr - _start
	movl	%cr0, %eax
	orb	$1, %al
	movl	%eax, %cr0
	ljmpl	$8, $1f

	.code32
1:	movw	$16, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	movl	$APIC_BASE, %ecx
	rdmsr
	testl	$APIC_BASE_BSP, %eax
	jz	2f
	movl	$STACK, %esp
	call	first_cpu
2:	movl	$SECOND_STACK, %esp
	call	second_cpu
	/* The CPU waits here until it is started again */
3:	cli
	hlt
	jmp	3b

	.globl	interrupt
interrupt:
	pushl	%eax
	movb	$END_OF_INTERRUPT, %al
	outb	%al, $PIC
	popl	%eax
	iretl

	.globl	function_entry
function_entry:
	pushal
	call	function_interrupt
	popal
	iretl

	.globl	timer_entry
timer_entry:
	pushal
	call	timer_interrupt
	popal
	iretl

	/* Marked as accessed, because this memory is read-only */
	.balign	8
gdt:
	.quad	0
	.quad	0x00cf9b000000ffff	/* code, 4 GiB */
	.quad	0x00cf93000000ffff	/* data, 4 GiB */
gdtr:
	.word	. - gdt - 1
	.long	gdt

	.section .reset, "ax"
	.code16
	ljmp	$FIRMWARE >> 4, $0
	.balign	16, 0xff
