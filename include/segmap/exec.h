/*
 * The whole way from a file to a running program: image, plan, map, stack, handover.
 */
#ifndef SEGMAP_EXEC_H
#define SEGMAP_EXEC_H

#include <segmap/image.h>
#include <segmap/plan.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Where each mapping of a load is told, before the point of no return. CALL is the call
 * and its result as strace(1) would write it, WHY its reason; both end with the call. */
typedef void segmap_trace_fn(void *data, const char *call, const char *why);

struct segmap_map;

/*
 * Called when all of a load is mapped, for those who want to look at it or to map a piece
 * differently: whatever is at piece.where when it returns becomes part of the program. A
 * negative errno refuses the load.
 */
typedef int segmap_mapped_fn(void *data, const struct segmap_map *map);

/* All zero is a good default. */
struct segmap_options {
	/* The process has installed no signal handler, timer, lock or descriptor of its own
	 * since its own exec: skip looking for them. Only for programs like segload. */
	bool pristine;
	/* Stop with SIGSTOP when all is done but the last jump, for a debugger or an observer.
	 */
	bool stop_at_entry;
	segmap_trace_fn *trace; /* or NULL */
	void *trace_data;
	segmap_mapped_fn *mapped; /* or NULL */
	void *mapped_data;
	/* Called when nothing can fail any more, with the path of the ELF file (that of a
	 * script is its interpreter's), or with NAME of segmap_fexecve; or NULL. */
	void (*ready)(void *data, const char *program);
	void *ready_data;
};

/*
 * Becomes the program at PATH, as execve(2) would: same verdict, addresses, auxiliary vector
 * and attributes, as far as userspace can (docs/kernel-differences.md). Does not return on
 * success. Returns a negative errno with ERR filled if it is refused, and then nothing of the
 * process has changed: no mapping, no descriptor, no signal disposition. The caller must be
 * the only thread (-EBUSY otherwise). The strings may lie anywhere. OPTIONS may be NULL.
 */
int segmap_execve(const char *path, char *const argv[], char *const envp[],
		  const struct segmap_options *options, struct segmap_error *err);

/*
 * The same from the descriptor FD, as fexecve(3): NAME is what messages call it. FD stays open
 * in the program unless it is close-on-exec.
 */
int segmap_fexecve(int fd, const char *name, char *const argv[], char *const envp[],
		   const struct segmap_options *options, struct segmap_error *err);

/*
 * Opens PROGRAM and the interpreter that it names, if any, with the kernel's verdicts; INSPECT
 * leaves out whether they may be executed. *INTERP is NULL if none is named. Both are the
 * caller's, to be given to segmap_image_free. On failure neither is touched.
 */
int segmap_open_pair(struct segmap_image **program, struct segmap_image **interp,
		     const char *path, bool inspect, struct segmap_error *err);

/*
 * Fills POLICY for a program that this process would become: its page size, randomisation
 * (personality, randomize_va_space) with fresh entropy, its stack, and how far user memory
 * reaches, for which it maps a page and unmaps it. Returns 0 or a negative errno.
 */
int segmap_policy_current(struct segmap_policy *policy, struct segmap_error *err);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
