/* SPDX-License-Identifier: MIT */
/* The registers besides the general ones. */
#ifndef TESTDATA_ARCH_REGISTERS_H
#define TESTDATA_ARCH_REGISTERS_H

#include <stdint.h>

/* Without the compiler: it is told not to use these registers. */
static uint64_t vectors[64];

static void read_vectors(void)
{
	__asm__ volatile(".arch_extension fp\n\t"
			 ".arch_extension simd\n\t"
			 "stp q0, q1, [%0]\n\t"
			 "stp q2, q3, [%0, #32]\n\t"
			 "stp q4, q5, [%0, #64]\n\t"
			 "stp q6, q7, [%0, #96]\n\t"
			 "stp q8, q9, [%0, #128]\n\t"
			 "stp q10, q11, [%0, #160]\n\t"
			 "stp q12, q13, [%0, #192]\n\t"
			 "stp q14, q15, [%0, #224]\n\t"
			 "stp q16, q17, [%0, #256]\n\t"
			 "stp q18, q19, [%0, #288]\n\t"
			 "stp q20, q21, [%0, #320]\n\t"
			 "stp q22, q23, [%0, #352]\n\t"
			 "stp q24, q25, [%0, #384]\n\t"
			 "stp q26, q27, [%0, #416]\n\t"
			 "stp q28, q29, [%0, #448]\n\t"
			 "stp q30, q31, [%0, #480]"
			 :
			 : "r"(vectors)
			 : "memory");
}

static uint64_t read_fpcr(void)
{
	uint64_t value;

	__asm__ volatile("mrs %0, fpcr" : "=r"(value));
	return value;
}

static uint64_t read_fpsr(void)
{
	uint64_t value;

	__asm__ volatile("mrs %0, fpsr" : "=r"(value));
	return value;
}

static uint64_t read_tpidr(void)
{
	uint64_t value;

	__asm__ volatile("mrs %0, tpidr_el0" : "=r"(value));
	return value;
}

#endif
