/* SPDX-License-Identifier: MIT */
/*
 * The registers at the first instruction, as the kernel leaves them: all general purpose registers 0
 * except rsp, which is a multiple of 16. rdx matters most: by the ABI the program registers it with
 * atexit, so a stray value is called when the program ends.
 *
 * The flags are not checked: the kernel's 0x202 and the 0x246 of a loader that came here by a jump
 * are both right, since the ABI asks for no more than a clear DF.
 */
	.macro zero reg, bit
	test \reg, \reg
	jz 1f
	bts $\bit, %rsp			/* rsp is not needed as a stack; its copy is in xmm1 */
1:
	.endm

	.section .text
	.globl _start
	.type _start, @function
_start:
	movq %rsp, %xmm1
	/* No register may be lost before it was looked at: the bits are collected in rsp. */
	mov $0, %rsp
	zero %rax, 0
	zero %rbx, 1
	zero %rcx, 2
	zero %rdx, 3
	zero %rsi, 4
	zero %rdi, 5
	zero %rbp, 6
	zero %r8, 8
	zero %r9, 9
	zero %r10, 10
	zero %r11, 11
	zero %r12, 12
	zero %r13, 13
	zero %r14, 14
	zero %r15, 15
	mov %rsp, %rbx			/* the set of registers that were not 0 */
	movq %xmm1, %rsp
	test $15, %rsp
	jz 2f
	bts $7, %rbx			/* bit 7 is rsp: misaligned */
2:
	xor %ebp, %ebp
	lea names(%rip), %r12
next_register:
	lea ok(%rip), %rsi
	mov $3, %edx
	bt %ebp, %ebx
	jnc 3f
	lea fail(%rip), %rsi
	mov $5, %edx
3:
	call print
	mov %rbp, %rsi
	shl $3, %rsi
	add %r12, %rsi
	mov $8, %edx
	call print
	inc %ebp
	cmp $16, %ebp
	jne next_register
	xor %edi, %edi
	test %ebx, %ebx
	setnz %dil
	mov $231, %eax			/* exit_group */
	syscall
	hlt

print:					/* rsi, rdx: write to standard output */
	mov $1, %edi
	mov $1, %eax
	syscall
	ret
	.size _start, . - _start

	.section .rodata
ok:	.ascii "ok "
fail:	.ascii "FAIL "
names:	.ascii "rax   0\nrbx   0\nrcx   0\nrdx   0\nrsi   0\nrdi   0\nrbp   0\nrsp  16\n"
	.ascii "r8    0\nr9    0\nr10   0\nr11   0\nr12   0\nr13   0\nr14   0\nr15   0\n"

	.section .note.GNU-stack, "", @progbits
