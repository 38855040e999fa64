/*
 * The agent: what waits in a template for requests, and forks.
 *
 * It lies in a block of memory of its own in the template: first its code, of which the pages
 * stay in the children, then what is below, its stack, and the buffer for requests.
 */
#ifndef TEMPLATE_AGENT_H
#define TEMPLATE_AGENT_H

#include <linux/types.h>
#include <stdint.h>
#include <sys/prctl.h>

enum {
	AGENT_BUFFER = 8 << 20, /* bytes; the kernel takes 6 MiB of arguments at most */
	AGENT_KEEP = 64 << 10,  /* of the buffer, between two requests */
	AGENT_STACK = 16 << 10,
	AGENT_WORDS = 24, /* most variables of libc that are set */
	AGENT_FDS = 4,    /* 0, 1, 2, and the directory */
	AGENT_FAILED = 127,
};

/* The variables of libc that are about a start. */
enum agent_value {
	AGENT_ENVIRON,
	AGENT_ARGV,
	AGENT_ARGC, /* an int */
	AGENT_NAME, /* argv[0] */
	AGENT_SHORT_NAME,
	AGENT_VALUES,
};

struct agent_word {
	uint64_t addr;
	uint64_t value; /* enum agent_value */
};

/* What comes through the socket, with descriptors beside it, before SIZE bytes. */
struct agent_request {
	uint64_t size;    /* bytes that follow, to be put into the buffer */
	uint64_t wanted;  /* bit n: there is a descriptor for n; bit 3: a directory */
	uint64_t sp;      /* the bytes belong there, up to the stack's end; or 0 */
	uint64_t has_arg; /* arguments of main are set: argc, argv, envp */
	uint64_t values[AGENT_VALUES];
	uint64_t arg_start, arg_end, env_start, env_end; /* of the strings */
	uint64_t auxv, auxv_size;                        /* 0: as it is */
};

/* Registers that differ from child to child. */
struct agent_registers {
	uint64_t sp, argument[3];
};

struct agent_args {
	uint64_t block, code_length, length; /* of it all */
	uint64_t buffer;
	uint64_t page_size;
	int64_t socket;
	uint64_t tid_address; /* of libc's word for the thread's id, or 0 */
	uint64_t robust_list, robust_length;
	uint64_t mask; /* of blocked signals, as the program had it */
	uint64_t sp, stack_end;
	struct prctl_mm_map mm;
	uint64_t word_count;
	struct agent_word words[AGENT_WORDS];
	struct agent_registers registers;
	struct agent_request request;
	int32_t fds[AGENT_FDS];
	uint8_t control[64]; /* for recvmsg */
};

/* All of the section segmap_agent, in which it is, is copied. */
_Noreturn void segmap_agent_run(struct agent_args *args);

/* Where the registers at the place are kept, in the code. arch_saved.h has their order. */
extern uint64_t segmap_agent_saved[];

#endif
