/*
 * What handover.c tells the stub: everything it needs once the loader is gone. All of it lies
 * in the stub's own block of memory, so pointers in here point into that block.
 */
#ifndef LOADER_STUB_H
#define LOADER_STUB_H

#include "gadget.h"

#include <linux/types.h>
#include <stdint.h>
#include <sys/prctl.h>

struct stub_range {
	uint64_t start, length;
};

/* Pages to be moved home. OBJECT is the one whose bias TO still lacks, or -1. */
struct stub_move {
	uint64_t from, length, to;
	int64_t object;
};

/* An object whose address mmap chooses in the emptied address space. */
struct stub_object {
	uint64_t wanted; /* 0: nothing to ask */
	uint64_t fd, prot, offset, span, hint, align, base;
	/* Distances from mmap's address that must be in user space too. */
	int64_t empty_low, empty_high;
	uint64_t bias; /* filled by the stub */
};

/* A word that lacks the bias of an object. */
struct stub_fixup {
	uint64_t where;
	uint64_t object;
};

enum stub_flags {
	STUB_RESET_ATTRIBUTES = 1, /* the process is not fresh from its own exec */
	STUB_FPU_SAVED_STATE = 2,  /* XRSTOR is there */
	STUB_STOP_AT_ENTRY = 4,
	STUB_SECURE = 8,        /* AT_SECURE is 1 */
	STUB_DIFFERENT = 16,    /* real and effective ids are */
	STUB_SET_IDS = 32,      /* saved and file system ids become the effective ones */
	STUB_SET_SETS = 64,     /* of capabilities */
	STUB_QUEUE_MAX = 64,    /* pending signals that are kept */
	STUB_SIGINFO = 128 / 8, /* words of the kernel's siginfo_t */
};

/* Where the stub can find that the process cannot become the program: the last word of a
 * process that dies there. handover.c has the texts. */
enum stub_step {
	STEP_MASK,
	STEP_RSEQ,
	STEP_HANDLERS,
	STEP_UNMAP,
	STEP_MOVE,
	STEP_PLACE,
	STEP_EMPTY,
	STEP_ENTRY,
	STEP_VDSO,
	STEP_STACK,
	STEP_CLOSE,
	STEP_CREDENTIALS,
	STEP_BASES,
	STEP_COUNT,
	STEP_TEXT = 40,  /* bytes of a text with its NUL */
	STEP_START = 80, /* bytes of what is before it */
	STEP_ERROR = 16, /* bytes of what is behind it */
};

struct stub_args {
	uint64_t block, block_length, code_length;
	uint64_t page_size, task_size, flags;

	struct stub_range *gaps;
	uint64_t gap_count;
	struct stub_move *moves;
	uint64_t move_count;
	struct stub_object objects[2];
	struct stub_fixup *fixups;
	uint64_t fixup_count;

	uint64_t vdso_kept;        /* address of the one that stays where it is, or 0 */
	uint64_t vdso_kept_length; /* bytes of it that the loader has read, to be given back */
	uint64_t vdso_length;      /* of the block with the data pages; 0: there is none */
	uint64_t vdso_hint;        /* where it goes if that is free; 0: where mmap puts it */
	uint64_t vdso_offset;      /* of the vdso's own first page in it */
	uint64_t *vdso_slot;       /* where AT_SYSINFO_EHDR has its value, or NULL */
	struct arch_gadget gadget; /* what the last step borrows of it */
	struct stub_range vdso_parts[4]; /* its mappings, where it is moved; */
	uint64_t vdso_part_count;
	uint64_t vdso_room; /* and where it waits for its place */

	uint8_t *stack_bytes;
	uint64_t sp, stack_start, stack_end, stack_prot;
	uint64_t entry;
	uint64_t entry_limit; /* an entry at or past it kills, as in execve */

	struct prctl_mm_map mm;
	int64_t exe_fd;
	char name[16];
	uint32_t uid, euid, gid, egid;
	uint32_t sets[8]; /* what capset takes: a header, then two times three words */
	uint64_t ambient;
	uint64_t stack_soft; /* most that RLIMIT_STACK may be with AT_SECURE */

	int32_t *fds;
	uint64_t fd_count;
	uint64_t fd_own; /* the first of them, which the loader has opened */
	int32_t *timers;
	uint64_t timer_count;
	uint64_t signals; /* bit n-1: the disposition of signal n is to be reset */
	uint64_t queued;  /* those whose queue must be kept from that */
	uint64_t own;     /* those that are pending for the thread alone */
	uint64_t (*queue)[STUB_SIGINFO]; /* room for STUB_QUEUE_MAX */

	char step_start[STEP_START]; /* how the line that names a step begins */
	char steps[STEP_COUNT][STEP_TEXT];
	char step_error[STEP_ERROR]; /* between the step and an errno */

	uint64_t rseq, rseq_length;
	uint64_t mask; /* of blocked signals, as the program is to have it */

	uint8_t fpu[1024] __attribute__((aligned(64)));
};

/* The stub's one function; its code is all of the section segmap_stub. */
_Noreturn void segmap_stub_run(struct stub_args *args);

#endif
