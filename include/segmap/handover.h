/*
 * Stage 5, handover: from a loader with a mapped program in its memory to that program, alone.
 */
#ifndef SEGMAP_HANDOVER_H
#define SEGMAP_HANDOVER_H

#include <segmap/map.h>
#include <segmap/stack.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* The range of addresses [start, end). */
struct segmap_range {
	uint64_t start;
	uint64_t end;
};

/* What a handover needs to know about the process that it happens in. */
struct segmap_self {
	uint64_t page_size;
	char kernel[65]; /* its release, as uname(2) says it */
	unsigned long personality;
	bool randomize; /* as struct segmap_policy has them */
	bool randomize_brk;
	uint64_t rlimit_stack;
	struct segmap_range stack;         /* the [stack] mapping */
	struct segmap_range vdso;          /* the [vdso] mapping alone */
	struct segmap_range vdso_block;    /* with the [vvar...] mappings before it */
	struct segmap_range vdso_parts[4]; /* all of these, one by one */
	size_t vdso_part_count;
	bool fresh; /* these are as this process's own exec has made them */
	struct segmap_auxv auxv[SEGMAP_AUXV_MAX]; /* the vector this process was given */
};

/* Fills SELF. Errors: -ENOENT and others when /proc does not tell, with reason SELF. */
int segmap_self_read(struct segmap_self *self, struct segmap_error *err);

struct segmap_privilege; /* the library's own */

struct segmap_handover_input {
	const struct segmap_plan *plan;
	struct segmap_map *map;
	const struct segmap_image *const *images; /* as for segmap_map_create */
	const struct segmap_stack *stack;
	const struct segmap_self *self;
	const char *name; /* of the process: its first 15 bytes become comm */
	const int *close; /* descriptors that exec would close, besides those of the images */
	size_t close_count;
	bool pristine;                            /* see struct segmap_options */
	const struct segmap_privilege *privilege; /* what exec makes of the credentials */
	const struct segmap_options *options;
};

struct segmap_handover; /* a prepared handover */

/*
 * Does all of the handover that can fail. On success *HANDOVER is to be given to exactly one of
 * the two functions below. Errors: -ENOMEM, -EACCES (executable stack), -ETXTBSY as
 * segmap_image_check; *HANDOVER is untouched.
 */
int segmap_handover_prepare(struct segmap_handover **handover,
			    const struct segmap_handover_input *input,
			    struct segmap_error *err);

/* Becomes the program. From here on there is no error to return, only death by a signal. */
__attribute__((noreturn)) void segmap_handover_commit(struct segmap_handover *handover);

/* Undoes segmap_handover_prepare; NULL is allowed. */
void segmap_handover_discard(struct segmap_handover *handover);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
