/* A load under ptrace, one system call after the other. */
#include "failing.h"

#include "observe/read.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

/* ptrace.h of the kernel and that of libc cannot both be included. */
#define SYSCALL_STOP (SIGTRAP | 0x80)

enum { HANGS = 120 }; /* seconds after which it is given up */

static volatile pid_t running;

static void give_up(int signal)
{
	(void)signal;
	if (running > 0)
		kill(running, SIGKILL);
}

struct tracer {
	pid_t pid;
	int status;
	int out, err;
	struct __ptrace_syscall_info info;
};

static _Noreturn void become(const struct load *load, const int streams[3])
{
	char *const environment[] = {(char[]){"PATH=/usr/bin:/bin"}, NULL};

	for (int i = 0; i < 3; i++)
		dup2(streams[i], i);
	if (personality(ADDR_NO_RANDOMIZE) < 0 ||
	    (load->as_other && setresuid(65534, 0, 0) < 0) ||
	    ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
		_exit(99);
	execve(load->argv[0], load->argv, environment);
	_exit(99);
}

/* Runs to where the caller is about to load something. */
static bool run_to_mark(struct tracer *t)
{
	return ptrace(PTRACE_CONT, t->pid, NULL, 0) == 0 &&
	       waitpid(t->pid, &t->status, 0) == t->pid && WIFSTOPPED(t->status) &&
	       WSTOPSIG(t->status) == SIGSTOP;
}

static int begin(struct tracer *t, const struct load *load)
{
	struct sigaction action = {.sa_handler = give_up};
	const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL;
	int in = open(load->input ? load->input : "/dev/null", O_RDONLY | O_CLOEXEC);

	t->out = memfd_create("out", MFD_CLOEXEC);
	t->err = memfd_create("err", MFD_CLOEXEC);
	sigaction(SIGALRM, &action, NULL);
	alarm(HANGS);
	t->pid = fork();
	if (t->pid == 0)
		become(load, (const int[]){in, t->out, t->err});
	close(in);
	running = t->pid;
	if (t->pid < 0 || waitpid(t->pid, &t->status, 0) < 0 || !WIFSTOPPED(t->status) ||
	    ptrace(PTRACE_SETOPTIONS, t->pid, NULL, options) < 0 ||
	    (load->caller && !run_to_mark(t))) {
		fprintf(stderr, "%s: cannot be traced\n", load->name);
		return -1;
	}
	return 0;
}

/* Runs to the next stop at a system call, of entry or exit; false if the process has ended, or
 * says by stopping that the load has come back. */
static bool next_stop(struct tracer *t)
{
	long signal = 0;

	for (;;) {
		if (ptrace(PTRACE_SYSCALL, t->pid, NULL, signal) < 0 ||
		    waitpid(t->pid, &t->status, 0) < 0 || !WIFSTOPPED(t->status))
			return false;
		if (WSTOPSIG(t->status) == SYSCALL_STOP)
			return true;
		if (WSTOPSIG(t->status) == SIGSTOP)
			return false;
		signal = WSTOPSIG(t->status) == SIGTRAP ? 0 : WSTOPSIG(t->status);
	}
}

static bool next_call(struct tracer *t)
{
	while (next_stop(t)) {
		memset(&t->info, 0, sizeof(t->info));
		ptrace(PTRACE_GET_SYSCALL_INFO, t->pid, sizeof(t->info), &t->info);
		if (t->info.op == PTRACE_SYSCALL_INFO_ENTRY)
			return true;
	}
	return false;
}

/* close() frees the number whatever the file says, so only a filter keeps it from that. */
static bool is_made_nevertheless(uint64_t number, int errnum)
{
	return number == SYS_close && errnum != EPERM && errnum != ENOSYS;
}

/* At the entry of a call: it is not made, and answers ERRNUM. */
static bool fail_call(struct tracer *t, int errnum)
{
	struct user_regs_struct registers;

	ptrace(PTRACE_GETREGS, t->pid, NULL, &registers);
	if (!is_made_nevertheless(t->info.entry.nr, errnum)) {
		registers.orig_rax = (unsigned long long)-1;
		ptrace(PTRACE_SETREGS, t->pid, NULL, &registers);
	}
	if (!next_stop(t))
		return false;
	ptrace(PTRACE_GETREGS, t->pid, NULL, &registers);
	registers.rax = (unsigned long long)-errnum;
	ptrace(PTRACE_SETREGS, t->pid, NULL, &registers);
	return true;
}

static int take_stream(struct segmap_bytes *bytes, int fd)
{
	int r = lseek(fd, 0, SEEK_SET) < 0 ? -errno : bytes_read_fd(bytes, fd);

	close(fd);
	return r;
}

/* Lets it run to its end, if it has not come there yet. */
static int finish(struct tracer *t, struct segmap_observation *o)
{
	if (WIFSTOPPED(t->status) && ptrace(PTRACE_DETACH, t->pid, NULL, 0) == 0)
		waitpid(t->pid, &t->status, 0);
	alarm(0);
	running = 0;
	o->status = t->status;
	o->exit.error = ESRCH;
	int r = take_stream(&o->out, t->out);
	return take_stream(&o->err, t->err) < 0 ? -1 : r;
}

static int look(struct tracer *t, struct segmap_observation *o)
{
	o->started = true;
	o->began = segmap_process_read(&o->entry, t->pid) == 0;
	return o->began ? 0 : -1;
}

static bool is_in_program(const struct tracer *t, const struct reference *r)
{
	uint64_t at = t->info.instruction_pointer;

	return at >= r->text_start && at < r->text_end;
}

/* Which part of the load the call comes from: the stub is in anonymous memory and in the vdso.
 * True if it is the program's own, whose text R gets to know then. */
static bool place_call(const struct tracer *t, struct reference *r, enum phase *phase)
{
	uint64_t at = t->info.instruction_pointer;
	struct segmap_regions regions;
	bool program = false;

	if (segmap_regions_read(&regions, t->pid, false) < 0)
		return false;
	const struct segmap_region *region = segmap_regions_find(&regions, at);
	if (region && region->name[0] == '\0') {
		*phase = AFTER;
	} else if (region && region->inode && *phase == AFTER) {
		program = true;
		r->text_start = region->start;
		r->text_end = region->end;
	}
	segmap_regions_free(&regions);
	return program;
}

/* In a build for coverage counters are written down at the end of the load: if that failed they
 * would be lost. */
static bool is_counter(const struct tracer *t)
{
	static const char suffix[] = ".gcda";
	char path[4096] = "";
	struct iovec here = {path, sizeof(path) - 1};
	struct iovec there = {(void *)t->info.entry.args[1], sizeof(path) - 1}; // NOLINT

	if (t->info.entry.nr != SYS_openat ||
	    process_vm_readv(t->pid, &here, 1, &there, 1, 0) < 0)
		return false;
	size_t length = strlen(path), tail = sizeof(suffix) - 1;
	return length > tail && strcmp(path + length - tail, suffix) == 0;
}

static int record(struct reference *r, const struct load *load)
{
	enum phase phase = BEFORE;
	struct tracer t;

	if (begin(&t, load) < 0)
		return -1;
	while (r->count < STEPS_MAX && next_call(&t)) {
		if (place_call(&t, r, &phase)) {
			look(&t, &r->seen[0]);
			break;
		}
		if (r->end == 0 && is_counter(&t))
			r->end = r->count;
		r->numbers[r->count] = (long)t.info.entry.nr;
		r->phases[r->count++] = phase;
	}
	return finish(&t, &r->seen[0]);
}

/* What libc does before main() is not the load's: all that is the same without a program. */
static int find_start(struct reference *r, const struct load *load)
{
	static struct reference none;
	const struct load nothing = {.name = "no program",
				     .argv = (char *const[]){load->argv[0], NULL}};

	if (load->caller)
		return 0;
	none.count = 0;
	if (record(&none, &nothing) < 0)
		return -1;
	while (r->start < none.count && none.numbers[r->start] == r->numbers[r->start])
		r->start++;
	reference_free(&none);
	return 0;
}

int reference_take(struct reference *r, const struct load *load)
{
	memset(r, 0, sizeof(*r));
	if (record(r, load) < 0 || find_start(r, load) < 0)
		return -1;
	if (r->count == STEPS_MAX || !r->seen[0].began) {
		fprintf(stderr, "%s: does not come to its program: %s\n", load->name,
			r->seen[0].err.data);
		return -1;
	}
	if (r->end == 0)
		r->end = r->count;
	return load_with_failure(&r->seen[1], load, r, r->count, 0);
}

void reference_free(struct reference *r)
{
	segmap_observation_free(&r->seen[0]);
	segmap_observation_free(&r->seen[1]);
}

int load_with_failure(struct segmap_observation *end, const struct load *load,
		      const struct reference *r, size_t index, int errnum)
{
	struct tracer t;
	size_t i = 0;

	memset(end, 0, sizeof(*end));
	if (begin(&t, load) < 0)
		return -1;
	while (next_call(&t)) {
		if (is_in_program(&t, r) && i >= r->start) {
			look(&t, end);
			break;
		}
		if (index != NO_CALL && i < index && i < r->count &&
		    (long)t.info.entry.nr != r->numbers[i]) {
			fprintf(stderr, "%s: call %zu is another one this time\n", load->name,
				i);
			finish(&t, end);
			return -1;
		}
		if (i++ == index && !fail_call(&t, errnum))
			break;
	}
	return finish(&t, end);
}
