/*
 * The agent's code. It is copied into the template, as the stub is into a block of its own, and
 * under the same rules: no libc, no relocation, nothing outside its section.
 *
 * The template blocks all signals, and sees nothing of what its children do.
 */
#include "arch_agent.h"

#include <linux/fcntl.h>
#include <linux/mman.h>
#include <linux/sched.h>
#include <linux/signal.h>
#include <stdbool.h>
#include <stddef.h>

#define AGENT        __attribute__((section("segmap_agent")))
#define AGENT_HELPER static inline __attribute__((always_inline))

/* The kernel's own, without libc's: what recvmsg takes and what comes beside a message. */
struct message {
	void *name;
	uint32_t name_length;
	struct piece *pieces;
	uint64_t piece_count;
	void *control;
	uint64_t control_length;
	uint32_t flags;
};

struct piece {
	void *start;
	uint64_t length;
};

struct control {
	uint64_t length;
	int32_t level, type;
	int32_t fds[AGENT_FDS];
};

enum {
	CLOSE_ON_EXEC = 0x40000000,
	WAIT_FOR_ALL = 0x100,
	NO_SIGNAL = 0x4000,
	CONTROL_HEAD = 16, /* bytes of struct control before the descriptors */
	DIRECTORY = 3,
	TOO_MANY_FILES = 24, /* EMFILE */
};

AGENT_HELPER bool agent_failed(uint64_t result)
{
	return result >= (uint64_t)-4095;
}

AGENT_HELPER _Noreturn void leave(uint64_t status)
{
	for (;;)
		sys1(__NR_exit_group, status);
}

/* Without the other end there is nothing more to do. */
AGENT_HELPER void receive(const struct agent_args *a, uint64_t to, uint64_t length)
{
	while (length) {
		uint64_t n = sys6(__NR_recvfrom, (uint64_t)a->socket, to, length, WAIT_FOR_ALL,
				  0, 0);

		if (n == 0 || agent_failed(n))
			leave(0);
		to += n;
		length -= n;
	}
}

/* The descriptors that have come, COUNT of them. False if some are missing: there were too many
 * open, and the kernel has dropped them. */
AGENT_HELPER bool sort_descriptors(struct agent_args *a, uint64_t count)
{
	const struct control *control = (const struct control *)(const void *)a->control;
	uint64_t next = 0;
	bool complete = true;

	for (uint64_t i = 0; i < AGENT_FDS; i++) {
		bool wanted = a->request.wanted & (1U << i);

		a->fds[i] = wanted && next < count ? control->fds[next] : -1;
		complete = complete && (!wanted || next < count);
		next += wanted;
	}
	return complete;
}

AGENT_HELPER bool take_request(struct agent_args *a)
{
	struct piece piece = {&a->request, sizeof(a->request)};
	struct message
		message; /* field by field: an initialiser could become a call of memset */
	const struct control *control = (const struct control *)(const void *)a->control;

	message.name = NULL;
	message.name_length = 0;
	message.pieces = &piece;
	message.piece_count = 1;
	message.control = a->control;
	message.control_length = sizeof(a->control);
	message.flags = 0;
	uint64_t n = sys3(__NR_recvmsg, (uint64_t)a->socket, (uint64_t)&message, CLOSE_ON_EXEC);

	if (n == 0 || agent_failed(n))
		leave(0);
	receive(a, (uint64_t)&a->request + n, sizeof(a->request) - n);
	receive(a, a->buffer, a->request.size);
	return sort_descriptors(a, message.control_length >= CONTROL_HEAD
					   ? (control->length - CONTROL_HEAD) / sizeof(int32_t)
					   : 0);
}

AGENT_HELPER void close_received(const struct agent_args *a)
{
	for (uint64_t i = 0; i < AGENT_FDS; i++)
		if (a->fds[i] >= 0)
			sys1(__NR_close, (uint64_t)a->fds[i]);
}

/* First out of the way of the numbers that they are to become. */
AGENT_HELPER void take_descriptors(struct agent_args *a)
{
	for (uint64_t i = 0; i < AGENT_FDS; i++) {
		if (a->fds[i] < 0 || a->fds[i] >= DIRECTORY)
			continue;
		uint64_t moved =
			sys3(__NR_fcntl, (uint64_t)a->fds[i], F_DUPFD_CLOEXEC, DIRECTORY);

		if (agent_failed(moved))
			leave(AGENT_FAILED);
		sys1(__NR_close, (uint64_t)a->fds[i]);
		a->fds[i] = (int32_t)moved;
	}
	for (uint64_t i = 0; i < DIRECTORY; i++)
		if (a->fds[i] >= 0 && agent_failed(sys3(__NR_dup3, (uint64_t)a->fds[i], i, 0)))
			leave(AGENT_FAILED);
	if (a->fds[DIRECTORY] >= 0 &&
	    agent_failed(sys1(__NR_fchdir, (uint64_t)a->fds[DIRECTORY])))
		leave(AGENT_FAILED);
	close_received(a);
}

