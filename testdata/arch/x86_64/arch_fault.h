/* SPDX-License-Identifier: MIT */
/* Instructions that fault: each a real one, nothing is sent. */
#ifndef TESTDATA_ARCH_FAULT_H
#define TESTDATA_ARCH_FAULT_H

static inline void arch_illegal(void)
{
	__asm__ volatile("ud2");
}

static inline void arch_divide(void)
{
	__asm__ volatile("xor %%eax, %%eax; cltd; idivl %%eax" : : : "rax", "rdx", "cc");
}

static inline void arch_break(void)
{
	__asm__ volatile("int3");
}

#endif
