/* The CPU's part of the agent. Included by agent.c only, and under the same rules as it. */
#ifndef ARCH_ARCH_AGENT_H
#define ARCH_ARCH_AGENT_H

#include "arch_stub.h"
#include "template/agent.h"

__asm__(".pushsection segmap_agent,\"ax\",@progbits\n"
	".balign 8\n"
	".hidden segmap_agent_saved\n"
	".globl segmap_agent_saved\n"
	"segmap_agent_saved: .fill 33, 8, 0\n"
	".popsection\n");

/* A fork whose child is the caller's own, and that libc's word for the thread's id is told. */
ARCH_STUB_HELPER uint64_t arch_fork(uint64_t flags, uint64_t tid_address)
{
	return sys5(__NR_clone, flags, 0, 0, 0, tid_address);
}

/*
 * Takes the rest of the agent away, [START, START + LENGTH), and goes on as the program. Its
 * registers are loaded from the code, which stays. Only x17, which has the address to go to, is
 * not as it was: a register that a call may change on its way. The jump is a return, which may
 * go anywhere where jumps are guarded (BTI).
 */
ARCH_STUB_HELPER _Noreturn void arch_agent_leave(const struct agent_registers *r,
						 uint64_t start, uint64_t length)
{
	register uint64_t x8 __asm__("x8") = __NR_munmap;
	register uint64_t x0 __asm__("x0") = start;
	register uint64_t x1 __asm__("x1") = length;
	register uint64_t x9 __asm__("x9") = r->sp;
	register uint64_t x10 __asm__("x10") = r->argument[0];
	register uint64_t x11 __asm__("x11") = r->argument[1];
	register uint64_t x12 __asm__("x12") = r->argument[2];

	__asm__ volatile("mov sp, x9\n\t"
			 "svc #0\n\t"
			 "mov x0, x10\n\t"
			 "mov x1, x11\n\t"
			 "mov x2, x12\n\t"
			 "adr x17, segmap_agent_saved\n\t"
			 "ldr x3, [x17, #32*8]\n\t"
			 "msr nzcv, x3\n\t"
			 "ldp x3, x4, [x17, #3*8]\n\t"
			 "ldp x5, x6, [x17, #5*8]\n\t"
			 "ldp x7, x8, [x17, #7*8]\n\t"
			 "ldp x9, x10, [x17, #9*8]\n\t"
			 "ldp x11, x12, [x17, #11*8]\n\t"
			 "ldp x13, x14, [x17, #13*8]\n\t"
			 "ldp x15, x16, [x17, #15*8]\n\t"
			 "ldp x18, x19, [x17, #18*8]\n\t"
			 "ldp x20, x21, [x17, #20*8]\n\t"
			 "ldp x22, x23, [x17, #22*8]\n\t"
			 "ldp x24, x25, [x17, #24*8]\n\t"
			 "ldp x26, x27, [x17, #26*8]\n\t"
			 "ldp x28, x29, [x17, #28*8]\n\t"
			 "ldp x30, x17, [x17, #30*8]\n\t"
			 "ret x17"
			 :
			 : "r"(x8), "r"(x0), "r"(x1), "r"(x9), "r"(x10), "r"(x11), "r"(x12)
			 : "memory");
	__builtin_unreachable();
}

#endif
