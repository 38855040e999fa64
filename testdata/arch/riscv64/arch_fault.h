/* SPDX-License-Identifier: MIT */
/* Instructions that fault, and what stands for those that this CPU does not have. */
#ifndef TESTDATA_ARCH_FAULT_H
#define TESTDATA_ARCH_FAULT_H

#include <signal.h>
#include <unistd.h>

static inline void arch_illegal(void)
{
	__asm__ volatile("unimp");
}

/* No division traps here: the signal is sent. */
static inline void arch_divide(void)
{
	kill(getpid(), SIGFPE);
}

static inline void arch_break(void)
{
	__asm__ volatile("ebreak");
}

#endif
