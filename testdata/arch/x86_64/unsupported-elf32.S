/* SPDX-License-Identifier: MIT */
/*
 * A 32-bit program (ELF32, EM_386). The kernel runs it, if built to; no 64-bit process can become
 * one by itself, so a userspace loader has to say so.
 */
	.section .text
	.globl _start
	.type _start, @function
_start:
	mov $4, %eax			/* write(1, message, size) */
	mov $1, %ebx
	mov $message, %ecx
	mov $message_size, %edx
	int $0x80
	mov $1, %eax			/* exit(0) */
	xor %ebx, %ebx
	int $0x80
	hlt
	.size _start, . - _start

	.section .rodata
message:
	.ascii "ok 32 bits\n"
	.set message_size, . - message

	.section .note.GNU-stack, "", @progbits
