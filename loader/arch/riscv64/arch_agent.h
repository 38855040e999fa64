/* The CPU's part of the agent. Included by agent.c only, and under the same rules as it. */
#ifndef ARCH_ARCH_AGENT_H
#define ARCH_ARCH_AGENT_H

#include "arch_stub.h"
#include "template/agent.h"

__asm__(".pushsection segmap_agent,\"ax\",@progbits\n"
	".balign 8\n"
	".hidden segmap_agent_saved\n"
	".globl segmap_agent_saved\n"
	"segmap_agent_saved: .fill 32, 8, 0\n"
	".popsection\n");

/* A fork whose child is the caller's own, and that libc's word for the thread's id is told. */
ARCH_STUB_HELPER uint64_t arch_fork(uint64_t flags, uint64_t tid_address)
{
	return sys5(__NR_clone, flags, 0, 0, 0, tid_address);
}

/*
 * Takes the rest of the agent away, [START, START + LENGTH), and goes on as the program. Its
 * registers are loaded from the code, which stays. Only t3, which has the address to go to, is
 * not as it was: a register that a call may change on its way. gp and tp are nobody's to
 * change.
 */
ARCH_STUB_HELPER _Noreturn void arch_agent_leave(const struct agent_registers *r,
						 uint64_t start, uint64_t length)
{
	register uint64_t a7 __asm__("a7") = __NR_munmap;
	register uint64_t a0 __asm__("a0") = start;
	register uint64_t a1 __asm__("a1") = length;
	register uint64_t t0 __asm__("t0") = r->sp;
	register uint64_t s1 __asm__("s1") = r->argument[0];
	register uint64_t s2 __asm__("s2") = r->argument[1];
	register uint64_t s3 __asm__("s3") = r->argument[2];

	__asm__ volatile("mv sp, t0\n\t"
			 "ecall\n\t"
			 "mv a0, s1\n\t"
			 "mv a1, s2\n\t"
			 "mv a2, s3\n\t"
			 "lla t3, segmap_agent_saved\n\t"
			 "ld ra, 1*8(t3)\n\t"
			 "ld t0, 5*8(t3)\n\t"
			 "ld t1, 6*8(t3)\n\t"
			 "ld t2, 7*8(t3)\n\t"
			 "ld s0, 8*8(t3)\n\t"
			 "ld s1, 9*8(t3)\n\t"
			 "ld a3, 13*8(t3)\n\t"
			 "ld a4, 14*8(t3)\n\t"
			 "ld a5, 15*8(t3)\n\t"
			 "ld a6, 16*8(t3)\n\t"
			 "ld a7, 17*8(t3)\n\t"
			 "ld s2, 18*8(t3)\n\t"
			 "ld s3, 19*8(t3)\n\t"
			 "ld s4, 20*8(t3)\n\t"
			 "ld s5, 21*8(t3)\n\t"
			 "ld s6, 22*8(t3)\n\t"
			 "ld s7, 23*8(t3)\n\t"
			 "ld s8, 24*8(t3)\n\t"
			 "ld s9, 25*8(t3)\n\t"
			 "ld s10, 26*8(t3)\n\t"
			 "ld s11, 27*8(t3)\n\t"
			 "ld t4, 29*8(t3)\n\t"
			 "ld t5, 30*8(t3)\n\t"
			 "ld t6, 31*8(t3)\n\t"
			 "ld t3, 0(t3)\n\t"
			 "jr t3"
			 :
			 : "r"(a7), "r"(a0), "r"(a1), "r"(t0), "r"(s1), "r"(s2), "r"(s3)
			 : "memory");
	__builtin_unreachable();
}

#endif
