/*
 * A child that is watched: started by the kernel's execve or by a loader, stopped at the first
 * instruction of its program, and again when it ends. Nothing is written into its memory.
 */
#ifndef SEGMAP_TRACEE_H
#define SEGMAP_TRACEE_H

#include <segmap/image.h>
#include <segmap/registers.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* How to start it. All pointers must last until segmap_tracee_start returns. */
struct segmap_tracee_setup {
	const char *path;   /* of the program */
	char *const *argv;  /* its arguments, argv[0] included; ended by NULL */
	char *const *envp;  /* ended by NULL; NULL for this process's own */
	const char *loader; /* path of segload, or NULL for execve */
	bool no_aslr;       /* with the personality ADDR_NO_RANDOMIZE */
	uid_t user;         /* user and group to become, or (uid_t)-1 */
	int standard[3];    /* descriptors to become 0, 1 and 2; -1 leaves one as it is */
	void (*prepare)(void *data); /* called in the child before anything else, or NULL */
	/* Called in the parent as soon as there is a child, or NULL: so that a signal handler
	 * can kill it while segmap_tracee_start waits. */
	void (*started)(void *data, pid_t pid);
	void *data;
};

struct segmap_tracee {
	pid_t pid;
	int status; /* as wait(2) gives it, once it has ended */
	bool ended;
	int signal; /* that it is stopped by and that it gets when it goes on, or 0 */
	/* What execve said in a child that ended before its program began, or 0. */
	int exec_errno;
};

/*
 * Starts a child and runs it up to the first instruction of the program (the interpreter's, if
 * there is one). If the loader or execve ends or is refused before, TRACEE->ended is true and
 * TRACEE->status says how; that is no error. When this process dies, the child does.
 * Errors: negative errno of fork or ptrace; nothing is left running.
 */
int segmap_tracee_start(struct segmap_tracee *tracee, const struct segmap_tracee_setup *setup);

/* Registers of a stopped tracee. Returns 0 or a negative errno. */
int segmap_tracee_registers(const struct segmap_tracee *tracee,
			    struct user_regs_struct *registers);

/* In *VALUE: the first argument of the C function that a stopped tracee is about to execute.
 * Returns 0 or a negative errno. */
int segmap_tracee_argument(const struct segmap_tracee *tracee, uint64_t *value);

/*
 * Whether a tracee has to be single-stepped to reach an address, because breakpoint registers
 * of this CPU cannot be set or stop nothing, as in some virtual machines. It is tried with a
 * child, once in a process; or forced, by SEGMAP_STEP=1 in the environment. Stepping, a tracee
 * executes some 100,000 instructions a second, and some 10,000 where all is slow.
 */
bool segmap_tracee_must_step(void);

/*
 * Runs a stopped tracee until it is about to execute the instruction at ADDR; not at all if it
 * is already. Signals reach it meanwhile. Its text is not written to: a breakpoint register of
 * the CPU stops it, or single steps do. (A program that sets the trap flag itself is not told
 * of its traps while it is stepped.) Only the first thread is stopped. *REACHED tells whether
 * that has happened; if not, TRACEE->ended is true, or it is about to end; having become
 * another program by execve, it runs to its end. Returns 0 or a negative errno, and leaves
 * *REACHED untouched then.
 */
int segmap_tracee_run_to(struct segmap_tracee *tracee, uint64_t addr, bool *reached);

/*
 * The same to the entry point of PROGRAM, wherever that has been mapped and by whomever: its
 * interpreter has done its work then, and any loader too. It is found by watching system calls,
 * at full speed until it is mapped; also in a program that the tracee becomes by execve.
 */
int segmap_tracee_run_to_program(struct segmap_tracee *tracee,
				 const struct segmap_image *program, bool *reached);

/*
 * Runs a stopped tracee until it is about to end: its memory is still there. TRACEE->ended is
 * true if it has ended without such a stop (by SIGKILL). Returns 0 or a negative errno.
 */
int segmap_tracee_run_to_exit(struct segmap_tracee *tracee);

/* Lets it end, and waits for that; TRACEE->ended and status are set. */
int segmap_tracee_finish(struct segmap_tracee *tracee);

/* Kills it, if it is still there, and waits: no zombie is left. May be called at any time after
 * segmap_tracee_start has succeeded. */
void segmap_tracee_destroy(struct segmap_tracee *tracee);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
