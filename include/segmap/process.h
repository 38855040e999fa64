/*
 * A snapshot of a stopped process: everything about it that another process can read. Taking it
 * changes nothing: no byte is written, and no page is touched that was not there before.
 *
 * What cannot be read has an error instead of a value, a positive errno. It is never 0 or empty
 * for "unknown".
 */
#ifndef SEGMAP_PROCESS_H
#define SEGMAP_PROCESS_H

#include <segmap/registers.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Bytes that could be read, or why not. */
struct segmap_bytes {
	char *data;  /* owned; a NUL follows the last byte. NULL if there is an error */
	size_t size; /* without that NUL */
	int error;   /* positive errno, or 0 */
};

/* A line of /proc/PID/maps: a mapping. */
struct segmap_region {
	uint64_t start, end, offset;
	unsigned major, minor; /* of the file's device */
	uint64_t inode;
	char perms[5]; /* "r-xp" */
	char *name;    /* owned; "" for anonymous memory */
	char *flags;   /* owned; VmFlags of smaps ("rd ex mr mw me"), NULL if not read */
};

struct segmap_regions {
	struct segmap_region *items; /* owned; by address */
	size_t count;
	int error; /* positive errno if the address space could not be read */
};

struct segmap_descriptor {
	int number;
	char *target;   /* owned; what the link in /proc/PID/fd says; NULL if unreadable */
	unsigned flags; /* as open(2) has them, O_CLOEXEC included */
	int error;      /* positive errno if target or flags could not be read */
};

/* Files and links of /proc/PID that a snapshot has in it. */
enum segmap_proc {
	SEGMAP_PROC_AUXV,
	SEGMAP_PROC_CMDLINE,
	SEGMAP_PROC_ENVIRON,
	SEGMAP_PROC_COMM,
	SEGMAP_PROC_EXE, /* a link, as are cwd and root */
	SEGMAP_PROC_CWD,
	SEGMAP_PROC_ROOT,
	SEGMAP_PROC_LIMITS,
	SEGMAP_PROC_STATM,
	SEGMAP_PROC_STAT,
	SEGMAP_PROC_STATUS,
	SEGMAP_PROC_PERSONALITY,
	SEGMAP_PROC_COREDUMP_FILTER,
	SEGMAP_PROC_OOM_SCORE_ADJ,
	SEGMAP_PROC_TIMERSLACK,
	SEGMAP_PROC_TIMERS,
	SEGMAP_PROC_CGROUP,
	SEGMAP_PROC_COUNT,
};

struct segmap_process {
	pid_t pid;
	struct segmap_bytes proc[SEGMAP_PROC_COUNT];
	struct segmap_regions regions;
	struct segmap_descriptor *descriptors; /* owned; by number */
	size_t descriptor_count;
	int descriptors_error; /* positive errno if they could not be listed */
	struct user_regs_struct registers;
	int registers_error;
	struct segmap_bytes xstate; /* of the FPU and its extensions, as ptrace(2) gives it */
	/* From the beginning of the page that the stack pointer is in to the end of the stack.
	 */
	struct segmap_bytes stack;
	uint64_t stack_addr; /* of the first of these bytes */
	uint64_t sp;
};

/*
 * Takes a snapshot of the process PID, which the calling thread traces and which is stopped.
 * On success *PROCESS is the caller's, to be given to segmap_process_free; single parts of it
 * may still have errors. Errors: -ENOMEM, or -ESRCH if PID is not there or not stopped.
 */
int segmap_process_read(struct segmap_process *process, pid_t pid);

/* Frees what PROCESS owns, and makes it empty. */
void segmap_process_free(struct segmap_process *process);

/*
 * Only the mappings of PID, with VmFlags if FLAGS. What could not be read is in
 * REGIONS->error; to be given to segmap_regions_free in any case. Returns 0 or -ENOMEM.
 */
int segmap_regions_read(struct segmap_regions *regions, pid_t pid, bool flags);
void segmap_regions_free(struct segmap_regions *regions);

/* The region that ADDR is in, or NULL. */
const struct segmap_region *segmap_regions_find(const struct segmap_regions *regions,
						uint64_t addr);

/* "exe", "status": the name in /proc/PID. */
const char *segmap_proc_name(enum segmap_proc proc);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
