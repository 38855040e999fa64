/* SPDX-License-Identifier: MIT */
/* The first and the last instructions of own-interp. */
#ifndef TESTDATA_ARCH_INTERP_H
#define TESTDATA_ARCH_INTERP_H

/* rsp at entry is kept in rbx, and the program starts with the registers the kernel gave us. */
__asm__(".text\n"
	".globl _start\n"
	"_start:\n"
	"	mov %rsp, %rbx\n"
	"	mov %rsp, %rdi\n"
	"	and $-16, %rsp\n"
	"	call start_c\n"
	"	mov %rbx, %rsp\n"
	"	test %eax, %eax\n"
	"	jnz 1f\n"
	"	call program_entry\n"
	"	mov %rbx, %rsp\n"
	"	xor %edx, %edx\n"
	"	xor %ebx, %ebx\n"
	"	jmp *%rax\n"
	"1:	mov %eax, %edi\n"
	"	mov $231, %eax\n"
	"	syscall\n"
	"	hlt\n");

#endif
