/* The CPU's part of the agent. Included by agent.c only, and under the same rules as it. */
#ifndef ARCH_ARCH_AGENT_H
#define ARCH_ARCH_AGENT_H

#include "arch_stub.h"
#include "template/agent.h"

__asm__(".pushsection segmap_agent,\"ax\",@progbits\n"
	".balign 8\n"
	".hidden segmap_agent_saved\n"
	".globl segmap_agent_saved\n"
	"segmap_agent_saved: .fill 14, 8, 0\n"
	".popsection\n");

/* A fork whose child is the caller's own, and that libc's word for the thread's id is told. */
ARCH_STUB_HELPER uint64_t arch_fork(uint64_t flags, uint64_t tid_address)
{
	return sys5(__NR_clone, flags, 0, 0, tid_address, 0);
}

/*
 * Takes the rest of the agent away, [START, START + LENGTH), and goes on as the program. The
 * registers that the kernel keeps over a system call are loaded before it, the others after it
 * from the code, which stays.
 */
ARCH_STUB_HELPER _Noreturn void arch_agent_leave(const struct agent_registers *r,
						 uint64_t start, uint64_t length)
{
	register uint64_t first __asm__("r8") = r->argument[0];
	register uint64_t second __asm__("r9") = r->argument[1];

	__asm__ volatile("pushq segmap_agent_saved+12*8(%%rip)\n\t"
			 "popfq\n\t"
			 "mov %[sp], %%rsp\n\t"
			 "mov segmap_agent_saved+1*8(%%rip), %%rbx\n\t"
			 "mov segmap_agent_saved+3*8(%%rip), %%rbp\n\t"
			 "mov segmap_agent_saved+6*8(%%rip), %%r10\n\t"
			 "mov segmap_agent_saved+8*8(%%rip), %%r12\n\t"
			 "mov segmap_agent_saved+9*8(%%rip), %%r13\n\t"
			 "mov segmap_agent_saved+10*8(%%rip), %%r14\n\t"
			 "mov segmap_agent_saved+11*8(%%rip), %%r15\n\t"
			 "syscall\n\t"
			 "mov %%r8, %%rdi\n\t"
			 "mov %%r9, %%rsi\n\t"
			 "mov segmap_agent_saved(%%rip), %%rax\n\t"
			 "mov segmap_agent_saved+2*8(%%rip), %%rcx\n\t"
			 "mov segmap_agent_saved+4*8(%%rip), %%r8\n\t"
			 "mov segmap_agent_saved+5*8(%%rip), %%r9\n\t"
			 "mov segmap_agent_saved+7*8(%%rip), %%r11\n\t"
			 "jmp *segmap_agent_saved+13*8(%%rip)"
			 :
			 : "a"((uint64_t)__NR_munmap), "D"(start), "S"(length),
			   "d"(r->argument[2]), "r"(first), "r"(second), [sp] "r"(r->sp)
			 : "memory");
	__builtin_unreachable();
}

#endif
