/* Programs that were not made for us. Each line by execve and by segload. */
#include "harness.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct line {
	const char *name;
	const char *argv[8];
	int status;      /* what is expected, whoever loads it, as wait(2) gives it */
	const char *out; /* how its output begins, or NULL */
};

static const struct line lines[] = {
	{"busybox arguments",
	 {"/bin/busybox", "sh", "-c", "echo $0 $#; exit 3", "x", "y"},
	 3 << 8,
	 "x 1\n"},
	{"busybox dies", {"/bin/busybox", "sh", "-c", "kill -SEGV $$"}, SIGSEGV, NULL},
	{"busybox applets", {"/bin/busybox", "sh", "-c", "echo abc | tr a-c x-z"}, 0, "xyz\n"},
	{"bash-static",
	 {"/bin/bash-static", "-c", "for i in 1 2 3; do echo $i; done | tac"},
	 0,
	 "3\n2\n1\n"},
	{"bash pipes",
	 {"/bin/bash", "-c", "printf 'b\\na\\n' | sort | cat -n; exit 7"},
	 7 << 8,
	 NULL},
	{"bash jobs",
	 {"/bin/bash", "-c", "set -m; (exit 4) & wait $!; echo $?; sleep 0.01 & fg; jobs"},
	 0,
	 "4\nsleep 0.01\n"},
	{"bash signals",
	 {"/bin/bash", "-c", "trap 'echo got' USR1; kill -USR1 $$; ulimit -s"},
	 0,
	 "got\n"},
	{"cat", {"/bin/cat", "/etc/debian_version"}, 0, NULL},
	{"cat fails", {"/bin/cat", "/nonexistent"}, 1 << 8, NULL},
	{"ls", {"/bin/ls", "-la", "/etc"}, 0, NULL},
	{"python",
	 {"/usr/bin/python3", "-c", "import ctypes,threading,ssl; print(1)"},
	 0,
	 "1\n"},
	{"python threads",
	 {"/usr/bin/python3", "-c",
	  "import threading as t\nr=[]\n"
	  "w=[t.Thread(target=r.append,args=(i,)) for i in range(20)]\n"
	  "[x.start() for x in w]; [x.join() for x in w]; print(sum(r))"},
	 0,
	 "190\n"},
	{"python children",
	 {"/usr/bin/python3", "-c",
	  "import subprocess as s; print(s.check_output(['/bin/echo','x']))"},
	 0,
	 "b'x\\n'\n"},
};

static void compare_line(const struct line *line, uid_t user, bool no_aslr)
{
	struct run run = {.path = line->argv[0], .user = user, .no_aslr = no_aslr};
	char *argv[8];
	struct outcome kernel, ours;
	char why[1024];

	for (size_t i = 0; i < 8; i++)
		argv[i] = (char *)(uintptr_t)line->argv[i];
	run.argv = argv;
	run_program(&kernel, &run);
	run.loader = BY_SEGLOAD;
	run_program(&ours, &run);
	cr_expect_eq(kernel.status & ~0x80, line->status, "%s: execve: %s", line->name,
		     status_text(kernel.status));
	if (line->out)
		cr_expect(strncmp(ours.out, line->out, strlen(line->out)) == 0,
			  "%s: segload: '%s'", line->name, ours.out);
	cr_expect(outcomes_equal(&kernel, &ours, why, sizeof(why)), "%s: %s", line->name, why);
	outcome_free(&kernel);
	outcome_free(&ours);
}

/* docs/kernel-differences.md: without CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE /proc/self/exe
 * remains segload, and a program that executes it gets segload. */
static bool may_set_exe(uid_t user)
{
	return geteuid() == 0 && user == SAME_USER;
}

Test(real, lines, .timeout = 600)
{
	uid_t users[2];
	size_t n = test_users(users);

	for (size_t u = 0; u < n; u++)
		for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
			for (int no_aslr = 0; no_aslr < 2; no_aslr++)
				if (strcmp(lines[i].name, "busybox applets") ||
				    may_set_exe(users[u]))
					compare_line(&lines[i], users[u], no_aslr);
}

