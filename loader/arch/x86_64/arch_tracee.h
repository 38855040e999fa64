/* What is the CPU's own about a traced process: its registers, and its breakpoints that are not
 * written into memory. */
#ifndef ARCH_TRACEE_H
#define ARCH_TRACEE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

/* A field of struct user_regs_struct. */
struct arch_register {
	const char *name;
	size_t offset;
};

extern const struct arch_register arch_registers[];
extern const size_t arch_register_count;

/* Is the instruction at PC of the stopped process PID a return? */
bool arch_at_return(pid_t pid, uint64_t pc);

uint64_t arch_pc(const struct user_regs_struct *registers);
uint64_t arch_sp(const struct user_regs_struct *registers);

/* Takes out what being stopped by a breakpoint has put in. */
void arch_forget_trap(struct user_regs_struct *registers);

/* Makes PID stop with SIGTRAP before it executes ADDR; and no more. Returns 0 or a negative
 * errno. */
int arch_break_at(pid_t pid, uint64_t addr);
int arch_break_off(pid_t pid);

/* Whether the system call that has just returned may have made a mapping executable. */
bool arch_call_maps(const struct user_regs_struct *registers);

/* A part of the extended state as ptrace gives it: SIZE bytes at OFFSET, or all from there if
 * that is 0. A part of up to 8 bytes is a number, of which the bits in MASK count. */
struct arch_state_part {
	const char *name;
	size_t offset, size;
	uint64_t mask;
};

extern const struct arch_state_part arch_state_parts[];
extern const size_t arch_state_part_count;

#endif
