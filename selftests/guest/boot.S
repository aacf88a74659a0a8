/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Boot sector for guest_test.sh. It proves that firmware booted from an MMR disk by its legacy
 * driver. It prints a token on the first serial port. It reads sector 1 by the firmware's disk
 * services and prints its text. Then it reports success in the way that tools/vm/guest expects.
 */
	.set	SERIAL, 0x3f8
	.set	STATUS, 0xe9		/* takes the exit status */
	.set	EXIT, 0xf4		/* any byte ends the virtual machine */
	.set	BUFFER, 0x8000
	.set	TEXT_MAX, 80

	.code16
	.globl	_start
_start:
	ljmp	$0, $1f			/* some firmware enters at 07c0:0000 */
1:	xorw	%ax, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	movw	$0x7c00, %sp
	cld
	movb	%dl, drive

	movw	$token, %si
	call	print

	movb	drive, %dl
	movw	$packet, %si
	movb	$0x42, %ah		/* extended read */
	int	$0x13
	jc	failed

	movw	$BUFFER, %si
	movb	$0, BUFFER + TEXT_MAX
	call	print
	movw	$newline, %si
	call	print
	xorb	%al, %al
	jmp	report

failed:
	movw	$error, %si
	call	print
	movb	$1, %al
report:
	movw	$STATUS, %dx
	outb	%al, %dx
	movw	$EXIT, %dx
	outb	%al, %dx
1:	hlt
	jmp	1b

/* Prints the text at %si up to its zero byte */
print:
	lodsb
	testb	%al, %al
	jz	2f
	movb	%al, %cl
	movw	$SERIAL + 5, %dx
1:	inb	%dx, %al
	testb	$0x20, %al		/* room for a byte? */
	jz	1b
	movw	$SERIAL, %dx
	movb	%cl, %al
	outb	%al, %dx
	jmp	print
2:	ret

token:
	.asciz	"virtio-mmr boot sector\n"
error:
	.asciz	"cannot read sector 1\n"
newline:
	.asciz	"\n"
drive:
	.byte	0

	.balign	4
packet:
	.byte	16, 0
	.word	1			/* sectors */
	.word	BUFFER, 0		/* offset, segment */
	.quad	1			/* first sector */

	.org	510
	.word	0xaa55
