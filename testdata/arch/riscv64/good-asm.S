/* SPDX-License-Identifier: MIT */
/* The smallest program there is: no libc, no data, no stack. If this fails, everything does. */
	.section .text
	.globl _start
	.type _start, @function
_start:
	li a7, 64			/* write(1, message, size) */
	li a0, 1
	lla a1, message
	li a2, 12			/* bytes */
	ecall
	li a1, 12
	sub a0, a0, a1
	snez a0, a0
	li a7, 94			/* exit_group */
	ecall
	unimp
	.size _start, . - _start

	.section .rodata
message:
	.ascii "ok assembly\n"

	.section .note.GNU-stack, "", @progbits
