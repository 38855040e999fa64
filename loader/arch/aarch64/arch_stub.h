/* The CPU's part of the stub. Included by stub.c only, and under the same rules as it. */
#ifndef ARCH_ARCH_STUB_H
#define ARCH_ARCH_STUB_H

#include "arch.h"
#include "stub.h"

#include <asm/sigcontext.h>
#include <asm/unistd.h>
#include <linux/mman.h>
#include <stdint.h>

#define ARCH_STUB_HELPER static inline __attribute__((always_inline))

ARCH_STUB_HELPER uint64_t sys6(uint64_t nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
			       uint64_t e, uint64_t f)
{
	register uint64_t x8 __asm__("x8") = nr;
	register uint64_t x0 __asm__("x0") = a;
	register uint64_t x1 __asm__("x1") = b;
	register uint64_t x2 __asm__("x2") = c;
	register uint64_t x3 __asm__("x3") = d;
	register uint64_t x4 __asm__("x4") = e;
	register uint64_t x5 __asm__("x5") = f;

	__asm__ volatile("svc #0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory", "cc");
	return x0;
}

#include "fewer_arguments.h"

/* SIGSEGV with its default action, blocked or not: what execve's own failure looks like. The
 * last page of all is not the user's. */
ARCH_STUB_HELPER _Noreturn void arch_die(void)
{
	__asm__ volatile("mov x0, #-4096\n"
			 "1:\tldr xzr, [x0]\n\t"
			 "b 1b"
			 :
			 :
			 : "x0", "memory");
	__builtin_unreachable();
}

/* Word by word, then byte by byte. */
ARCH_STUB_HELPER void arch_copy(void *to, const void *from, uint64_t length)
{
	uint8_t *t = to;
	const uint8_t *f = from;

	for (; length >= sizeof(uint64_t); length -= sizeof(uint64_t)) {
		uint64_t word;

		__asm__ volatile("ldr %0, [%1], #8\n\t"
				 "str %0, [%2], #8"
				 : "=&r"(word), "+r"(f), "+r"(t)
				 :
				 : "memory");
	}
	for (; length; length--)
		*(volatile uint8_t *)t++ = *f++;
}

#include "moved_vdso.h"

/* What is known before the last step, in the stub's room for registers. */
struct arch_kept {
	uint64_t altstack[3];
	uint64_t pstate;
};

#ifndef PR_SET_TAGGED_ADDR_CTRL
#define PR_SET_TAGGED_ADDR_CTRL 55
#endif
#ifndef PR_PAC_RESET_KEYS
#define PR_PAC_RESET_KEYS 54
#endif

/* New keys for pointers, as many as this CPU has, and no tags in addresses. Floating point and
 * vectors take their first values with the general registers. */
ARCH_STUB_HELPER uint64_t arch_reset_registers(struct stub_args *a)
{
	if (a->flags & STUB_RESET_ATTRIBUTES)
		sys5(__NR_prctl, PR_SET_TAGGED_ADDR_CTRL, 0, 0, 0, 0);
	sys5(__NR_prctl, PR_PAC_RESET_KEYS, 0, 0, 0, 0);
	__asm__ volatile("msr tpidr_el0, xzr");
	/* for write_frame: from here to the last step there is no call of the CPU's own */
	sys2(__NR_sigaltstack, 0, (uint64_t)a->fpu); /* struct arch_kept */
	return ask_mask(a);
}

/*
 * The kernel's frame of a signal handler (arch/arm64/kernel/signal.c), up to the end of its
 * last record. What it says is what rt_sigreturn makes of the registers, all of them: so the
 * program finds them as exec leaves them.
 */
enum { RESERVED = 4096 }; /* bytes for records, of which two are used */

struct arch_frame {
	uint8_t info[128];
	uint64_t flags, link;
	uint64_t altstack[3];
	uint64_t mask[16];
	uint64_t padding;
	uint64_t fault_address, x[31], sp, pc, pstate;
	uint64_t padding_2;
	struct fpsimd_context fpsimd;
	struct _aarch64_ctx end;
};

_Static_assert(__builtin_offsetof(struct arch_frame, fault_address) == 128 + 176 &&
		       __builtin_offsetof(struct arch_frame, fpsimd) == 128 + 176 + 288,
	       "the kernel's struct rt_sigframe");

/* Below the program's stack pointer, and where all of the kernel's own frame would be in the
 * user's half of the address space. */
ARCH_STUB_HELPER uint64_t write_frame(const struct stub_args *a)
{
	const uint64_t whole = sizeof(struct arch_frame) - sizeof(struct fpsimd_context) -
			       sizeof(struct _aarch64_ctx) + RESERVED;
	const struct arch_kept *kept = (const struct arch_kept *)(const void *)a->fpu;
	uint64_t addr = a->sp - sizeof(struct arch_frame);

	if (addr > a->stack_end - whole)
		addr = a->stack_end - whole;
	addr &= ~(uint64_t)15;
	volatile struct arch_frame *frame = (volatile struct arch_frame *)addr;

	for (uint64_t at = addr; at < addr + sizeof(*frame); at += sizeof(uint64_t))
		*(volatile uint64_t *)at = 0;
	for (int i = 0; i < 3; i++)
		frame->altstack[i] = kept->altstack[i];
	frame->mask[0] = a->mask;
	frame->sp = a->sp;
	frame->pc = a->entry;
	frame->pstate = kept->pstate;
	frame->fpsimd.head.magic = FPSIMD_MAGIC;
	frame->fpsimd.head.size = sizeof(frame->fpsimd);
	return addr;
}

/*
 * The last step: unmap this block and go to the program, by a "svc; ret" of the vdso which
 * returns to the vdso's own end of a signal handler, so that nothing of the loader is mapped
 * when the program begins. Without these the same instructions here do, and the page they are
 * in stays. The jump is a return, which may go anywhere where jumps are guarded (BTI).
 */
ARCH_STUB_HELPER _Noreturn void arch_leave(const struct stub_args *a, uint64_t vdso)
{
	uint64_t borrows = a->vdso_part_count ? a->gadget.call : 0;
	uint64_t keep = borrows ? 0 : a->code_length;
	uint64_t at = write_frame(a);
	register uint64_t x8 __asm__("x8") = __NR_munmap;
	register uint64_t x0 __asm__("x0") = a->block + keep;
	register uint64_t x1 __asm__("x1") = a->block_length - keep;
	register uint64_t x2 __asm__("x2") = at;
	register uint64_t x3 __asm__("x3") = borrows ? vdso + a->gadget.call : 0;
	register uint64_t x4 __asm__("x4") = borrows ? vdso + a->gadget.sigreturn : 0;
	register uint64_t x5 __asm__("x5") = a->gadget.is_signed;

	__asm__ volatile("mov sp, x2\n\t"
			 "mov x30, x4\n\t"
			 "cbz x3, 2f\n\t"
			 "cbz x5, 1f\n\t"
			 "hint #25\n" /* paciasp: nothing where there is no such thing */
			 "1:\tret x3\n"
			 "2:\tsvc #0\n\t"
			 "mov x8, %[sigreturn]\n\t"
			 "svc #0"
			 :
			 : "r"(x8), "r"(x0), "r"(x1), "r"(x2), "r"(x3), "r"(x4),
			   "r"(x5), [sigreturn] "i"(__NR_rt_sigreturn)
			 : "memory");
	__builtin_unreachable();
}

#endif
