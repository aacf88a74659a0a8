/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See payload.h. A loop costs two instructions around each access. */
	.section .rodata
	.code32
	.globl	payload_begin, payload_end
	.globl	payload_out16, payload_in8, payload_store16

payload_begin:

payload_out16:
	outw	%ax, %dx
	decl	%ecx
	jnz	payload_out16
	hlt

payload_in8:
	inb	%dx, %al
	decl	%ecx
	jnz	payload_in8
	hlt

payload_store16:
	movw	%ax, (%edi)
	decl	%ecx
	jnz	payload_store16
	hlt

payload_end:

	.section .note.GNU-stack, "", @progbits
