/* What is the CPU's own about a traced process: its registers, and its breakpoints that are not
 * written into memory. Each CPU's folder has tracee.c and agent.c for it. */
#ifndef ARCH_TRACEE_H
#define ARCH_TRACEE_H

#include <segmap/registers.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

/* A field of struct user_regs_struct. */
struct arch_register {
	const char *name;
	size_t offset;
	bool callers; /* execve leaves it as the process that has called it had it */
};

extern const struct arch_register arch_registers[];
extern const size_t arch_register_count;

/* Registers of the stopped process PID. Both return 0 or a negative errno. */
int arch_get_registers(pid_t pid, struct user_regs_struct *registers);
int arch_set_registers(pid_t pid, const struct user_regs_struct *registers);

/* How ptrace is asked to go on from the stop for an exec to where the program begins. */
int arch_end_of_exec(void);

/* How ptrace is asked to go on from the stub's last munmap, again and again, until the program
 * is reached. */
int arch_way_out(void);

/* Is what the stopped process PID is about to do at PC that by which the stub, after its last
 * munmap, goes to the program? */
bool arch_leaves(pid_t pid, uint64_t pc);

uint64_t arch_pc(const struct user_regs_struct *registers);
uint64_t arch_sp(const struct user_regs_struct *registers);

/* The first argument of the function whose first instruction is the next. */
uint64_t arch_argument(const struct user_regs_struct *registers);

/* Takes out what being stopped by a breakpoint has put in. */
void arch_forget_trap(struct user_regs_struct *registers);

/* Is there any means to stop a process before it executes an address: breakpoint registers in
 * some of these CPUs, or single steps? */
bool arch_can_reach(void);

/* Makes PID stop with SIGTRAP before it executes ADDR; and no more. Returns 0 or a negative
 * errno. */
int arch_break_at(pid_t pid, uint64_t addr);
int arch_break_off(pid_t pid);

/* What an instruction means for single-stepping. */
enum arch_instruction {
	ARCH_OTHER,
	ARCH_CALLS,       /* the kernel */
	ARCH_SAVES_FLAGS, /* and with them the trap flag, which is not the program's */
	ARCH_LOADS_FLAGS,
};

enum arch_instruction arch_instruction(pid_t pid, uint64_t pc);

/* Takes the trap flag out of what the instruction DONE has just saved in a step of PID: a
 * register, or a word that it has written itself. Returns 0 or a negative errno. */
int arch_hide_step(pid_t pid, enum arch_instruction done);

/* Whether the system call that has just returned may have made a mapping executable. */
bool arch_call_maps(const struct user_regs_struct *registers);

/* Whether the system call that has just returned is to be begun again, unless a signal that has
 * ended it has a handler that says otherwise. */
bool arch_call_is_interrupted(const struct user_regs_struct *registers);

/* Where in SIZE bytes of code an instruction is that calls the kernel: true and *OFFSET. */
bool arch_find_call(const uint8_t *code, size_t size, size_t *offset);

/* Makes REGISTERS those of a thread that is about to make the system call NUMBER at PC. */
void arch_prepare_call(struct user_regs_struct *registers, uint64_t pc, uint64_t number,
		       const uint64_t arguments[6]);
uint64_t arch_call_result(const struct user_regs_struct *registers);

/* And those of one that begins the function at PC, on a stack that ends at SP. */
void arch_prepare_function(struct user_regs_struct *registers, uint64_t pc, uint64_t sp,
			   uint64_t argument);

/* What the agent restores of REGISTERS: enum agent_saved, and what is a child's own. */
struct agent_registers;
void arch_save(const struct user_regs_struct *registers, uint64_t *saved,
	       struct agent_registers *own);

/* A part of the extended state as ptrace gives it: SIZE bytes at OFFSET, or all from there if
 * that is 0. A part of up to 8 bytes is a number, of which the bits in MASK count. */
struct arch_state_part {
	const char *name;
	size_t offset, size;
	uint64_t mask;
};

enum { ARCH_STATE_MOST = 16384 }; /* bytes; AMX makes it 11 KiB */

/* The extended state of a stopped process, into AREA, the length of which it sets. Returns 0 or
 * a negative errno. */
int arch_read_state(pid_t pid, struct iovec *area);

extern const struct arch_state_part arch_state_parts[];
extern const size_t arch_state_part_count;

#endif
