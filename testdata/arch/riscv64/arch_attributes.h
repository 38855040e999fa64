/* SPDX-License-Identifier: MIT */
/* The CPU's part of show-attributes: what it prints of its own registers. */
#ifndef TESTDATA_ARCH_ATTRIBUTES_H
#define TESTDATA_ARCH_ATTRIBUTES_H

#include "arch_registers.h"

static void show_fpu(void)
{
	read_floats();
	line("fcsr", read_fcsr());
	line("floats-zero", all_zero(floats, sizeof(floats)));
}

/* execve leaves the thread pointer of the process that has called it. */
static void show_bases(void)
{
}

#endif
