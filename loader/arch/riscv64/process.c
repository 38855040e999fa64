#include "process.h"

#include "arch_stub.h"

void arch_prepare_registers(struct stub_args *args)
{
	(void)args; /* what is kept is asked for at the end (struct arch_kept) */
}

int arch_try_vdso(void)
{
	return 0; /* it is there, and mremap has always been able to move it */
}

_Noreturn void arch_run_stub(uint64_t run, struct stub_args *args, uint64_t top)
{
	register struct stub_args *first __asm__("a0") = args;

	__asm__ volatile("mv sp, %[top]\n\t"
			 "mv t0, %[run]\n\t"
			 "li s0, 0\n\t"
			 "li ra, 0\n\t"
			 "jr t0"
			 :
			 : [top] "r"(top), [run] "r"(run), "r"(first)
			 : "t0", "ra", "memory");
	__builtin_unreachable();
}
