/* SPDX-License-Identifier: MIT */
/* The CPU's part of good-pristine: its state as execve leaves it. */
#ifndef TESTDATA_ARCH_PRISTINE_H
#define TESTDATA_ARCH_PRISTINE_H

#include <asm/prctl.h>

/* FXSAVE's layout, the part that is looked at. */
static struct {
	uint16_t fcw, fsw;
	uint8_t ftw, between[19];
	uint32_t mxcsr, mxcsr_mask;
	uint8_t registers[128 + 256];
	uint8_t reserved[96];
} fx __attribute__((aligned(16)));

/* Comes first: nothing in this file uses these registers, but then nobody has to know. */
static int check_fpu(void)
{
	__asm__ volatile("fxsave %0" : "=m"(fx));
	return check(fx.fcw == 0x37f && fx.fsw == 0 && fx.ftw == 0, "x87 state is initial") |
	       check(fx.mxcsr == 0x1f80, "MXCSR is initial") |
	       check(all_zero(fx.registers, sizeof(fx.registers)),
		     "x87 and SSE registers are 0");
}

static int check_bases(void)
{
	uint64_t fs = 1, gs = 1;
	uint16_t ds, es, fs_selector, gs_selector;

	__asm__("mov %%ds, %0; mov %%es, %1; mov %%fs, %2; mov %%gs, %3"
		: "=r"(ds), "=r"(es), "=r"(fs_selector), "=r"(gs_selector));
	sys(arch_prctl, ARCH_GET_FS, &fs, 0, 0);
	sys(arch_prctl, ARCH_GET_GS, &gs, 0, 0);
	return check((ds | es | fs_selector | gs_selector) == 0, "segment selectors are 0") |
	       check(fs == 0 && gs == 0, "FS and GS base are 0");
}

#endif
