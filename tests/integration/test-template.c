/*
 * Load once, start many: what the children of a template are, beside what they would be by
 * execve, and what becomes of all when one of them dies.
 */
#include "harness.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <segmap/template.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LIMIT = 600, TEXT = 65536 };

static char *const no_variables[] = {NULL};

/* Where the programs are tried, and which. */
static const char *const programs[] = {"start-static", "start-static-pie", "start-pie"};
static const char *const places[] = {NULL, "main"};

enum { PROGRAMS = 3, PLACES = 2 };

static int create(struct segmap_template **template, const char *program, const char *place,
		  struct segmap_template_error *err)
{
	char path[4096];
	char name[] = "template";
	char *argv[] = {name, NULL};

	snprintf(path, sizeof(path), "%s/%s", testdata_dir(), program);
	const struct segmap_template_setup setup = {
		.path = path,
		.argv = argv,
		.envp = no_variables,
		.loader = getenv("SEGMAP_SEGLOAD"),
		.symbol = place,
	};

	return segmap_template_create(template, &setup, err);
}

static struct segmap_template *must_create(const char *program, const char *place)
{
	struct segmap_template *template;
	struct segmap_template_error err = {0};
	char text[512];

	if (create(&template, program, place, &err) == 0)
		return template;
	segmap_template_describe(&err, text, sizeof(text));
	cr_assert(false, "%s at %s: %s", program, place ? place : "entry", text);
	return NULL;
}

static pid_t spawn(struct segmap_template *template, const struct segmap_template_start *start)
{
	struct segmap_template_error err = {0};
	char text[512];
	pid_t pid = 0;
	int r = segmap_template_spawn(template, start, &pid, &err);

	segmap_template_describe(&err, text, sizeof(text));
	cr_assert_eq(r, 0, "%s", text);
	return pid;
}

/* Starts it with WORDS behind argv[0], and waits. */
static int run_words(struct segmap_template *template, char *first, char *second)
{
	char name[] = "some/name";
	char *argv[] = {name, first, second, NULL};
	const struct segmap_template_start start = {
		.argv = argv, .envp = no_variables, .standard = {-1, -1, -1}};
	int status = -1;

	cr_assert_eq(segmap_template_wait(spawn(template, &start), false, &status), 1);
	return status;
}

/* What it writes to its standard output. */
static char *output(struct segmap_template *template, char *const *argv, char *const *envp,
		    const char *directory, pid_t *pid)
{
	int status, pipes[2];
	static char text[TEXT];
	size_t used = 0;
	ssize_t n;

	cr_assert_eq(pipe2(pipes, O_CLOEXEC), 0);
	const struct segmap_template_start start = {.argv = argv,
						    .envp = envp,
						    .standard = {-1, pipes[1], -1},
						    .directory = directory};
	*pid = spawn(template, &start);
	close(pipes[1]);
	while ((n = read(pipes[0], text + used, sizeof(text) - 1 - used)) > 0)
		used += (size_t)n;
	text[used] = '\0';
	close(pipes[0]);
	cr_assert_eq(segmap_template_wait(*pid, false, &status), 1);
	cr_expect_eq(status, 0, "%s", status_text(status));
	return text;
}

static void expect_line(const char *text, const char *line, const char *where)
{
	char whole[1024];

	snprintf(whole, sizeof(whole), "%s\n", line);
	cr_expect(strstr(text, whole), "%s: no line \"%s\" in:\n%s", where, line, text);
}

static void expect_own(const char *program, const char *place)
{
	char *argv[] = {(char[]){"a/hello"}, (char[]){"second"}, (char[]){""}, NULL};
	char *envp[] = {(char[]){"SEGMAP_WORD=x y"}, (char[]){"B=2"}, NULL};
	struct segmap_template *template = must_create(program, place);
	char line[128];
	pid_t pid;
	char *text = output(template, argv, envp, "/usr", &pid);

	expect_line(text, "arg a/hello\narg second\narg \nenv SEGMAP_WORD=x y\nenv B=2\nsame 1",
		    program);
	expect_line(text, "getenv x y", program);
	expect_line(text, "name a/hello hello", program);
	expect_line(text, "cwd /usr", program);
	expect_line(text, "cmdline a/hello|second||", program);
	expect_line(text, "environment SEGMAP_WORD=x y|B=2|", program);
	snprintf(line, sizeof(line), "pid %d tid %d owner %d relock 1", pid, pid, pid);
	expect_line(text, line, program);
	segmap_template_destroy(template);
}

