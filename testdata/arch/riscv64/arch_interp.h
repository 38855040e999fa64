/* SPDX-License-Identifier: MIT */
/* The first and the last instructions of own-interp. */
#ifndef TESTDATA_ARCH_INTERP_H
#define TESTDATA_ARCH_INTERP_H

/* sp at entry is kept in s0, and the program starts with a0 as the kernel gave it to us. */
__asm__(".text\n"
	".globl _start\n"
	"_start:\n"
	"	mv s0, sp\n"
	"	mv a0, sp\n"
	"	call start_c\n"
	"	bnez a0, 1f\n"
	"	call program_entry\n"
	"	mv t1, a0\n"
	"	mv sp, s0\n"
	"	li a0, 0\n"
	"	li s0, 0\n"
	"	li ra, 0\n"
	"	jr t1\n"
	"1:	li a7, 94\n" /* exit_group */
	"	ecall\n"
	"	unimp\n");

#endif
