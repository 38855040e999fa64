#include "trial.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <segmap/exec.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

const char *const way_names[WAYS] = {"execve", "segload", "segmap_execve"};

int trial_fd = -1;
struct shared *shared;

struct ends {
	int hold[2]; /* standard input: at its end the program ends */
	int out[2];
	int err;
};

void must(bool ok, const char *what)
{
	if (ok)
		return;
	dprintf(2, "cannot prepare: %s: %s\n", what, strerror(errno));
	_exit(99);
}

void forbid_call(unsigned number, unsigned errnum)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | errnum),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};

	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no_new_privs");
	must(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0, "seccomp");
}

const char *testdata(const char *name)
{
	static char path[2][4096];
	static int turn;

	turn ^= 1;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", testdata_dir(), name);
	return path[turn];
}

/* ---- the child ---- */

/* What the test runner has set is not what is tested. */
static void clean(const struct ends *ends, bool randomize)
{
	uint64_t none[4] = {0};

	if (dup2(ends->hold[0], 0) < 0 || dup2(ends->out[1], 1) < 0 || dup2(ends->err, 2) < 0)
		_exit(99);
	for (int fd = 3; fd < 256; fd++)
		close(fd);
	for (int n = 1; n <= 64; n++)
		syscall(SYS_rt_sigaction, n, none, NULL, 8);
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, none, NULL, 8);
	/* else how many pages of the stack are touched is random too */
	if (personality(randomize ? 0 : ADDR_NO_RANDOMIZE) < 0)
		_exit(99);
	alarm(300);
}

static void run_segload(const struct trial *trial, char *const *argv, char *const *envp)
{
	char argv0[4096], *args[16], *at = argv0;
	size_t n = 0;

	snprintf(argv0, sizeof(argv0), "--argv0=%s", argv[0]);
	args[n++] = (char[]){"segload"};
	args[n++] = at;
	args[n++] = (char[]){"--"};
	args[n++] = (char *)(uintptr_t)trial->path;
	for (size_t i = 1; argv[i] && n < 15; i++)
		args[n++] = argv[i];
	args[n] = NULL;
	execve(segload_path(), args, envp);
}

static void run_library(const struct trial *trial, char *const *argv, char *const *envp)
{
	struct segmap_error err;
	char text[1024];

	if (trial->from_fd)
		shared->result = segmap_fexecve(trial_fd, "fd", argv, envp, NULL, &err);
	else
		shared->result = segmap_execve(trial->path, argv, envp, NULL, &err);
	segmap_error_format(&err, text, sizeof(text));
	dprintf(2, "segmap_execve: %s", text);
}

static _Noreturn void become(const struct trial *trial, enum way way, const struct ends *ends)
{
	char *own[] = {(char *)(uintptr_t)trial->path, NULL};
	char *const *argv = trial->argv ? trial->argv : own;
	char *const *envp = trial->envp ? trial->envp : test_environment;

	clean(ends, trial->randomize);
	if (trial->prepare)
		trial->prepare(trial->data);
	if (way == BY_PROGRAM)
		run_segload(trial, argv, envp);
	else if (way == BY_LIBRARY)
		run_library(trial, argv, envp);
	else if (trial->from_fd)
		fexecve(trial_fd, argv, envp);
	else
		execve(trial->path, argv, envp);
	if (way != BY_LIBRARY)
		dprintf(2, "execve: %s\n", strerror(errno));
	_exit(98);
}

/* ---- the parent ---- */

struct output {
	char *text; /* owned, ended by NUL */
	size_t used, room;
};

/* Reads on until the end, or the line "end": then the program waits, and true is returned. */
static bool read_on(struct output *o, int fd)
{
	static const char mark[] = "\nend\n";
	bool waits = false;
	ssize_t n = 1;

	while (n > 0 && !waits) {
		if (o->room - o->used < 4096)
			o->text = realloc(o->text, o->room += 1 << 16);
		n = read(fd, o->text + o->used, o->room - o->used - 1);
		o->used += n > 0 ? (size_t)n : 0;
		o->text[o->used] = '\0';
		waits = n > 0 && o->used > 5 && strcmp(o->text + o->used - 5, mark) == 0;
	}
	return waits;
}

static void share(const struct trial *trial)
{
	if (!shared)
		shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	memset(shared, 0, sizeof(*shared));
	shared->mutex = trial->mutex;
}

static void end_sibling(void)
{
	if (shared->sibling)
		kill(shared->sibling, SIGKILL);
}

static void watch(struct sight *sight, pid_t pid, const struct trial *trial, struct ends *ends)
{
	struct output output = {0};

	close(ends->hold[0]);
	close(ends->out[1]);
	bool waits = read_on(&output, ends->out[0]);
	sight->outside =
		waits ? look_outside(pid, !trial->aside && geteuid() == 0) : strdup("");
	if (waits && trial->look)
		trial->look(pid);
	close(ends->hold[1]);
	read_on(&output, ends->out[0]);
	sight->inside = output.text;
	while (waitpid(pid, &sight->status, 0) < 0 && errno == EINTR)
		;
	end_sibling();
	close(ends->out[0]);
}

void see(struct sight *sight, const struct trial *trial, enum way way)
{
	struct ends ends = {.err = memfd_create("said", 0)};
	char link[64];

	if (ends.err < 0 || pipe(ends.hold) < 0 || pipe(ends.out) < 0)
		abort();
	share(trial);
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0)
		become(trial, way, &ends);
	watch(sight, pid, trial, &ends);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", ends.err);
	sight->said = read_whole(link, NULL);
	close(ends.err);
}

void sight_free(struct sight *sight)
{
	free(sight->inside);
	free(sight->outside);
	free(sight->said);
}

const char *first_difference(const char *a, const char *b)
{
	static char text[1024];
	size_t same = 0, line = 0;

	if (strcmp(a, b) == 0)
		return NULL;
	for (; a[same] && a[same] == b[same]; same++)
		if (a[same] == '\n')
			line = same + 1;
	snprintf(text, sizeof(text), "'%.*s', not '%.*s'", (int)strcspn(a + line, "\n"),
		 a + line, (int)strcspn(b + line, "\n"), b + line);
	return text;
}