Test(template, what_is_its_own, .timeout = LIMIT)
{
	for (int i = 0; i < PROGRAMS; i++)
		for (int j = 0; j < PLACES; j++)
			expect_own(programs[i], places[j]);
}

static void take_line(const char *text, const char *name, char out[64])
{
	const char *line = strstr(text, name);

	cr_assert_not_null(line, "no \"%s\" in:\n%s", name, text);
	snprintf(out, 64, "%.*s", (int)strcspn(line, "\n"), line);
}

Test(template, random_bytes_differ_at_entry, .timeout = LIMIT)
{
	char *argv[] = {(char[]){"x"}, NULL};

	for (int i = 0; i < PROGRAMS; i++) {
		struct segmap_template *template = must_create(programs[i], NULL);
		char random[2][64], vector[2][64];
		pid_t pid;

		for (int j = 0; j < 2; j++) {
			char *text = output(template, argv, no_variables, NULL, &pid);

			take_line(text, "random ", random[j]);
			take_line(text, "vector ", vector[j]);
		}
		cr_expect_neq(strcmp(random[0], random[1]), 0, "%s", random[0]);
		/* its interpreter has been mapped, libc has not: that is where it may be */
		if (i < 2)
			cr_expect_str_eq(vector[0], vector[1]);
		segmap_template_destroy(template);
	}
}

Test(template, no_descriptor_more, .timeout = LIMIT)
{
	char *argv[] = {(char[]){"x"}, NULL};
	struct segmap_template *template = must_create("start-static", "main");
	char expected[1024] = "descriptors";
	pid_t pid;

	for (int fd = 0; fd < 256; fd++) {
		int flags = fcntl(fd, F_GETFD);

		if (flags >= 0 && !(flags & FD_CLOEXEC))
			snprintf(expected + strlen(expected), 16, " %d", fd);
	}
	expect_line(output(template, argv, no_variables, NULL, &pid), expected, "main");
	segmap_template_destroy(template);
}

/* A file for 0, and one for 1 and 2; all of them are numbers that are to be taken themselves.
 */
Test(template, descriptors, .timeout = LIMIT)
{
	char *argv[] = {(char[]){"x"}, (char[]){"copy"}, NULL};

	for (int j = 0; j < PLACES; j++) {
		struct segmap_template *template = must_create("start-pie", places[j]);
		char text[16] = "";
		int in[2], out[2], status;

		cr_assert_eq(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC), 0);
		cr_assert_eq(write(in[1], "word", 4), 4);
		const struct segmap_template_start start = {
			.argv = argv,
			.envp = no_variables,
			.standard = {in[0], out[1], out[1]}};
		pid_t pid = spawn(template, &start);
		cr_assert_eq(segmap_template_wait(pid, false, &status), 1);
		cr_expect_eq(status, 0, "%s", status_text(status));
		cr_expect_eq(read(out[0], text, sizeof(text)), 8);
		cr_expect_str_eq(text, "wordword");
		for (int i = 0; i < 2; i++) {
			close(in[i]);
			close(out[i]);
		}
		segmap_template_destroy(template);
	}
}

Test(template, no_such_directory, .timeout = LIMIT)
{
	char *argv[] = {(char[]){"x"}, NULL};
	struct segmap_template *template = must_create("start-static", "main");
	const struct segmap_template_start start = {
		.argv = argv, .standard = {-1, -1, -1}, .directory = "/no/such"};
	struct segmap_template_error err;
	pid_t pid = 77;

	cr_expect_eq(segmap_template_spawn(template, &start, &pid, &err), -ENOENT);
	cr_expect_eq(pid, 77);
	cr_expect_eq(run_words(template, NULL, NULL), 0, "it still works");
	segmap_template_destroy(template);
}

