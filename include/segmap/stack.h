/*
 * Stage 4, stack: the bytes that a new program finds on its stack (exec.md 2). A pure function:
 * random bytes, ids and the address of the stack come in as arguments.
 */
#ifndef SEGMAP_STACK_H
#define SEGMAP_STACK_H

#include <segmap/auxv.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct segmap_stack_input {
	uint64_t page_size;
	uint64_t stack_end;             /* first address past the stack mapping */
	uint64_t rlimit_stack;          /* bytes; UINT64_MAX for no limit */
	unsigned shift;                 /* the kernel's random gap under the strings, less than
					 * segmap_rules.stack_shift_range */
	const char *execfn;             /* AT_EXECFN: the path given to execve */
	const char *platform;           /* AT_PLATFORM; NULL where there is no such entry */
	char *const *argv;              /* ended by NULL; NULL or empty counts as one "" */
	char *const *envp;              /* ended by NULL; NULL counts as empty */
	const uint8_t *random;          /* 16 bytes for AT_RANDOM */
	const struct segmap_auxv *auxv; /* ended by AT_NULL */
	const struct segmap_plan *plan; /* whose bss may replace pages of the stack; or NULL */
};

/* The image of the initial stack: size bytes that belong at [sp, stack_end). */
struct segmap_stack {
	uint8_t *bytes; /* owned */
	size_t size;
	uint64_t sp;        /* initial stack pointer, 16-byte aligned: argc is there */
	uint64_t vma_start; /* where the kernel lets the stack mapping begin */
	uint64_t arg_start, arg_end, env_start, env_end;
	size_t auxv_offset; /* in bytes, of the first pair */
	size_t auxv_size;   /* in bytes, AT_NULL included */
};

/*
 * Builds the initial stack. On success STACK->bytes is the caller's, to be given to free(3).
 * Errors: -E2BIG with the kernel's limits (exec.md 1.1, step 4) or -ENOMEM, STACK untouched.
 */
int segmap_stack_build(struct segmap_stack *stack, const struct segmap_stack_input *input,
		       struct segmap_error *err);

/*
 * Looks only whether the strings of INPUT (argv, envp and execfn, against page_size and
 * rlimit_stack) are too many or too long: the kernel asks that when it has opened a file and
 * has not looked into it yet. Returns 0 or -E2BIG.
 */
int segmap_stack_check(const struct segmap_stack_input *input, struct segmap_error *err);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
