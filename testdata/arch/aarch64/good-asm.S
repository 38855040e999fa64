/* SPDX-License-Identifier: MIT */
/* The smallest program there is: no libc, no data, no stack. If this fails, everything does. */
	.section .text
	.globl _start
	.type _start, @function
_start:
	mov x8, #64			/* write(1, message, size) */
	mov x0, #1
	adrp x1, message
	add x1, x1, :lo12:message
	mov x2, #message_size
	svc #0
	cmp x0, #message_size
	cset x0, ne
	mov x8, #94			/* exit_group */
	svc #0
	udf #0
	.size _start, . - _start

	.section .rodata
message:
	.ascii "ok assembly\n"
	.set message_size, . - message

	.section .note.GNU-stack, "", @progbits