/* Where the old stack was longer, nothing of it stays. */
AGENT_HELPER void write_initial_stack(const struct agent_args *a)
{
	for (uint64_t at = a->sp; at < a->request.sp; at++)
		*(volatile uint8_t *)at = 0;
	arch_copy((void *)a->request.sp, (const void *)a->buffer, a->request.size);
}

AGENT_HELPER void set_words(const struct agent_args *a)
{
	for (uint64_t i = 0; i < a->word_count; i++) {
		uint64_t value = a->request.values[a->words[i].value];

		if (a->words[i].value == AGENT_ARGC)
			*(volatile uint32_t *)a->words[i].addr = (uint32_t)value;
		else if (value)
			*(volatile uint64_t *)a->words[i].addr = value;
	}
}

/* What /proc shows. A program runs as well where that is not permitted. */
AGENT_HELPER void describe(struct agent_args *a)
{
	const struct agent_request *q = &a->request;

	a->mm.brk = sys1(__NR_brk, 0);
	if (q->arg_end) {
		a->mm.arg_start = q->arg_start;
		a->mm.arg_end = q->arg_end;
	}
	a->mm.env_start = q->env_start;
	a->mm.env_end = q->env_end;
	a->mm.auxv = (void *)q->auxv;
	a->mm.auxv_size = (uint32_t)q->auxv_size;
	if (q->sp)
		a->mm.start_stack = q->sp;
	sys5(__NR_prctl, PR_SET_MM, PR_SET_MM_MAP, (uint64_t)&a->mm, sizeof(a->mm), 0);
}

AGENT_HELPER uint64_t page_up(const struct agent_args *a, uint64_t addr)
{
	return (addr + a->page_size - 1) & ~(a->page_size - 1);
}

/* The strings of main's arguments stay in the buffer, those of the first instruction not. */
AGENT_HELPER _Noreturn void begin(struct agent_args *a)
{
	uint64_t start = a->block + a->code_length, end = a->block + a->length;

	if (a->request.sp) {
		a->registers.sp = a->request.sp;
	} else {
		uint64_t used = page_up(a, a->buffer + a->request.size);

		if (used < end)
			sys2(__NR_munmap, used, end - used);
		end = a->buffer;
	}
	if (a->request.has_arg) {
		a->registers.argument[0] = a->request.values[AGENT_ARGC];
		a->registers.argument[1] = a->request.values[AGENT_ARGV];
		a->registers.argument[2] = a->request.values[AGENT_ENVIRON];
	}
	sys4(__NR_rt_sigprocmask, SIG_SETMASK, (uint64_t)&a->mask, 0, sizeof(a->mask));
	arch_agent_leave(&a->registers, start, end - start);
}

AGENT_HELPER _Noreturn void be_child(struct agent_args *a)
{
	sys1(__NR_close, (uint64_t)a->socket);
	take_descriptors(a);
	if (a->robust_list)
		sys2(__NR_set_robust_list, a->robust_list, a->robust_length);
	if (a->request.sp)
		write_initial_stack(a);
	set_words(a);
	describe(a);
	begin(a);
}

/* The pages of a long request would be copied at each fork from now on. */
AGENT_HELPER void forget_request(const struct agent_args *a)
{
	if (a->request.size > AGENT_KEEP)
		sys3(__NR_madvise, a->buffer, AGENT_BUFFER, MADV_DONTNEED);
}

AGENT _Noreturn void segmap_agent_run(struct agent_args *a)
{
	uint64_t flags = CLONE_PARENT;

	if (a->tid_address)
		flags |= CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID;
	for (;;) {
		uint64_t pid = (uint64_t)-TOO_MANY_FILES;

		if (take_request(a))
			pid = arch_fork(flags, a->tid_address);

		if (pid == 0)
			be_child(a);
		close_received(a);
		forget_request(a);
		int64_t answer = (int64_t)pid;
		sys6(__NR_sendto, (uint64_t)a->socket, (uint64_t)&answer, sizeof(answer),
		     NO_SIGNAL, 0, 0);
	}
}