Test(template, ends_and_signals, .timeout = LIMIT)
{
	for (int j = 0; j < PLACES; j++) {
		struct segmap_template *template = must_create("start-static-pie", places[j]);
		int status = run_words(template, (char[]){"exit"}, (char[]){"42"});

		cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 42);
		static const int signals[] = {SIGTERM, SIGINT, SIGKILL, SIGSEGV};
		for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
			char number[16];

			snprintf(number, sizeof(number), "%d", signals[i]);
			status = run_words(template, (char[]){"signal"}, number);
			cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == signals[i], "%s",
				  status_text(status));
		}
		cr_expect_eq(run_words(template, (char[]){"exit"}, NULL), 0,
			     "no child's death is the template's");
		segmap_template_destroy(template);
	}
}

static pid_t start_waiting(struct segmap_template *template)
{
	char *argv[] = {(char[]){"x"}, (char[]){"wait"}, NULL};
	const struct segmap_template_start start = {
		.argv = argv, .envp = no_variables, .standard = {-1, -1, -1}};

	return spawn(template, &start);
}

static void expect_death(struct segmap_template *template)
{
	char *argv[] = {(char[]){"x"}, NULL};
	const struct segmap_template_start start = {.argv = argv, .standard = {-1, -1, -1}};
	struct segmap_template_error err;
	char text[512];
	pid_t pid;

	for (int i = 0; i < 2; i++) {
		cr_expect_eq(segmap_template_spawn(template, &start, &pid, &err), -EPIPE);
		cr_expect_eq(err.problem, SEGMAP_TEMPLATE_DEAD);
		cr_expect(WIFSIGNALED(err.status) && WTERMSIG(err.status) == SIGKILL);
		segmap_template_describe(&err, text, sizeof(text));
		cr_expect(strstr(text, "signal 9"), "%s", text);
	}
}

/* It is heard by whoever polls, its children live on, and they are still this process's. */
Test(template, killed_template, .timeout = LIMIT)
{
	struct segmap_template *template = must_create("start-pie", "main");
	pid_t pid = start_waiting(template);
	struct pollfd poll_fd = {segmap_template_fd(template), POLLIN, 0};
	int status;

	cr_expect_eq(poll(&poll_fd, 1, 0), 0);
	kill(segmap_template_pid(template), SIGKILL);
	cr_expect_eq(poll(&poll_fd, 1, LIMIT * 1000), 1);
	expect_death(template);
	segmap_template_destroy(template);
	cr_expect_eq(segmap_template_wait(pid, true, &status), 0, "the child is alive");
	kill(pid, SIGTERM);
	cr_expect_eq(segmap_template_wait(pid, false, &status), 1);
	cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}

/* Many at once, waited for by one poll. */
Test(template, poll_loop, .timeout = LIMIT)
{
	enum { CHILDREN = 8 };
	struct segmap_template *template = must_create("start-static", NULL);
	struct pollfd fds[CHILDREN];
	pid_t pids[CHILDREN];
	int left = CHILDREN, status;

	for (int i = 0; i < CHILDREN; i++) {
		pids[i] = start_waiting(template);
		fds[i].fd = (int)syscall(SYS_pidfd_open, pids[i], 0);
		fds[i].events = POLLIN;
		cr_assert_geq(fds[i].fd, 0);
	}
	for (int i = 0; i < CHILDREN; i++)
		kill(pids[i], SIGTERM);
	while (left) {
		cr_assert_gt(poll(fds, CHILDREN, LIMIT * 1000), 0);
		for (int i = 0; i < CHILDREN; i++) {
			if (!(fds[i].revents & POLLIN))
				continue;
			cr_expect_eq(segmap_template_wait(pids[i], true, &status), 1);
			close(fds[i].fd);
			fds[i].fd = -1;
			left--;
		}
	}
	segmap_template_destroy(template);
}

static size_t open_descriptors(pid_t pid)
{
	char path[64];
	size_t count = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	DIR *directory = opendir(path);
	cr_assert_not_null(directory);
	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}

/* Of the file smaps_rollup, which counts pages. */
static size_t private_memory(pid_t pid)
{
	char path[64];
	size_t dirty = 0;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
	char *text = read_whole(path, NULL);
	char *found = text ? strstr(text, "\nAnonymous:") : NULL;
	cr_assert(found && sscanf(found, "\nAnonymous: %zu", &dirty) == 1);
	free(text);
	return dirty;
}

