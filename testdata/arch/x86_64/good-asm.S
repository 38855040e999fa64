/* SPDX-License-Identifier: MIT */
/* The smallest program there is: no libc, no data, no stack. If this fails, everything does. */
	.section .text
	.globl _start
	.type _start, @function
_start:
	mov $1, %eax			/* write(1, message, size) */
	mov $1, %edi
	lea message(%rip), %rsi
	mov $message_size, %edx
	syscall
	xor %edi, %edi
	cmp $message_size, %rax
	setne %dil
	mov $231, %eax			/* exit_group */
	syscall
	hlt
	.size _start, . - _start

	.section .rodata
message:
	.ascii "ok assembly\n"
	.set message_size, . - message

	.section .note.GNU-stack, "", @progbits
