/* SPDX-License-Identifier: MIT */
/* Registers that a loader has used, and which its program finds as execve leaves them. */
#ifndef TESTS_TEST_ATTRIBUTES_H
#define TESTS_TEST_ATTRIBUTES_H

#include <asm/prctl.h>
#include <cpuid.h>

static void bases(const void *data)
{
	(void)data;
	must(syscall(SYS_arch_prctl, ARCH_SET_GS, 0x123456) == 0, "ARCH_SET_GS");
}

static void data_segments(const void *data)
{
	(void)data;
	__asm__ volatile("mov %0, %%ds; mov %0, %%es" : : "r"(0x2b));
}

static void x87(const void *data)
{
	const uint16_t fcw = 0x40; /* 24 bits of precision, and exceptions */

	(void)data;
	__asm__ volatile("fninit; fldpi; fldpi; fldpi; fldl2e; fldcw %0" : : "m"(fcw));
}

static void sse(const void *data)
{
	const uint32_t mxcsr = 0x7fc0; /* round to zero, denormals are zeros, a sticky flag */

	(void)data;
	__asm__ volatile("ldmxcsr %0\n\t"
			 "pcmpeqd %%xmm0, %%xmm0\n\t"
			 "pcmpeqd %%xmm7, %%xmm7\n\t"
			 "pcmpeqd %%xmm15, %%xmm15"
			 :
			 : "m"(mxcsr)
			 : "xmm0", "xmm7", "xmm15");
}

static void avx(const void *data)
{
	unsigned eax, ebx, ecx = 0, edx;

	sse(data);
	__cpuid(1, eax, ebx, ecx, edx);
	if (ecx & bit_AVX)
		__asm__ volatile("vcmptrueps %%ymm3, %%ymm3, %%ymm3\n\t"
				 "vcmptrueps %%ymm14, %%ymm14, %%ymm14"
				 :
				 :
				 : "xmm3", "xmm14");
}

/* clang-format off */
#define NEW_FPU "fcw 0x37f\n", "mxcsr 0x1f80\n", "x87-and-sse-zero 0x1\n", "avx-zero 0x1\n"
#define TEST_REGISTER_ROWS \
	{"FS and GS base", bases, NULL, NULL, {"fs-base-zero 0x1\n", "gs-base-zero 0x1\n"}, 0, 0}, \
	{"data segments", data_segments, NULL, NULL, {"ds 0x0\n", "es 0x0\n"}, 0, 0}, \
	{"x87", x87, NULL, NULL, {NEW_FPU, "fsw 0x0\n"}, 0, 0}, \
	{"SSE", sse, NULL, NULL, {NEW_FPU}, 0, 0}, \
	{"AVX", avx, NULL, NULL, {NEW_FPU}, 0, 0},
/* clang-format on */

#endif
