/*
 * Load once, start many: a template is a process that holds a loaded program, stopped before it
 * does its work. It never runs the program itself: for each start it forks, and the child goes
 * on from there. What a child writes it copies, as after every fork.
 *
 * All children are children of the process that has made the template, to be waited for as
 * after fork(2). What they have in common with each other: the layout of addresses, and what
 * the program has done up to the place; from main on also the canary of the stack and the
 * bytes of AT_RANDOM, which libc has read before.
 */
#ifndef SEGMAP_TEMPLATE_H
#define SEGMAP_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct segmap_template;

/* Why there is no template, or no child. */
enum segmap_template_problem {
	SEGMAP_TEMPLATE_NONE,
	SEGMAP_TEMPLATE_SYSTEM,    /* errnum of step */
	SEGMAP_TEMPLATE_REFUSED,   /* the program was not loaded: status, or errnum of execve */
	SEGMAP_TEMPLATE_NO_SYMBOL, /* there is no symbol of that name */
	SEGMAP_TEMPLATE_NOT_REACHED, /* the program has ended before: status */
	SEGMAP_TEMPLATE_THREADS,     /* value threads: fork would lose all but one */
	SEGMAP_TEMPLATE_NO_CALL,     /* no system call instruction to begin with: no vdso */
	SEGMAP_TEMPLATE_NO_TID,      /* libc's word for the thread's id cannot be found */
	SEGMAP_TEMPLATE_DEAD,        /* the template has ended: status */
	SEGMAP_TEMPLATE_TOO_BIG,     /* value bytes of arguments and environment */
	SEGMAP_TEMPLATE_ARGUMENTS, /* there are arguments, and the place is not one for them */
	SEGMAP_TEMPLATE_PROBLEMS,
};

struct segmap_template_error {
	enum segmap_template_problem problem;
	int errnum;       /* positive */
	int status;       /* as wait(2) gives it, or -1 if unknown */
	const char *step; /* a string literal: the system call, or NULL */
	uint64_t value;
};

/* What is loaded. All pointers must last until segmap_template_create returns. */
struct segmap_template_setup {
	const char *path;   /* of the program */
	char *const *argv;  /* that it is loaded with; ended by NULL */
	char *const *envp;  /* ended by NULL; NULL for this process's own */
	const char *loader; /* path of segload, or NULL for execve */
	/* Where children go on: NULL is the first instruction, the interpreter's if there is
	 * one. Else a symbol, when it is executed first: "main", or "libc.so.6:puts". */
	const char *symbol;
	bool no_aslr; /* with the personality ADDR_NO_RANDOMIZE */
	/* Called when there is a process, or NULL: so that a signal handler can kill it. */
	void (*started)(void *data, pid_t pid);
	void *data;
};

/*
 * Loads the program and leaves it where children shall begin. The template ends when this
 * process does. On success *TEMPLATE is the caller's, to be given to segmap_template_destroy.
 * A program that has threads there is refused: fork(2) would copy only one of them.
 * Errors: a negative errno, with ERR (which may be NULL) filled; *TEMPLATE is untouched then,
 * and nothing is left running.
 */
int segmap_template_create(struct segmap_template **made,
			   const struct segmap_template_setup *setup,
			   struct segmap_template_error *err);

/* One start. All pointers must last until segmap_template_spawn returns. */
struct segmap_template_start {
	/* Arguments, ended by NULL. At the first instruction and at main; at any other place
	 * there are none to be set, and this must be NULL. */
	char *const *argv;
	char *const *envp;     /* ended by NULL; NULL for this process's own */
	int standard[3];       /* descriptors to become 0, 1 and 2; -1: the template's own */
	const char *directory; /* to work in, or NULL for the template's */
};

/*
 * Starts a child, and returns when there is one: *PID is this process's child then. Should it
 * be unable to take its descriptors or its directory, it ends with status 127.
 * Errors: a negative errno, with ERR (which may be NULL) filled and *PID untouched. -EPIPE: the
 * template has died, err->status says how; it is to be destroyed then, children live on.
 */
int segmap_template_spawn(struct segmap_template *from,
			  const struct segmap_template_start *start, pid_t *pid,
			  struct segmap_template_error *err);

/* Waits for a child's end, or with NOHANG only looks: 1 and *STATUS, as wait(2) gives it; 0 if
 * it has not ended; or a negative errno. */
int segmap_template_wait(pid_t pid, bool nohang, int *status);

/* For poll(2), beside pidfd_open(2) of the children: becomes readable when the template has
 * died. Not to be read from or closed. */
int segmap_template_fd(const struct segmap_template *from);

/* The template's own process, which a waitpid(-1) may find. */
pid_t segmap_template_pid(const struct segmap_template *from);

/* Ends the template, waits for it and frees it; NULL is allowed. Children live on. */
void segmap_template_destroy(struct segmap_template *from);

/* ERR as a sentence, with its numbers, and a hint where there is one. TEXT is filled whole. */
void segmap_template_describe(const struct segmap_template_error *err, char *text, size_t size);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
