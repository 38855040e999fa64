#include "harness.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

char *const test_environment[] = {
	(char[]){"PATH=/usr/local/bin:/usr/bin:/bin"},
	(char[]){"LC_ALL=C"},
	(char[]){"TMPDIR=/tmp"},
	(char[]){"SEGMAP_TEST=1"},
	NULL,
};

static const char *from_environment(const char *name)
{
	const char *value = getenv(name);

	if (!value) {
		fprintf(stderr, "%s is not set: run the tests by 'meson test'\n", name);
		exit(99);
	}
	return value;
}

const char *testdata_dir(void)
{
	return from_environment("SEGMAP_TESTDATA");
}

const char *segload_path(void)
{
	return from_environment("SEGMAP_SEGLOAD");
}

int repetitions(int fallback)
{
	const char *value = getenv("SEGMAP_REPEAT");

	return value ? atoi(value) : fallback;
}

/* ---- the child ---- */

static void take_place(const struct run *run, int out, int err)
{
	int in = open(run->input ? run->input : "/dev/null", O_RDONLY);

	if (in < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0)
		_exit(99);
	for (int fd = 3; fd < 64; fd++) /* what Criterion has open is not ours to hand on */
		close(fd);
	for (int n = 1; n <= 64; n++)
		signal(n, SIG_DFL);
	if (run->cwd && chdir(run->cwd) < 0)
		_exit(99);
	if (run->no_aslr && personality(ADDR_NO_RANDOMIZE) < 0)
		_exit(99);
	if (run->user != SAME_USER &&
	    (setgroups(0, NULL) < 0 || setgid(run->user) < 0 || setuid(run->user) < 0))
		_exit(99);
	alarm(300);
}

static _Noreturn void run_child(const struct run *run, int out, int err, int *exec_errno)
{
	char *own[] = {(char *)(uintptr_t)run->path, NULL};
	char *const *argv = run->argv ? run->argv : own;
	char *args[64], argv0[4096];
	size_t n = 0;

	take_place(run, out, err);
	if (run->loader == BY_EXECVE) {
		execve(run->path, argv, test_environment);
		*exec_errno = errno;
		_exit(98);
	}
	snprintf(argv0, sizeof(argv0), "--argv0=%s", argv[0]);
	args[n++] = (char[]){"segload"};
	args[n++] = argv0;
	args[n++] = (char[]){"--"};
	args[n++] = (char *)(uintptr_t)run->path;
	for (size_t i = 1; argv[i] && n < 63; i++)
		args[n++] = argv[i];
	args[n] = NULL;
	execve(segload_path(), args, test_environment);
	_exit(97);
}

/* ---- the parent ---- */

static char *take_all(int fd, size_t *size)
{
	off_t end = lseek(fd, 0, SEEK_END);
	char *text = calloc(1, (size_t)end + 1);

	*size = (size_t)pread(fd, text, (size_t)end, 0);
	close(fd);
	return text;
}

void run_program(struct outcome *outcome, const struct run *run)
{
	int out = memfd_create("out", 0), err = memfd_create("err", 0);
	int *exec_errno = mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	size_t size;

	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0)
		run_child(run, out, err, exec_errno);
	while (waitpid(pid, &outcome->status, 0) < 0 && errno == EINTR)
		;
	outcome->exec_errno = *exec_errno;
	munmap(exec_errno, sizeof(int));
	outcome->out = take_all(out, &outcome->out_size);
	outcome->err = take_all(err, &size);
}

void outcome_free(struct outcome *outcome)
{
	free(outcome->out);
	free(outcome->err);
}

const char *status_text(int status)
{
	static char text[2][32];
	static int turn;
	char *t = text[turn ^= 1];

	if (WIFSIGNALED(status))
		snprintf(t, sizeof(text[0]), "signal %d", WTERMSIG(status));
	else
		snprintf(t, sizeof(text[0]), "exit %d", WEXITSTATUS(status));
	return t;
}

static bool texts_equal(const char *what, const char *a, const char *b, char *why, size_t size)
{
	size_t same = 0, line = 0;

	if (strcmp(a, b) == 0)
		return true;
	for (; a[same] && a[same] == b[same]; same++)
		if (a[same] == '\n')
			line = same + 1;
	snprintf(why, size, "%s: execve '%.*s', segload '%.*s'", what,
		 (int)strcspn(a + line, "\n"), a + line, (int)strcspn(b + line, "\n"),
		 b + line);
	return false;
}

bool outcomes_equal(const struct outcome *a, const struct outcome *b, char *why, size_t size)
{
	/* whether there is a core file depends on limits and on the file system, not on us */
	if ((a->status & ~0x80) != (b->status & ~0x80)) {
		snprintf(why, size, "execve: %s, segload: %s; standard error '%.300s'",
			 status_text(a->status), status_text(b->status), b->err);
		return false;
	}
	return texts_equal("standard output", a->out, b->out, why, size) &&
	       texts_equal("standard error", a->err, b->err, why, size);
}

/* The first directory on the way to PATH that others may not pass, in PREFIX; false if none. */
static bool find_obstacle(const char *path, char prefix[4096])
{
	struct stat st;

	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(prefix, 4096, "%.*s", (int)(slash - path), path);
		if (stat(prefix, &st) == 0 && !(st.st_mode & S_IXOTH))
			return true;
	}
	return false;
}

