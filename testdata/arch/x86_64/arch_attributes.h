/* SPDX-License-Identifier: MIT */
/* The CPU's part of show-attributes: what it prints of its own registers. */
#ifndef TESTDATA_ARCH_ATTRIBUTES_H
#define TESTDATA_ARCH_ATTRIBUTES_H

#include <asm/prctl.h>
#include <cpuid.h>

static uint8_t xsave[8192] __attribute__((aligned(64)));

/* FXSAVE's layout where nothing more is there; XSTATE_BV, after it, says which components are
 * in use. Number 9, PKRU, always has a value of the kernel's. Number 1, SSE, says nothing: a
 * CPU may call in use what is in its initial form (Intel SDM vol. 1, 13.6), and does so for
 * this one from time to time, whatever has been restored. Its registers are looked at instead.
 */
static void show_fpu(void)
{
	const uint64_t unsaid = UINT64_C(1) << 9 | UINT64_C(1) << 1;
	unsigned eax, ebx, ecx = 0, edx;
	uint64_t bv;

	__cpuid(1, eax, ebx, ecx, edx);
	if (ecx >> 27 & 1) /* OSXSAVE */
		__asm__ volatile("xsave64 %0" : "+m"(xsave) : "a"(-1), "d"(-1) : "memory");
	else
		__asm__ volatile("fxsave64 %0" : "+m"(xsave) : : "memory");
	memcpy(&bv, xsave + 512, sizeof(bv));
	line("xstate", bv & ~unsaid);
	line("fcw", (uint64_t)xsave[0] | (uint64_t)xsave[1] << 8);
	line("fsw", (uint64_t)xsave[2] | (uint64_t)xsave[3] << 8);
	line("mxcsr", (uint64_t)xsave[24] | (uint64_t)xsave[25] << 8);
	line("x87-and-sse-zero", all_zero(xsave + 32, 128 + 256));
	line("avx-zero", all_zero(xsave + 576, 256));
}

static void show_bases(void)
{
	uint64_t fs = 1, gs = 1;
	uint16_t ds, es;

	__asm__("mov %%ds, %0; mov %%es, %1" : "=r"(ds), "=r"(es));
	sys(arch_prctl, ARCH_GET_FS, &fs, 0, 0);
	sys(arch_prctl, ARCH_GET_GS, &gs, 0, 0);
	line("fs-base-zero", fs == 0); /* an interpreter's addresses are random */
	line("gs-base-zero", gs == 0);
	line("ds", ds);
	line("es", es);
}

#endif
