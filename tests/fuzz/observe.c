/* SPDX-License-Identifier: MIT */
/* One run of the files in a place, by execve or by segload. */
#include "fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <segmap/tracee.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOBODY = 65534, ERRNO_MAX = 134 };

static size_t read_some(int fd, char *text)
{
	size_t used = 0;
	ssize_t n;

	while (used < TEXT_MAX - 1 && (n = read(fd, text + used, TEXT_MAX - 1 - used)) > 0)
		used += (size_t)n;
	text[used] = '\0';
	return used;
}

/* A program can write NUL bytes; as text they are something else than an end. */
static void take_output(int fd, char *text)
{
	lseek(fd, 0, SEEK_SET);
	size_t used = read_some(fd, text);
	for (size_t i = 0; i < used; i++)
		if (text[i] == '\0')
			text[i] = '\1';
}

static bool read_proc(pid_t pid, const char *name, char *text)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	size_t used = read_some(fd, text);
	close(fd);
	return used > 0;
}

/* The longest message names the errno in words: "execve(2): fails with ENOEXEC (...". */
static int errno_of_name(const char *name)
{
	size_t length = strcspn(name, " \n");

	for (int e = 1; e < ERRNO_MAX; e++) {
		const char *known = strerrorname_np(e);

		if (known && strlen(known) == length && strncmp(known, name, length) == 0)
			return e;
	}
	return -1;
}

/* What segload says that execve would do. */
static void understand_refusal(struct run *run, int status)
{
	static const char fails[] = "execve(2): fails with ";
	const char *name = strstr(run->err, fails);
	int expected = 126;

	run->ending = STRANGE;
	if (strncmp(run->err, "segload: ", 9) != 0 || run->out[0] || !WIFEXITED(status))
		return;
	if (name) {
		run->ending = FAILS;
		run->error = errno_of_name(name + strlen(fails));
		expected = run->error == ENOENT ? 127 : 126;
	} else if (strstr(run->err, "the process is killed with SIGSEGV")) {
		run->ending = DIES;
	} else if (strstr(run->err, "execve(2): would run it")) {
		run->ending = UNSUPPORTED;
	}
	if (WEXITSTATUS(status) != expected)
		run->ending = STRANGE;
}

static bool is_out_of_time(int status)
{
	int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;

	return signal == SIGPROF || signal == SIGALRM || signal == SIGXCPU || signal == SIGKILL;
}

/* What the stub says when it dies. */
static bool is_last_word(const char *text)
{
	return strncmp(text, "segmap: ", 8) == 0 &&
	       strstr(text, ": killed after the point of no return: ");
}

/* It ended before its first instruction. A death by SIGSEGV that comes as late as the kernel's,
 * when the old program is gone, is what kernel-differences.md says of segload as well. */
static void understand_start(struct run *run, const struct segmap_tracee *t, bool by_segload)
{
	if (t->exec_errno && !by_segload) {
		run->ending = FAILS;
		run->error = t->exec_errno;
	} else if (WIFSIGNALED(t->status) && WTERMSIG(t->status) == SIGSEGV &&
		   (!run->err[0] || (by_segload && is_last_word(run->err)))) {
		run->ending = DIES;
	} else if (by_segload) {
		understand_refusal(run, t->status);
	} else {
		run->ending = STRANGE;
	}
	run->status = t->status;
	run->out_of_time = is_out_of_time(t->status);
}

/* Would the kernel accept this layout from PR_SET_MM_MAP? Asked of the numbers that it has set
 * itself: every address between the kernel's mmap_min_addr (which is 64 KiB, whatever the
 * sysctl of that name says) and the end of user space, code not empty, data not negative
 * (validate_prctl_map_addr). */
static bool is_undescribed(pid_t pid)
{
	enum { CODE = 26, CODE_END, DATA = 45, DATA_END, BRK, FIELDS };
	char text[TEXT_MAX], *save = NULL;
	uint64_t v[FIELDS + 1] = {0};
	static const int checked[] = {CODE, CODE_END, DATA, DATA_END, BRK};

	if (!read_proc(pid, "stat", text) || !strrchr(text, ')'))
		return false;
	int field = 3;
	for (char *word = strtok_r(strrchr(text, ')') + 1, " ", &save); word && field <= FIELDS;
	     word = strtok_r(NULL, " ", &save))
		v[field++] = strtoull(word, NULL, 10);
	for (size_t i = 0; i < sizeof(checked) / sizeof(checked[0]); i++)
		if (v[checked[i]] < 0x10000 || v[checked[i]] >= 0x7ffffffff000)
			return true;
	return v[CODE] >= v[CODE_END] || v[DATA] > v[DATA_END];
}

static bool look_at_entry(struct run *run, const struct segmap_tracee *t, const struct way *way)
{
	struct user_regs_struct regs;

	if (!read_proc(t->pid, "maps", run->maps) || segmap_tracee_registers(t, &regs) < 0)
		return false;
	run->ending = RUNS;
	run->entry = regs.rip;
	run->stack = regs.rsp;
	run->flags = regs.eflags;
	run->undescribed = !way->by_segload && is_undescribed(t->pid);
	if (!way->like)
		return true;
	regs.eflags = way->like->flags;
	return ptrace(PTRACE_SETREGS, t->pid, NULL, &regs) == 0;
}

static bool start(struct segmap_tracee *t, struct place *place, const struct way *way)
{
	char *const argv[] = {(char[]){"program"}, NULL};
	char *const envp[] = {(char[]){"FUZZ=1"}, NULL};
	struct limits limits = {.directory = place->directory, .scale = way->scale};
	struct segmap_tracee_setup setup = {
		.path = place->path[PROGRAM],
		.argv = argv,
		.envp = envp,
		.loader = way->by_segload ? place->segload : NULL,
		.no_aslr = true,
		.user = geteuid() == 0 ? NOBODY : (uid_t)-1,
		.standard = {place->null, place->out, place->err},
		.prepare = confine,
		.data = &limits,
	};

	for (int i = 1; i < 3; i++) {
		int fd = setup.standard[i];

		if (ftruncate(fd, 0) < 0 || lseek(fd, 0, SEEK_SET) < 0)
			return false;
	}
	return segmap_tracee_start(t, &setup) == 0;
}

bool observe(struct run *run, struct place *place, const struct way *way)
{
	struct segmap_tracee t;
	bool ok = true;

	run->error = 0;
	run->maps[0] = '\0';
	run->undescribed = false;
	if (!start(&t, place, way))
		return false;
	bool reached = !t.ended;
	if (reached)
		ok = look_at_entry(run, &t, way) && segmap_tracee_finish(&t) == 0;
	take_output(place->out, run->out);
	take_output(place->err, run->err);
	if (!reached) {
		understand_start(run, &t, way->by_segload);
	} else {
		run->status = t.status;
		run->out_of_time = is_out_of_time(t.status);
	}
	segmap_tracee_destroy(&t);
	return ok;
}
