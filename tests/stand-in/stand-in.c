/* SPDX-License-Identifier: MIT */
/* Runs the tests of a program one after the other, each in a process of its own. */
#include <criterion/criterion.h>

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	TIMEOUT = 15, /* seconds, where a test says nothing of it */
	FAILED = 1,
	SKIPPED = 77,
};

static struct stand_in_test *tests;
static bool failed;
static FILE *results;

/* In the order in which they are written. */
void stand_in_add(struct stand_in_test *test)
{
	struct stand_in_test **end = &tests;

	while (*end)
		end = &(*end)->next;
	*end = test;
}

/* With `#` before each line. */
static void print_comment(const char *format, va_list arguments)
{
	char *text;

	if (vasprintf(&text, format, arguments) < 0)
		return;
	for (char *line = text, *end; *line; line = end) {
		end = line + strcspn(line, "\n");
		fprintf(results, "# %.*s\n", (int)(end - line), line);
		end += *end == '\n';
	}
	fflush(results);
	free(text);
}

void stand_in_log(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print_comment(format, arguments);
	va_end(arguments);
}

void stand_in_failed(const char *file, int line, const char *what)
{
	failed = true;
	stand_in_log("%s:%d: wanted: %s", file, line, what);
}

_Noreturn void stand_in_abort(void)
{
	_exit(FAILED);
}

_Noreturn void stand_in_skip(void)
{
	_exit(SKIPPED);
}

static _Noreturn void run(const struct stand_in_test *test)
{
	setpgid(0, 0);
	if (test->init)
		test->init();
	test->run();
	if (test->fini)
		test->fini();
	fflush(NULL);
	_exit(failed ? FAILED : 0);
}

static pid_t running;

static void end_test(int signal)
{
	(void)signal;
	kill(-running, SIGKILL);
}

static int wait_for_test(pid_t pid, double seconds)
{
	int status = 0;

	running = pid;
	signal(SIGALRM, end_test);
	alarm(seconds > 0 ? (unsigned)seconds + 1 : TIMEOUT);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	alarm(0);
	kill(-pid, SIGKILL); /* what a test has left behind */
	return status;
}

static bool run_test(const struct stand_in_test *test, unsigned number)
{
	fflush(NULL);
	pid_t pid = fork();

	if (pid == 0)
		run(test);
	if (pid < 0)
		abort();
	setpgid(pid, pid);
	int status = wait_for_test(pid, test->timeout);
	bool skipped = WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED;
	bool good = skipped || (WIFEXITED(status) && WEXITSTATUS(status) == 0);

	if (WIFSIGNALED(status))
		stand_in_log("%s::%s: signal %d", test->suite, test->name, WTERMSIG(status));
	fprintf(results, "%sok %u - %s::%s%s\n", good ? "" : "not ", number, test->suite,
		test->name, skipped ? " # SKIP" : "");
	fflush(results);
	return good;
}

/* Of Criterion's options --tap and -j1 are what is done anyway. */
int main(int argc, char **argv)
{
	static const char to[] = "--output=tap:";
	unsigned count = 0, bad = 0;

	results = stdout;
	for (int i = 1; i < argc; i++)
		if (strncmp(argv[i], to, strlen(to)) == 0)
			results = fopen(argv[i] + strlen(to), "we");
	if (!results)
		return 1;
	for (const struct stand_in_test *t = tests; t; t = t->next)
		if (!t->disabled)
			bad += !run_test(t, ++count);
	fprintf(results, "1..%u\n", count);
	fflush(results);
	return bad > 0;
}
