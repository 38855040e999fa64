#include "process.h"

#include <asm/prctl.h>
#include <cpuid.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef ARCH_MAP_VDSO_64
#define ARCH_MAP_VDSO_64 0x2003
#endif
#ifndef ARCH_GET_XCOMP_SUPP
#define ARCH_GET_XCOMP_SUPP 0x1021
#endif

/* Offsets in the legacy region of an XSAVE area (Intel SDM vol. 1, 13.4.1). */
enum {
	FPU_FCW = 0,
	FPU_MXCSR = 24,
};

/* Is there XRSTOR? Since Linux 5.16 the kernel tells the parts of the state that it saves: all
 * but the first two need it. CPUID knows too, but in a virtual machine takes microseconds. */
static bool has_xrstor(void)
{
	unsigned eax, ebx, ecx = 0, edx;
	uint64_t parts = 0;

	if (syscall(SYS_arch_prctl, ARCH_GET_XCOMP_SUPP, &parts) == 0 && parts >> 2)
		return true;
	return __get_cpuid(1, &eax, &ebx, &ecx, &edx) && (ecx & bit_OSXSAVE);
}

void arch_prepare_registers(struct stub_args *args)
{
	const uint16_t fcw = 0x37f;
	const uint32_t mxcsr = 0x1f80;

	/* XSTATE_BV, after the legacy region, is 0: every component takes its initial form. */
	memset(args->fpu, 0, sizeof(args->fpu));
	memcpy(args->fpu + FPU_FCW, &fcw, sizeof(fcw));
	memcpy(args->fpu + FPU_MXCSR, &mxcsr, sizeof(mxcsr));
	if (has_xrstor())
		args->flags |= STUB_FPU_SAVED_STATE;
}

/* While there is one the answer is EEXIST, unless it is not permitted at all. */
int arch_try_vdso(void)
{
	if (syscall(SYS_arch_prctl, ARCH_MAP_VDSO_64, 0) == 0 || errno == EEXIST)
		return 0;
	return -errno;
}

_Noreturn void arch_run_stub(uint64_t run, struct stub_args *args, uint64_t top)
{
	__asm__ volatile("mov %[top], %%rsp\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "call *%[run]"
			 :
			 : [top] "r"(top), [run] "r"(run), "D"(args)
			 : "memory");
	__builtin_unreachable();
}
