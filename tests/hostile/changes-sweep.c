/*
 * segload is stopped at each of its system calls in turn, from the first look at a file to the
 * last one, and the file is changed while it stands there.
 */
#include "changes.h"

#include "test_registers.h"
#include "trial.h"

#include <criterion/criterion.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
#ifdef SEGMAP_SANITIZED /* whose runtime makes many calls of its own, and is slow to start */
	STRIDE = 23,
#else
	STRIDE = 1,
#endif
};

struct subject {
	const char *program; /* what segload is told to load */
	const char *file;    /* what changes, in the working directory */
	const char *source;  /* the program of testdata that it is a copy of; NULL: a script */
	size_t interp;       /* 1: "program" is made to name "ld" as its interpreter */
};

static const struct subject subjects[] = {
	{"./program", "program", "good-bss-in-page", 0},
	{"./program", "program", "good-c-pie", 0},
	{"./program", "ld", "own-interp", 1},
	{"./script", "script", NULL, 0},
};

struct ended {
	int status;
	char *out, *err;
};

/* ---- one run ---- */

static unsigned user = SAME_USER;

static _Noreturn void become_segload(const char *program, int out, int err)
{
	char *argv[] = {(char[]){"segload"}, (char *)(uintptr_t)program, NULL};

	dup2(out, 1);
	dup2(err, 2);
	if (user != SAME_USER &&
	    (setgroups(0, NULL) < 0 || setgid(user) < 0 || setuid(user) < 0))
		_exit(99);
	personality(ADDR_NO_RANDOMIZE); /* so that each run makes the same calls */
	alarm(120);
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	raise(SIGSTOP);
	execve(segload_path(), argv, test_environment);
	_exit(97);
}

static pid_t start(const char *program, int out, int err)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		become_segload(program, out, err);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFSTOPPED(status), "%x", (unsigned)status);
	ptrace(PTRACE_SETOPTIONS, pid, NULL,
	       (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACEEXEC));
	cr_assert_eq(ptrace(PTRACE_CONT, pid, NULL, NULL), 0);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status >> 8, SIGTRAP | PTRACE_EVENT_EXEC << 8, "%x", (unsigned)status);
	ptrace(PTRACE_SYSCALL, pid, NULL, NULL); /* to where execve returns */
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return pid;
}

/* To the next beginning or end of a system call; false if the process has ended. */
static bool next_stop(pid_t pid, int *status)
{
	for (int signal = 0;; signal = WSTOPSIG(*status)) {
		ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(uintptr_t)signal);
		if (waitpid(pid, status, 0) != pid || !WIFSTOPPED(*status))
			return false;
		if (WSTOPSIG(*status) == (SIGTRAP | 0x80))
			return true;
	}
}

static void collect(struct ended *end, pid_t pid, int out, int err, bool ended)
{
	char link[64];

	if (!ended) {
		ptrace(PTRACE_DETACH, pid, NULL, NULL);
		cr_assert_eq(waitpid(pid, &end->status, 0), pid);
	}
	snprintf(link, sizeof(link), "/proc/self/fd/%d", out);
	end->out = read_whole(link, NULL);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", err);
	end->err = read_whole(link, NULL);
	close(out);
	close(err);
}

static void ended_free(struct ended *end)
{
	free(end->out);
	free(end->err);
}

/* ---- which calls ---- */

static void read_registers(pid_t pid, struct user_regs_struct *regs)
{
	struct iovec to = {regs, sizeof(*regs)};

	ptrace(PTRACE_GETREGSET, pid, (void *)(uintptr_t)NT_PRSTATUS, &to); // NOLINT
}

static bool is_look(const struct user_regs_struct *r, int fd)
{
	uint64_t call = test_call(r);

	return (call == SYS_fstat || call == SYS_newfstatat) && (int)test_argument(r, 0) == fd;
}

static bool opens(pid_t pid, const struct user_regs_struct *r, const char *file)
{
	char name[256] = "";
	bool plain = test_is_plain_open(r);
	const struct iovec to = {name, sizeof(name) - 1},
			   from = {(void *)test_argument(r, plain ? 0 : 1), to.iov_len};

	if (!plain && test_call(r) != SYS_openat)
		return false;
	for (size_t n = to.iov_len; n > 0; n--) { /* as far as it can be read */
		const struct iovec some = {name, n};

		if (process_vm_readv(pid, &some, 1, &from, 1, 0) > 0)
			break;
	}
	const char *slash = strrchr(name, '/');
	return strcmp(slash ? slash + 1 : name, file) == 0;
}

/* Of the system calls of a load, counted from 0: *FIRST is the first after its look at the file
 * that it has opened, *LAST its last look at it. */
