/* The CPU's part of the stub. Included by stub.c only, and under the same rules as it. */
#ifndef ARCH_ARCH_STUB_H
#define ARCH_ARCH_STUB_H

#include "arch.h"
#include "stub.h"

#include <asm/prctl.h>
#include <asm/unistd.h>
#include <stdint.h>

#define ARCH_STUB_HELPER static inline __attribute__((always_inline))

ARCH_STUB_HELPER uint64_t sys6(uint64_t nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
			       uint64_t e, uint64_t f)
{
	register uint64_t r10 __asm__("r10") = d;
	register uint64_t r8 __asm__("r8") = e;
	register uint64_t r9 __asm__("r9") = f;
	uint64_t result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

#include "fewer_arguments.h"

/* SIGSEGV with its default action, blocked or not: what execve's own failure looks like. */
ARCH_STUB_HELPER _Noreturn void arch_die(void)
{
	__asm__ volatile("1: hlt\n\tjmp 1b");
	__builtin_unreachable();
}

ARCH_STUB_HELPER void arch_copy(void *to, const void *from, uint64_t length)
{
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(length) : : "memory");
}

#ifndef ARCH_MAP_VDSO_64
#define ARCH_MAP_VDSO_64 0x2003
#endif

/* The old one goes with the rest. */
ARCH_STUB_HELPER uint64_t arch_keep_vdso(const struct stub_args *a)
{
	(void)a;
	return 0;
}

/* A new vdso block at ADDR, which is free. */
ARCH_STUB_HELPER uint64_t arch_map_vdso(const struct stub_args *a, uint64_t addr)
{
	(void)a;
	return sys2(__NR_arch_prctl, ARCH_MAP_VDSO_64, addr);
}

/* FP, vector and segment state as exec leaves them: init form, MXCSR 0x1f80, bases 0. What the
 * system calls for that answer is the result. */
ARCH_STUB_HELPER uint64_t arch_reset_registers(struct stub_args *a)
{
	/* all components but 9, PKRU: a key register of zero would lock nothing */
	uint32_t low = ~(UINT32_C(1) << 9), high = ~UINT32_C(0);

	if (a->flags & STUB_FPU_SAVED_STATE)
		__asm__ volatile("xrstor64 %0" : : "m"(a->fpu), "a"(low), "d"(high) : "memory");
	else
		__asm__ volatile("fxrstor64 %0" : : "m"(a->fpu) : "memory");
	__asm__ volatile("mov %0, %%ds\n\tmov %0, %%es" : : "r"(0));
	uint64_t result = sys2(__NR_arch_prctl, ARCH_SET_FS, 0);
	if (result || !(a->flags & STUB_RESET_ATTRIBUTES)) /* no libc makes use of GS */
		return result;
	return sys2(__NR_arch_prctl, ARCH_SET_GS, 0);
}

/*
 * The last step: unmap this block and go to the program. A "syscall ... ret" of the vdso does
 * both, so that nothing of the loader is mapped when the program begins: the address to return
 * to waits below the program's stack pointer. Without one the same bytes here do, and the page
 * they are in stays.
 */
ARCH_STUB_HELPER _Noreturn void arch_leave(const struct stub_args *a, uint64_t vdso)
{
	uint64_t *word = (uint64_t *)a->sp;
	uint64_t keep = a->gadget.call ? 0 : a->code_length;
	uint64_t target = a->gadget.call ? vdso + a->gadget.call : 0;
	register uint64_t r8 __asm__("r8");

	*--word = a->entry;
	for (uint64_t i = 0; i < a->gadget.pops; i++)
		*--word = 0;
	r8 = (uint64_t)word;
	__asm__ volatile("mov %[stack], %%rsp\n\t"
			 "pushq $0x202\n\t" /* as exec leaves the flags */
			 "popfq\n\t"
			 "test %%rcx, %%rcx\n\t"
			 "jnz 1f\n\t"
			 "lea 2f(%%rip), %%rcx\n"
			 "1:\n\t"
			 "mov $0, %%edx\n\t"
			 "mov $0, %%ebx\n\t"
			 "mov $0, %%ebp\n\t"
			 "mov $0, %%r8d\n\t"
			 "mov $0, %%r9d\n\t"
			 "mov $0, %%r10d\n\t"
			 "mov $0, %%r12d\n\t"
			 "mov $0, %%r13d\n\t"
			 "mov $0, %%r14d\n\t"
			 "mov $0, %%r15d\n\t"
			 "jmp *%%rcx\n"
			 "2:\n\t"
			 "syscall\n\t"
			 "mov $0, %%ecx\n\t"
			 "mov $0, %%edi\n\t"
			 "mov $0, %%esi\n\t"
			 "mov $0, %%r11d\n\t"
			 "ret"
			 :
			 : "a"((uint64_t)__NR_munmap), "D"(a->block + keep),
			   "S"(a->block_length - keep), "c"(target), [stack] "r"(r8)
			 : "memory");
	__builtin_unreachable();
}

#endif
