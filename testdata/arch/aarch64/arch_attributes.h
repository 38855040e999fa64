/* SPDX-License-Identifier: MIT */
/* The CPU's part of show-attributes: what it prints of its own registers. */
#ifndef TESTDATA_ARCH_ATTRIBUTES_H
#define TESTDATA_ARCH_ATTRIBUTES_H

#include "arch_registers.h"

static void show_fpu(void)
{
	read_vectors();
	line("fpcr", read_fpcr());
	line("fpsr", read_fpsr());
	line("vectors-zero", all_zero(vectors, sizeof(vectors)));
}

static void show_bases(void)
{
	line("tpidr-zero", read_tpidr() == 0); /* an interpreter's addresses are random */
}

#endif