Test(real, gcc_compiles_and_links, .timeout = 600)
{
	char dir[] = "/tmp/segmap-test-XXXXXX", source[64], program[64];
	struct outcome o;

	cr_assert(mkdtemp(dir));
	snprintf(source, sizeof(source), "%s/hello.c", dir);
	snprintf(program, sizeof(program), "%s/hello", dir);
	FILE *file = fopen(source, "w");
	fputs("#include <stdio.h>\nint main(void) { return puts(\"hello\") < 0; }\n", file);
	fclose(file);
	char *argv[] = {(char[]){"gcc"}, (char[]){"-o"}, program, source, NULL};
	const struct run compile = {
		.path = "/usr/bin/gcc", .argv = argv, .loader = BY_SEGLOAD, .user = SAME_USER};
	run_program(&o, &compile);
	cr_expect_eq(o.status, 0, "%s: %s", status_text(o.status), o.err);
	outcome_free(&o);
	const struct run hello = {.path = program, .loader = BY_SEGLOAD, .user = SAME_USER};
	run_program(&o, &hello);
	cr_expect_str_eq(o.out, "hello\n");
	outcome_free(&o);
	unlink(source);
	unlink(program);
	rmdir(dir);
}

struct terminal {
	int fd;
	char seen[8192];
	size_t used;
};

/* Reads until TEXT has been seen COUNT times; false if the other end closes before. */
static bool read_until(struct terminal *t, const char *text, int count)
{
	for (;;) {
		int found = 0;

		for (const char *p = t->seen; (p = strstr(p, text)); p++)
			found++;
		if (found >= count)
			return true;
		struct pollfd wait = {.fd = t->fd, .events = POLLIN};
		if (poll(&wait, 1, 300000) <= 0)
			return false;
		ssize_t n = read(t->fd, t->seen + t->used, sizeof(t->seen) - 1 - t->used);
		if (n <= 0)
			return false;
		t->used += (size_t)n;
		t->seen[t->used] = '\0';
	}
}

static void type(struct terminal *t, const char *text)
{
	cr_expect_eq(write(t->fd, text, strlen(text)), (ssize_t)strlen(text));
}

/* Is the program NAME what has the terminal? Before that, the shell's child still ignores the
 * keyboard's signals, as the shell does. */
static bool in_front(int terminal, const char *name)
{
	char path[64], *comm;

	snprintf(path, sizeof(path), "/proc/%d/comm", tcgetpgrp(terminal));
	comm = read_whole(path, NULL);
	bool same = comm && strncmp(comm, name, strlen(name)) == 0;
	free(comm);
	return same;
}

/* An interactive shell: a job is stopped from the keyboard, listed, continued and ended. */
Test(real, bash_job_control_on_a_terminal, .timeout = 600)
{
	struct terminal t = {0};
	int status;
	pid_t pid = forkpty(&t.fd, NULL, NULL, NULL);

	if (pid == 0) {
		setenv("PS1", "ready> ", 1);
		execl(segload_path(), "segload", "/bin/bash", "--norc", "--noprofile", "-i",
		      NULL);
		_exit(97);
	}
	cr_expect(read_until(&t, "ready> ", 1));
	type(&t, "sleep 1000\n");
	while (!in_front(t.fd, "sleep"))
		sched_yield();
	type(&t, "\032");
	cr_expect(read_until(&t, "Stopped", 1), "seen: %s", t.seen);
	cr_expect(read_until(&t, "ready> ", 2), "seen: %s", t.seen);
	type(&t, "bg; kill %1; wait %1; echo end''mark $?; exit 5\n");
	cr_expect(read_until(&t, "endmark 143", 1), "seen: %s", t.seen);
	while (read_until(&t, "never", 1))
		;
	cr_expect_eq(waitpid(pid, &status, 0), pid);
	cr_expect_eq(status, 5 << 8, "%s, seen: %s", status_text(status), t.seen);
}
