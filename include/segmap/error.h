/*
 * Why a load was refused or has failed.
 *
 * Every function of libsegmap that can fail returns 0 or a negative errno, and fills a
 * struct segmap_error that the caller owns. Nothing in it is allocated; it may be copied.
 * The errno of a refusal is the one that execve(2) gives for the same file.
 */
#ifndef SEGMAP_ERROR_H
#define SEGMAP_ERROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Which of the two files of a load something is about. */
enum segmap_object_id {
	SEGMAP_PROGRAM = 0,
	SEGMAP_INTERPRETER = 1,
};

/* What execve(2) does with the same file, and so what kind of failure this is. */
enum segmap_verdict {
	SEGMAP_VERDICT_ERRNO,       /* execve returns the errno; the caller lives on */
	SEGMAP_VERDICT_KILLS,       /* execve kills the process with SIGSEGV while loading */
	SEGMAP_VERDICT_UNSUPPORTED, /* execve would run it, a loader in userspace cannot */
	SEGMAP_VERDICT_SYSTEM,      /* not the file's fault: this process lacks something */
};

/*
 * One value for each sentence a user can get. The comment names the values that go with it:
 * index is the program header's, v0... are the elements of segmap_error.value.
 */
enum segmap_reason {
	SEGMAP_REASON_NONE,
	/* opening */
	SEGMAP_REASON_OPEN,           /* step = call that failed, errnum */
	SEGMAP_REASON_NOT_REGULAR,    /* v0 = st_mode */
	SEGMAP_REASON_NOT_EXECUTABLE, /* v0 = st_mode, errnum */
	SEGMAP_REASON_BUSY,           /* open for writing somewhere: ETXTBSY */
	SEGMAP_REASON_UNREADABLE,     /* execute but no read permission */
	SEGMAP_REASON_SETID,          /* v0 = st_mode, v1 = owner, v2 = group */
	SEGMAP_REASON_FILE_CAPS,      /* the file carries capabilities */
	SEGMAP_REASON_READ,           /* step, v0 = offset, v1 = length, errnum */
	/* header, in the kernel's order */
	SEGMAP_REASON_NOT_ELF,      /* v0 = first 4 bytes, v1 = bytes read */
	SEGMAP_REASON_ELF_TYPE,     /* v0 = e_type, v1 = bytes read of the header */
	SEGMAP_REASON_MACHINE,      /* v0 = e_machine, v1 = the one expected */
	SEGMAP_REASON_COMPAT,       /* v0 = e_machine of a 32-bit program */
	SEGMAP_REASON_CLASS,        /* v0 = EI_CLASS, v1 = the one expected */
	SEGMAP_REASON_PHENTSIZE,    /* v0 = e_phentsize, v1 = expected */
	SEGMAP_REASON_PHNUM,        /* v0 = e_phnum, v1 = most allowed */
	SEGMAP_REASON_PHDR_TABLE,   /* v0 = e_phoff, v1 = table bytes, v2 = file size */
	SEGMAP_REASON_INTERP_SIZE,  /* index, v0 = p_filesz, v1 = most allowed */
	SEGMAP_REASON_INTERP_NUL,   /* index, v0 = offset of the last byte, v1 = the byte */
	SEGMAP_REASON_INTERP_READ,  /* index, v0 = p_offset, v1 = p_filesz, v2 = file size */
	SEGMAP_REASON_INTERP_SHORT, /* v0 = bytes in the interpreter's file, v1 = needed */
	SEGMAP_REASON_PROPERTY, /* index, step = what is wrong, v0 = p_offset, v1 = p_filesz, v2
				   = file size */
	/* scripts */
	SEGMAP_REASON_SCRIPT,      /* a #! line without an interpreter in its first 256 bytes */
	SEGMAP_REASON_SCRIPT_DEEP, /* v0 = depth */
	SEGMAP_REASON_SCRIPT_FD,   /* a script through a close-on-exec descriptor */
	/* planning: all of these kill */
	SEGMAP_REASON_NO_SPAN,      /* ET_DYN without a byte to map */
	SEGMAP_REASON_INCONGRUENT,  /* index, v0 = p_offset, v1 = p_vaddr, v2 = page size */
	SEGMAP_REASON_OFFSET_RANGE, /* index, v0 = p_offset, v1 = length */
	SEGMAP_REASON_FILESZ_MEMSZ, /* index, v0 = p_filesz, v1 = p_memsz */
	SEGMAP_REASON_MEMSZ_RANGE,  /* index, v0 = p_vaddr, v1 = p_memsz, v2 = TASK_SIZE */
	SEGMAP_REASON_VADDR_RANGE,  /* index, v0 = address, v1 = length, v2 = TASK_SIZE */
	SEGMAP_REASON_ON_STACK,     /* index, v0, v1 = range, v2, v3 = range of the stack */
	SEGMAP_REASON_STACK_LOST,   /* index, v0, v1 = range that covers the argument strings */
	SEGMAP_REASON_STACK_CUT, /* index, v0, v1 = range that replaces a part of the stack */
	SEGMAP_REASON_TAIL_PAST_EOF, /* index, v0 = file offset of the tail, v1 = file size */
	SEGMAP_REASON_ENTRY_RANGE,   /* v0 = entry, v1 = TASK_SIZE */
	SEGMAP_REASON_INTERP_TYPE,   /* v0 = e_type of the interpreter */
	SEGMAP_REASON_PAGE_SIZE,     /* v0 = that was asked for, v1 = sum of those there are */
	/* mapping */
	SEGMAP_REASON_MAP,     /* step, index, v0 = address, v1 = length, v2 = offset, errnum */
	SEGMAP_REASON_TAIL,    /* index, v0 = address, v1 = length, errnum */
	SEGMAP_REASON_CHANGED, /* v0 = file size at the first look, v1 = now */
	SEGMAP_REASON_NO_ROOM, /* v0 = bytes of room wanted away from the program's addresses */
	SEGMAP_REASON_CALLER,  /* errnum: what the caller's function for what is mapped answered
				*/
	/* stack and handover */
	SEGMAP_REASON_ARG_TOO_LONG, /* v0 = length of one string with its NUL, v1 = most allowed
				     */
	SEGMAP_REASON_ARGS_TOO_BIG, /* v0 = bytes wanted, v1 = most allowed */
	SEGMAP_REASON_STACK_LIMIT,  /* v0 = bytes needed, v1 = RLIMIT_STACK */
	SEGMAP_REASON_EXEC_STACK,   /* errnum: the stack cannot be made executable */
	SEGMAP_REASON_THREADS,      /* errnum: the process has other threads or shares memory */
	SEGMAP_REASON_VDSO,         /* step, errnum: there would be none in the program */
	SEGMAP_REASON_SELF,         /* step, errnum: could not learn about this process */
	SEGMAP_REASON_MEMORY,       /* malloc */
	SEGMAP_REASON_COUNT,
};

struct segmap_error {
	enum segmap_reason reason;
	enum segmap_verdict verdict;
	enum segmap_object_id object;
	int errnum;       /* positive; what execve returns, or what the failed call returned */
	int index;        /* of the program header, or -1 */
	const char *step; /* a string literal: the system call or step that failed, or NULL */
	uint64_t value[4];
	char path[256]; /* the file it is about, cut if longer */
};

/* The four parts of a message; each without a newline at its end. Empty where there is none. */
struct segmap_error_text {
	char cause[384];
	char evidence[384];
	char kernel[192];
	char hint[256];
};

/* Writes ERR in words: cause, evidence, what execve does, hint. Never fails; TEXT is filled
 * whole. */
void segmap_error_describe(const struct segmap_error *err, struct segmap_error_text *text);

/* The same as one string of several lines, "cause\n  evidence\n  execve...\n  hint: ...\n". */
void segmap_error_format(const struct segmap_error *err, char *buffer, size_t size);

/* A stable word for REASON ("not-elf", "incongruent"), for JSON and tests. */
const char *segmap_reason_name(enum segmap_reason reason);

/* "errno", "kills", "unsupported" or "system". */
const char *segmap_verdict_name(enum segmap_verdict verdict);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
