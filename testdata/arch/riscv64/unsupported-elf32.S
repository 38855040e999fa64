/* SPDX-License-Identifier: MIT */
/* A 32-bit program: exit(0). Some kernels run it (CONFIG_COMPAT), on a CPU that can. */
	.section .text
	.globl _start
	.type _start, @function
_start:
	li a7, 93			/* exit */
	li a0, 0
	ecall
	unimp
	.size _start, . - _start

	.section .note.GNU-stack, "", @progbits
