/* SPDX-License-Identifier: MIT */
/* The CPU's part of show-faults. */
#ifndef TESTDATA_ARCH_ACCESS_H
#define TESTDATA_ARCH_ACCESS_H

/* The instructions that are easily taken for the wrong kind of access. */
static void arch_odd_accesses(volatile char *stored, volatile char *compared)
{
	__asm__ volatile(
		"fsd ft0, 0(%0)\n\t"      /* a store */
		"lbu t1, 0(%1)\n\t"       /* no store */
		"1: lr.w.aq t1, (%1)\n\t" /* a load, until the store that belongs to it */
		"addi t1, t1, 1\n\t"
		"sc.w.rl t2, t1, (%1)\n\t"
		"bnez t2, 1b"
		:
		: "r"(stored), "r"(compared)
		: "memory", "t1", "t2");
}

#endif
