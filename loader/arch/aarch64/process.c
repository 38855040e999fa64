#include "process.h"

void arch_prepare_registers(struct stub_args *args)
{
	(void)args;
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