static void find_calls(const struct subject *s, int *first, int *last, struct ended *end)
{
	int out = memfd_create("out", 0), err = memfd_create("err", 0), fd = -1;
	pid_t pid = start(s->program, out, err);
	struct user_regs_struct regs;
	bool opened, handed_over = false;

	*first = *last = 0;
	for (int n = 0; next_stop(pid, &end->status); n++) {
		read_registers(pid, &regs);
		opened = opens(pid, &regs, s->file);
		handed_over |= test_call(&regs) == SYS_munmap &&
			       test_argument(&regs, 0) == 0; /* the stub's */
		if (fd >= 0 && is_look(&regs, fd) && !*first)
			*first = n + 1;
		if (fd >= 0 && is_look(&regs, fd) && !handed_over)
			*last = n;
		if (next_stop(pid, &end->status) && opened && !*first) {
			read_registers(pid, &regs);
			fd = (int)test_result(&regs);
		}
	}
	collect(end, pid, out, err, true);
}

/* ---- all runs ---- */

static void make_interp_local(void)
{
	size_t size;
	char *bytes = read_whole("program", &size);
	const char *name = testdata("own-interp");
	char *at = bytes ? memmem(bytes, size, name, strlen(name) + 1) : NULL;

	cr_assert_not_null(at, "no %s in it", name);
	memcpy(at, "ld", 3);
	int fd = open("program", O_WRONLY | O_TRUNC | O_CLOEXEC);
	cr_assert_eq(write(fd, bytes, size), (ssize_t)size);
	close(fd);
	free(bytes);
}

static void make_script(void)
{
	FILE *file = fopen("script", "we");

	cr_assert_not_null(file);
	fprintf(file, "#!%s argument\n", testdata("good-args"));
	fclose(file);
	chmod("script", 0755);
	make_old("script");
}

static void make_files(const struct subject *s)
{
	remove(s->file);
	if (!s->source)
		make_script();
	else
		make_old_copy(s->file, s->source);
	if (s->interp) {
		make_old_copy("program", "good-own-interp");
		make_interp_local();
	}
	for (size_t i = 0; user != SAME_USER && i < 2; i++)
		cr_assert(chown(i ? "program" : s->file, user, user) == 0 || i);
}

static void judge(const struct subject *s, enum change change, int call,
		  const struct ended *good, const struct ended *e, int *refusals)
{
	bool same = e->status == good->status && strcmp(e->out, good->out) == 0 &&
		    strcmp(e->err, good->err) == 0;
	bool refused = WIFEXITED(e->status) && WEXITSTATUS(e->status) == 126 && !*e->out &&
		       strstr(e->err, "refused: ");

	*refusals += refused;
	cr_expect(same || refused, "%s %s at call %d: %s, it says '%s' and '%s'", s->file,
		  change_names[change], call, status_text(e->status), e->out, e->err);
	/* whether it is permitted is asked a few calls after the first look */
	cr_expect(same || change == FORBIDDEN || !change_is_harmless[change],
		  "%s %s at call %d: %s", s->file, change_names[change], call, e->err);
}

static void change_at(const struct subject *s, enum change change, int call,
		      const struct ended *good, int *refusals)
{
	int out = memfd_create("out", 0), err = memfd_create("err", 0);
	struct ended e = {0};
	bool there = true;

	make_files(s);
	pid_t pid = start(s->program, out, err);
	for (int n = 0; there && n <= call; n++) {
		there = next_stop(pid, &e.status);
		if (there && n < call)
			there = next_stop(pid, &e.status);
	}
	cr_assert(there, "%s: ended before call %d", s->file, call);
	cr_assert(change_file(change, s->file, testdata("good-end-42")), "%s: %s", s->file,
		  strerror(errno));
	collect(&e, pid, out, err, false);
	judge(s, change, call, good, &e, refusals);
	ended_free(&e);
}

static void sweep(const struct subject *s)
{
	struct ended good = {0};
	int first, last;

	make_files(s);
	find_calls(s, &first, &last, &good);
	cr_assert(WIFEXITED(good.status) && first && last > first, "%s: %s, calls %d to %d: %s",
		  s->file, status_text(good.status), first, last, good.err);
	for (enum change c = 0; c < CHANGES; c++) {
		int refusals = 0;

		for (int call = first; call <= last; call += STRIDE)
			change_at(s, c, call, &good, &refusals);
		cr_expect(change_is_harmless[c] || refusals || !s->source,
			  "%s %s: never refused", s->file, change_names[c]);
	}
	ended_free(&good);
}

Test(changes, at_every_system_call, .timeout = 900)
{
	uid_t users[2];

	if (test_users(users) > 1)
		user = NOBODY;
	changes_begin(user);
	for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++)
		sweep(&subjects[i]);
	changes_end();
}