/* As many as SEGMAP_STARTS says; each with a descriptor and a long environment. */
Test(template, nothing_leaks, .timeout = 3600)
{
	const char *wanted = getenv("SEGMAP_STARTS");
	long starts = wanted ? strtol(wanted, NULL, 10) : 1000;
	char *argv[] = {(char[]){"x"}, (char[]){"exit"}, NULL};
	struct segmap_template *template = must_create("start-static", "main");
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), status;
	const struct segmap_template_start start = {
		.argv = argv, .standard = {null, null, -1}, .directory = "/"};
	pid_t pid = segmap_template_pid(template);
	size_t memory = 0, theirs = 0, ours = 0;

	for (long i = 0; i < starts; i++) {
		if (i == 10) {
			memory = private_memory(pid);
			theirs = open_descriptors(pid);
			ours = open_descriptors(getpid());
		}
		cr_assert_eq(segmap_template_wait(spawn(template, &start), false, &status), 1);
		cr_assert_eq(status, 0);
	}
	cr_expect_eq(private_memory(pid), memory, "KiB of the template");
	cr_expect_eq(open_descriptors(pid), theirs);
	cr_expect_eq(open_descriptors(getpid()), ours);
	segmap_template_destroy(template);
	cr_expect(waitpid(-1, &status, WNOHANG) < 0 && errno == ECHILD, "no zombie");
	close(null);
}

/* Longer than what the socket takes at once, and than what the buffer keeps. */
Test(template, long_arguments, .timeout = LIMIT)
{
	enum { LONG = 100000, COUNT = 10 };
	static char words[COUNT][LONG];
	char *argv[COUNT + 3] = {(char[]){"x"}, (char[]){"exit"}};

	for (int i = 0; i < COUNT; i++) {
		memset(words[i], 'a' + i, LONG - 1);
		argv[2 + i] = words[i];
	}
	for (int j = 0; j < PLACES; j++) {
		struct segmap_template *template = must_create("start-pie", places[j]);
		const struct segmap_template_start start = {
			.argv = argv, .envp = no_variables, .standard = {-1, -1, -1}};
		int status;

		cr_assert_eq(segmap_template_wait(spawn(template, &start), false, &status), 1);
		cr_expect_eq(status, 0, "%s", status_text(status));
		cr_expect_eq(run_words(template, (char[]){"exit"}, (char[]){"3"}), 3 << 8);
		segmap_template_destroy(template);
	}
}

Test(template, refusals, .timeout = LIMIT)
{
	struct segmap_template *template = NULL;
	struct segmap_template_error err;
	char text[512];

	cr_expect_eq(create(&template, "start-threads-pie", "main", &err), -EBUSY);
	cr_expect_eq(err.problem, SEGMAP_TEMPLATE_THREADS);
	segmap_template_describe(&err, text, sizeof(text));
	cr_expect(strstr(text, "2 threads") && strstr(text, "hint"), "%s", text);
	cr_expect_eq(create(&template, "start-static", "no_such_symbol", &err), -ENOENT);
	cr_expect_eq(err.problem, SEGMAP_TEMPLATE_NO_SYMBOL);
	cr_expect_lt(create(&template, "bad-magic", NULL, &err), 0);
	cr_expect_eq(err.problem, SEGMAP_TEMPLATE_REFUSED);
	cr_expect_null(template);
	cr_expect(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD, "nothing is left");
}

/* Threads that come later are no matter. */
Test(template, threads_after_entry, .timeout = LIMIT)
{
	struct segmap_template *template = must_create("start-threads-pie", NULL);

	cr_expect_eq(run_words(template, (char[]){"exit"}, (char[]){"5"}), 5 << 8);
	segmap_template_destroy(template);
}

/* At another place than main there are no arguments to be given. */
Test(template, at_a_symbol, .timeout = LIMIT)
{
	struct segmap_template *template = must_create("start-static", "show_ids");
	char *argv[] = {(char[]){"x"}, NULL};
	struct segmap_template_start start = {.argv = argv, .standard = {-1, -1, -1}};
	struct segmap_template_error err;
	pid_t pid;

	cr_expect_eq(segmap_template_spawn(template, &start, &pid, &err), -EINVAL);
	cr_expect_eq(err.problem, SEGMAP_TEMPLATE_ARGUMENTS);
	char *text = output(template, NULL, no_variables, NULL, &pid), line[128];
	snprintf(line, sizeof(line), "pid %d tid %d owner %d relock 1", pid, pid, pid);
	expect_line(text, line, "show_ids");
	segmap_template_destroy(template);
}