static void make_directories(const char *path)
{
	char prefix[4096];

	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(prefix, sizeof(prefix), "%.*s", (int)(slash - path), path);
		mkdir(prefix, 0755);
	}
	mkdir(path, 0755);
}

/* What is mounted from now on must not be seen outside. In a chroot, whose root is no mount
 * point, that cannot be asked for, but it is so if nothing is shared to begin with. */
bool keep_mounts_private(void)
{
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0)
		return true;
	char *mounts = errno == EINVAL ? read_whole("/proc/1/mountinfo", NULL) : NULL;
	bool shared = !mounts || strstr(mounts, " shared:");

	free(mounts);
	return !shared;
}

/*
 * A build directory below root's home cannot be reached by nobody. Then this process, and what
 * it starts, gets a view of its own in which the directory that is in the way holds nothing but
 * the build directory, at the same path, and lets everybody pass.
 */
static void let_nobody_in(const char *build)
{
	char obstacle[4096], hold[] = "/tmp/segmap-test-XXXXXX";

	if (!find_obstacle(build, obstacle))
		return;
	if (!mkdtemp(hold) || unshare(CLONE_NEWNS) < 0 || !keep_mounts_private() ||
	    mount(build, hold, NULL, MS_BIND, NULL) < 0 ||
	    mount("segmap-test", obstacle, "tmpfs", 0, "mode=755") < 0) {
		fprintf(stderr, "%s: nobody cannot reach it: build in another place\n",
			obstacle);
		exit(99);
	}
	make_directories(build);
	if (mount(hold, build, NULL, MS_BIND, NULL) < 0 || umount2(hold, MNT_DETACH) < 0)
		exit(99);
	rmdir(hold);
}

size_t test_users(uid_t users[2])
{
	if (geteuid() == 0)
		let_nobody_in(from_environment("SEGMAP_BUILD"));
	users[0] = SAME_USER;
	users[1] = NOBODY;
	return geteuid() == 0 ? 2 : 1;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

size_t each_program(const char *prefix,
		    void (*visit)(const char *path, const char *name, void *data), void *data)
{
	DIR *dir = opendir(testdata_dir());
	char *names[1024];
	size_t count = 0, seen = 0;

	for (struct dirent *e; dir && (e = readdir(dir)) && count < 1024;)
		if (strncmp(e->d_name, prefix, strlen(prefix)) == 0 && e->d_type == DT_REG)
			names[count++] = strdup(e->d_name);
	if (dir)
		closedir(dir);
	qsort(names, count, sizeof(names[0]), by_name);
	for (size_t i = 0; i < count; i++) {
		char path[4096];

		snprintf(path, sizeof(path), "%s/%s", testdata_dir(), names[i]);
		if (access(path, X_OK) == 0) {
			visit(path, names[i], data);
			seen++;
		}
		free(names[i]);
	}
	return seen;
}

char *read_whole(const char *path, size_t *size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t used = 0, room = 65536;
	char *text = malloc(room);
	ssize_t n;

	if (fd < 0) {
		free(text);
		return NULL;
	}
	while ((n = read(fd, text + used, room - used - 1)) > 0) {
		used += (size_t)n;
		if (room - used < 4096)
			text = realloc(text, room *= 2);
	}
	close(fd);
	text[used] = '\0';
	if (size)
		*size = used;
	return text;
}

bool copy_file(const char *from, const char *to, mode_t mode)
{
	size_t size;
	char *bytes = read_whole(from, &size);
	int fd = bytes ? open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700) : -1;
	bool ok = fd >= 0 && write(fd, bytes, size) == (ssize_t)size && fchmod(fd, mode) == 0;

	if (fd >= 0)
		close(fd);
	free(bytes);
	return ok;
}

struct traces count_traces(void)
{
	struct traces t = {0};
	char *statm = read_whole("/proc/self/statm", NULL);
	char *maps = read_whole("/proc/self/maps", NULL);
	DIR *dir = opendir("/proc/self/fd");

	while (dir && readdir(dir))
		t.descriptors++;
	if (dir)
		closedir(dir);
	for (const char *p = maps; p && (p = strchr(p, '\n')); p++)
		t.mappings++;
	t.pages = statm ? strtoul(statm, NULL, 10) : 0;
	free(maps);
	free(statm);
	return t;
}

bool kernel_is_since(unsigned major, unsigned minor)
{
	unsigned here[2] = {0};
	struct utsname name;

	if (uname(&name) < 0 || sscanf(name.release, "%u.%u", &here[0], &here[1]) != 2)
		abort();
	return here[0] > major || (here[0] == major && here[1] >= minor);
}

bool vdso_clears_registers(void)
{
	static const unsigned char cleared[2][4] = {{0x0f, 0x05, 0x31},
						    {0x0f, 0x05, 0x45, 0x31}};
	const Elf64_Ehdr *vdso = (const Elf64_Ehdr *)getauxval(AT_SYSINFO_EHDR); // NOLINT
	size_t size = vdso ? vdso->e_shoff + (size_t)vdso->e_shnum * vdso->e_shentsize : 0;

	return memmem(vdso, size, cleared[0], 3) || memmem(vdso, size, cleared[1], 4);
}
