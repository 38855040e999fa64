/* SPDX-License-Identifier: MIT */
/* The CPU's part of good-pristine: its state as execve leaves it. */
#ifndef TESTDATA_ARCH_PRISTINE_H
#define TESTDATA_ARCH_PRISTINE_H

#include "arch_registers.h"

/* Comes first: nothing in this file uses these registers, but then nobody has to know. */
static int check_fpu(void)
{
	read_vectors();
	return check(read_fpcr() == 0 && read_fpsr() == 0, "FPCR and FPSR are 0") |
	       check(all_zero(vectors, sizeof(vectors)), "vector registers are 0");
}

static int check_bases(void)
{
	return check(read_tpidr() == 0, "TPIDR_EL0 is 0");
}

#endif
