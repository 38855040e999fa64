/* SPDX-License-Identifier: MIT */
/* The CPU's part of show-faults. */
#ifndef TESTDATA_ARCH_ACCESS_H
#define TESTDATA_ARCH_ACCESS_H

/* The instructions that are easily taken for the wrong kind of access. */
static void arch_odd_accesses(volatile char *stored, volatile char *compared)
{
	__asm__ volatile("movups %%xmm0, (%0)\n\t" /* a store */
			 "cmpb $1, (%1)\n\t"       /* no store */
			 "lock addl $1, (%1)"
			 :
			 : "r"(stored), "r"(compared)
			 : "memory", "cc");
}

#endif
