/* SPDX-License-Identifier: MIT */
/*
 * The registers at the first instruction, as far as the kernel says anything of them: a0, which is
 * the result of execve, and sp, a multiple of 16. a0 matters most: by the ABI the program registers
 * it with atexit, so a stray value is called when the program ends. The others are those of the
 * process that has called execve.
 */
	.section .text
	.globl _start
	.type _start, @function
_start:
	snez s1, a0			/* the set of registers that are wrong */
	andi t0, sp, 15
	snez t0, t0
	slli t0, t0, 1
	or s1, s1, t0
	li s2, 0
next_register:
	lla a1, ok
	li a2, 3
	srl t0, s1, s2
	andi t0, t0, 1
	beqz t0, 1f
	addi a1, a1, 3			/* fail, which is behind ok */
	li a2, 5
1:
	call print
	lla a1, names
	slli t0, s2, 3
	add a1, a1, t0
	li a2, 8
	call print
	addi s2, s2, 1
	li t0, 2
	bne s2, t0, next_register
	snez a0, s1
	li a7, 94			/* exit_group */
	ecall
	unimp

print:					/* a1, a2: write to standard output */
	li a0, 1
	li a7, 64
	ecall
	ret
	.size _start, . - _start

	.section .rodata
ok:	.ascii "ok "
	.ascii "FAIL "
names:	.ascii "a0    0\nsp   16\n"

	.section .note.GNU-stack, "", @progbits
