#include "process.h"

#include "arch_stub.h"

#include <sys/auxv.h>

#ifndef HWCAP_SSBS
#define HWCAP_SSBS (1 << 28)
#endif

/* Whether loads may be speculated past stores (SSBS) is for the kernel to say: as it did for
 * this process. Without such a thing in the CPU the bit is what the kernel sets when it begins
 * one. */
static uint64_t first_pstate(void)
{
	uint64_t ssbs = 1 << 12;

	if (getauxval(AT_HWCAP) & HWCAP_SSBS)
		__asm__ volatile("mrs %0, S3_3_C4_C2_6" : "=r"(ssbs)); /* the register SSBS */
	return ssbs;
}

void arch_prepare_registers(struct stub_args *args)
{
	struct arch_kept *kept = (struct arch_kept *)(void *)args->fpu;

	kept->pstate = first_pstate();
}

int arch_try_vdso(void)
{
	return 0; /* it is there, and mremap has always been able to move it */
}

_Noreturn void arch_run_stub(uint64_t run, struct stub_args *args, uint64_t top)
{
	register struct stub_args *first __asm__("x0") = args;

	__asm__ volatile("mov sp, %[top]\n\t"
			 "mov x17, %[run]\n\t"
			 "mov x29, #0\n\t"
			 "mov x30, #0\n\t"
			 "br x17"
			 :
			 : [top] "r"(top), [run] "r"(run), "r"(first)
			 : "x17", "x29", "x30", "memory");
	__builtin_unreachable();
}
