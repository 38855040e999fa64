/* SPDX-License-Identifier: MIT */
/* The CPU's part of show-faults. */
#ifndef TESTDATA_ARCH_ACCESS_H
#define TESTDATA_ARCH_ACCESS_H

/* The instructions that are easily taken for the wrong kind of access. */
static void arch_odd_accesses(volatile char *stored, volatile char *compared)
{
	__asm__ volatile(
		".arch_extension fp\n\t"
		"str q0, [%0]\n\t"      /* a store */
		"ldrb w9, [%1]\n\t"     /* no store */
		"1: ldaxr w9, [%1]\n\t" /* a load, until the store that belongs to it */
		"add w9, w9, #1\n\t"
		"stlxr w10, w9, [%1]\n\t"
		"cbnz w10, 1b"
		:
		: "r"(stored), "r"(compared)
		: "memory", "x9", "x10");
}

#endif
