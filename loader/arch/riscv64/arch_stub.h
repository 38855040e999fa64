/* The CPU's part of the stub. Included by stub.c only, and under the same rules as it. */
#ifndef ARCH_ARCH_STUB_H
#define ARCH_ARCH_STUB_H

#include "arch.h"
#include "stub.h"

#include <asm/ptrace.h>
#include <asm/unistd.h>
#include <linux/mman.h>
#include <stdint.h>

#define ARCH_STUB_HELPER static inline __attribute__((always_inline))

ARCH_STUB_HELPER uint64_t sys6(uint64_t nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
			       uint64_t e, uint64_t f)
{
	register uint64_t a7 __asm__("a7") = nr;
	register uint64_t a0 __asm__("a0") = a;
	register uint64_t a1 __asm__("a1") = b;
	register uint64_t a2 __asm__("a2") = c;
	register uint64_t a3 __asm__("a3") = d;
	register uint64_t a4 __asm__("a4") = e;
	register uint64_t a5 __asm__("a5") = f;

	__asm__ volatile("ecall"
			 : "+r"(a0)
			 : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5)
			 : "memory");
	return a0;
}

#include "fewer_arguments.h"

/* SIGSEGV with its default action, blocked or not: what execve's own failure looks like. The
 * last page of all is not the user's. */
ARCH_STUB_HELPER _Noreturn void arch_die(void)
{
	__asm__ volatile("li a0, -2048\n"
			 "1:\tld zero, 0(a0)\n\t"
			 "j 1b"
			 :
			 :
			 : "a0", "memory");
	__builtin_unreachable();
}

/* Word by word, then byte by byte. */
ARCH_STUB_HELPER void arch_copy(void *to, const void *from, uint64_t length)
{
	uint8_t *t = to;
	const uint8_t *f = from;

	for (; length >= sizeof(uint64_t); length -= sizeof(uint64_t)) {
		uint64_t word;

		__asm__ volatile("ld %0, 0(%1)\n\t"
				 "sd %0, 0(%2)"
				 : "=&r"(word)
				 : "r"(f), "r"(t)
				 : "memory");
		f += sizeof(word);
		t += sizeof(word);
	}
	for (; length; length--)
		*(volatile uint8_t *)t++ = *f++;
}

#include "moved_vdso.h"

/* What is known before the last step, in the stub's room for registers. */
struct arch_kept {
	uint64_t altstack[3];
};

#ifndef PR_SET_TAGGED_ADDR_CTRL
#define PR_SET_TAGGED_ADDR_CTRL 55
#endif

/* No tags in addresses. Floating point takes its first values with the general registers; of
 * the vector registers every system call leaves nothing that is defined. */
ARCH_STUB_HELPER uint64_t arch_reset_registers(struct stub_args *a)
{
	if (a->flags & STUB_RESET_ATTRIBUTES)
		sys5(__NR_prctl, PR_SET_TAGGED_ADDR_CTRL, 0, 0, 0, 0);
	sys2(__NR_sigaltstack, 0, (uint64_t)a->fpu); /* struct arch_kept */
	return ask_mask(a);
}

/*
 * The kernel's frame of a signal handler (arch/riscv/kernel/signal.c). What it says is what
 * rt_sigreturn makes of the registers, all of them. execve gives a program those of the process
 * that has called it, but for a0: 0, the result. Which these were nobody knows any more, so
 * they are 0. The record behind the floating-point registers that says it is the last one is
 * all 0.
 */
struct arch_frame {
	uint8_t info[128];
	uint64_t flags, link;
	uint64_t altstack[3];
	uint64_t mask[16];
	uint64_t padding;
	struct user_regs_struct registers;
	union __riscv_fp_state fp;
};

_Static_assert(__builtin_offsetof(struct arch_frame, registers) == 128 + 176 &&
		       sizeof(struct arch_frame) == 128 + 176 + 256 + 528,
	       "the kernel's struct rt_sigframe");

/* Below the program's stack pointer. */
ARCH_STUB_HELPER uint64_t write_frame(const struct stub_args *a)
{
	const struct arch_kept *kept = (const struct arch_kept *)(const void *)a->fpu;
	uint64_t addr = (a->sp - sizeof(struct arch_frame)) & ~(uint64_t)15;
	volatile struct arch_frame *frame = (volatile struct arch_frame *)addr;

	for (uint64_t at = addr; at < addr + sizeof(*frame); at += sizeof(uint64_t))
		*(volatile uint64_t *)at = 0;
	for (int i = 0; i < 3; i++)
		frame->altstack[i] = kept->altstack[i];
	frame->mask[0] = a->mask;
	frame->registers.sp = a->sp;
	frame->registers.pc = a->entry;
	return addr;
}

/*
 * The last step: unmap this block and go to the program, by an "ecall; ret" of the vdso which
 * returns to the vdso's own end of a signal handler, so that nothing of the loader is mapped
 * when the program begins. Without these the same instructions here do, and the page they are
 * in stays.
 */
ARCH_STUB_HELPER _Noreturn void arch_leave(const struct stub_args *a, uint64_t vdso)
{
	uint64_t borrows = a->vdso_part_count ? a->gadget.call : 0;
	uint64_t keep = borrows ? 0 : a->code_length;
	register uint64_t t1 __asm__("t1") = write_frame(a);
	register uint64_t a7 __asm__("a7") = __NR_munmap;
	register uint64_t a0 __asm__("a0") = a->block + keep;
	register uint64_t a1 __asm__("a1") = a->block_length - keep;
	register uint64_t t2 __asm__("t2") = borrows ? vdso + a->gadget.call : 0;
	register uint64_t t3 __asm__("t3") = borrows ? vdso + a->gadget.sigreturn : 0;

	__asm__ volatile("mv sp, t1\n\t"
			 "mv ra, t3\n\t"
			 "beqz t2, 1f\n\t"
			 "jr t2\n"
			 "1:\tecall\n\t"
			 "li a7, %[sigreturn]\n\t"
			 "ecall"
			 :
			 : "r"(a7), "r"(a0), "r"(a1), "r"(t1), "r"(t2),
			   "r"(t3), [sigreturn] "i"(__NR_rt_sigreturn)
			 : "memory");
	__builtin_unreachable();
}

#endif
