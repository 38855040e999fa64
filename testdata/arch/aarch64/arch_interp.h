/* SPDX-License-Identifier: MIT */
/* The first and the last instructions of own-interp. */
#ifndef TESTDATA_ARCH_INTERP_H
#define TESTDATA_ARCH_INTERP_H

/* sp at entry is kept in x19, and the program starts with the registers the kernel gave us. */
__asm__(".text\n"
	".globl _start\n"
	"_start:\n"
	"	mov x19, sp\n"
	"	mov x0, sp\n"
	"	bl start_c\n"
	"	cbnz w0, 1f\n"
	"	bl program_entry\n"
	"	mov x16, x0\n"
	"	mov sp, x19\n"
	"	mov x0, #0\n"
	"	mov x19, #0\n"
	"	mov x29, #0\n"
	"	mov x30, #0\n"
	"	br x16\n"
	"1:	mov x8, #94\n" /* exit_group */
	"	svc #0\n"
	"	udf #0\n");

#endif
