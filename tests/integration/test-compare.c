/* `segmap compare` as a user runs it: programs that are the same, and loaders that are not. */
#include "harness.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <segmap/compare.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 12 };

static const char *segmap_path(void)
{
	const char *path = getenv("SEGMAP_SEGMAP");

	cr_assert_not_null(path, "SEGMAP_SEGMAP is not set: run the tests by 'meson test'");
	return path;
}

/* segmap compare ARGS..., which NULL ends. */
static void compare(struct outcome *outcome, uid_t user, char *const *args)
{
	char *argv[MOST + 3] = {(char[]){"segmap"}, (char[]){"compare"}};
	struct run run = {.path = segmap_path(), .argv = argv, .user = user};

	for (size_t i = 0; args[i] && i < MOST; i++)
		argv[i + 2] = args[i];
	run_program(outcome, &run);
	cr_assert_eq(outcome->exec_errno, 0);
}

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), n = strlen(end);

	return length >= n && strcmp(text + length - n, end) == 0;
}

/* ---- programs that must be the same ---- */

struct tally {
	uid_t user;
	bool aslr;
	int bad;
	size_t expected; /* differences that were seen and explained */
};

static void expect_same(struct tally *t, char *const *program)
{
	char *args[MOST] = {t->aslr ? (char[]){"--aslr"} : (char[]){"--no-aslr"}};
	struct outcome o;

	for (size_t i = 0; program[i] && i < MOST - 2; i++)
		args[i + 1] = program[i];
	compare(&o, t->user, args);
	if (o.status != 0 || !ends_with(o.out, "unexpected: 0\n")) {
		t->bad++;
		cr_expect(false, "%s (%s, %s): %s\n%s%s", program[0],
			  t->user == SAME_USER ? "same user" : "nobody", args[0],
			  status_text(o.status), o.out, o.err);
	}
	const char *count = strstr(o.out, " compared, ");
	t->expected += count ? strtoul(count + strlen(" compared, "), NULL, 10) : 0;
	outcome_free(&o);
}

static void expect_program_same(const char *path, const char *name, void *data)
{
	char *program[] = {(char *)(uintptr_t)path, NULL};

	(void)name;
	expect_same(data, program);
}

static char *const real_programs[][4] = {
	{(char[]){"/bin/busybox"}, (char[]){"ls"}, (char[]){"/"}},
	{(char[]){"bash"}, (char[]){"-c"}, (char[]){"echo $PATH; kill -9 $$"}},
	{(char[]){"python3"}, (char[]){"-c"}, (char[]){"1"}},
	{(char[]){"gcc"}, (char[]){"--version"}},
	{(char[]){"cat"}, (char[]){"/etc/passwd"}},
	{(char[]){"cat"}, (char[]){"/nonexistent"}},
};

static void expect_all_same(bool aslr)
{
	uid_t users[2];
	size_t n = test_users(users);

	for (size_t i = 0; i < n; i++) {
		struct tally t = {.user = users[i], .aslr = aslr};
		size_t count = each_program("good-", expect_program_same, &t);

		for (size_t p = 0; p < sizeof(real_programs) / sizeof(real_programs[0]); p++)
			expect_same(&t, real_programs[p]);
		cr_expect(count >= 90, "only %zu programs were found", count);
		cr_expect_eq(t.bad, 0, "%d programs differ", t.bad);
		cr_expect(t.expected >= count, "nothing was looked at");
	}
}

Test(compare, programs_are_the_same, .timeout = 1200)
{
	expect_all_same(false);
}

Test(compare, programs_are_the_same_with_randomisation, .timeout = 1200)
{
	expect_all_same(true);
}

/* What the kernel refuses or kills, and what looks wrong but runs. */
Test(compare, verdicts_are_the_same, .timeout = 1200)
{
	uid_t users[2];
	size_t n = test_users(users);

	for (size_t i = 0; i < n; i++) {
		struct tally t = {.user = users[i]};

		each_program("bad-", expect_program_same, &t);
		each_program("odd-", expect_program_same, &t);
		each_program("unsupported-", expect_program_same, &t);
		cr_expect_eq(t.bad, 0, "%d programs differ", t.bad);
	}
}

/* ---- other loaders ---- */

Test(compare, dynamic_linker_as_a_loader, .timeout = 600)
{
	char *args[] = {(char[]){"--loader=/lib64/ld-linux-x86-64.so.2"}, (char[]){"/bin/cat"},
			NULL};
	struct outcome o;

	compare(&o, SAME_USER, args);
	cr_expect_eq(o.status, 1 << 8, "%s\n%s", status_text(o.status), o.err);
	cr_expect(strstr(o.out, "at the program's entry point"), "%s", o.out);
	cr_expect(strstr(o.out, "\nauxv AT_PHDR "), "%s", o.out);
	cr_expect(strstr(o.out, "\nmaps cat[0] "), "%s", o.out);
	cr_expect(strstr(o.out, "\nexe "), "%s", o.out);
	outcome_free(&o);
}

/* A loader that does not load, but ends as the program does. */
Test(compare, loader_without_the_entry_point, .timeout = 600)
{
	char *args[] = {(char[]){"--loader=env true"}, (char[]){"/bin/cat"}, NULL};
	struct outcome o;

	compare(&o, SAME_USER, args);
	cr_expect(strstr(o.out, "does not execute the program's entry point"), "%s", o.out);
	cr_expect(!strstr(o.out, "\nauxv"), "%s", o.out);
	outcome_free(&o);
}

/* One that executes another is followed: env(1) calls execve itself. */
Test(compare, loader_that_executes, .timeout = 600)
{
	char *args[] = {(char[]){"--loader=env EXTRA=1"}, (char[]){"/bin/cat"}, NULL};
	struct outcome o;

	compare(&o, SAME_USER, args);
	cr_expect_eq(o.status, 1 << 8);
	cr_expect(strstr(o.out, "\nenviron EXTRA "), "%s%s", o.out, o.err);
	cr_expect(!strstr(o.out, "\nexe "), "%s", o.out);
	outcome_free(&o);
}

/* ---- limits and mistakes ---- */

/* Whether there is a "sleep ARGUMENT"; what has it among its own arguments does not count. */
static bool is_asleep(const char *argument)
{
	DIR *dir = opendir("/proc");
	char path[300];
	bool found = false;

	for (struct dirent *e; !found && (e = readdir(dir));) {
		snprintf(path, sizeof(path), "/proc/%s/cmdline", e->d_name);
		size_t size = 0;
		char *text = atoi(e->d_name) > 0 ? read_whole(path, &size) : NULL;

		found = text && size > 6 && strcmp(text, "sleep") == 0 &&
			strcmp(text + 6, argument) == 0;
		free(text);
	}
	closedir(dir);
	return found;
}

/* What has been killed needs a moment to be gone; for ever is a failure by time. */
static void expect_no_sleeper(const char *argument)
{
	const struct timespec moment = {0, 10000000};

	while (is_asleep(argument))
		nanosleep(&moment, NULL);
}

Test(compare, time_limit, .timeout = 600)
{
	char *args[] = {(char[]){"--timeout=5"}, (char[]){"sh"}, (char[]){"-c"},
			(char[]){"sleep 7654321 & wait"}, NULL};
	struct outcome o;

	compare(&o, SAME_USER, args);
	cr_expect_eq(o.status, 0, "%s\n%s", o.out, o.err);
	cr_expect(strstr(o.err, "still running after 5 s, killed"), "%s", o.err);
	expect_no_sleeper("7654321");
	outcome_free(&o);
}

Test(compare, interrupted, .timeout = 600)
{
	const struct timespec moment = {0, 10000000};
	int status;

	pid_t pid = fork();
	if (pid == 0) {
		execl(segmap_path(), "segmap", "compare", "sleep", "8765432", NULL);
		_exit(99);
	}
	while (!is_asleep("8765432"))
		nanosleep(&moment, NULL);
	nanosleep(&moment, NULL);
	kill(pid, SIGTERM);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM, "%s",
		  status_text(status));
	expect_no_sleeper("8765432");
}

Test(compare, called_wrongly, .timeout = 600)
{
	char *const calls[][3] = {
		{NULL},
		{(char[]){"--timeout=0"}, (char[]){"true"}},
		{(char[]){"--timeout=x"}, (char[]){"true"}},
		{(char[]){"--no-such-option"}, (char[]){"true"}},
		{(char[]){"--loader= "}, (char[]){"true"}},
		{(char[]){"--loader=no-such-loader"}, (char[]){"true"}},
		{(char[]){"--loader=/etc/passwd"}, (char[]){"true"}},
		{(char[]){"no-such-program"}},
	};
	struct outcome o;

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		compare(&o, SAME_USER, calls[i]);
		cr_expect_eq(o.status, 125 << 8, "%zu: %s", i, status_text(o.status));
		cr_expect(strncmp(o.err, "segmap", 6) == 0, "%zu: %s", i, o.err);
		cr_expect_str_eq(o.out, "", "%zu: %s", i, o.out);
		outcome_free(&o);
	}
}

/* ---- what is printed ---- */

static void expect_valid(char *const *args)
{
	static char code[] = "import json, sys, jsonschema\n"
			     "jsonschema.validate(json.loads(sys.argv[1]), "
			     "json.load(open(sys.argv[2])))\n";
	const char *docs = getenv("SEGMAP_DOCS");
	char schema[4096];
	struct outcome json, o;

	cr_assert_not_null(docs, "SEGMAP_DOCS is not set");
	snprintf(schema, sizeof(schema), "%s/schemas/compare.schema.json", docs);
	compare(&json, SAME_USER, args);
	char *argv[] = {(char[]){"python3"}, (char[]){"-c"}, code, json.out, schema, NULL};
	struct run run = {.path = "/usr/bin/python3", .argv = argv, .user = SAME_USER};
	run_program(&o, &run);
	cr_expect_eq(o.status, 0, "%s: %s", args[1], o.err);
	outcome_free(&o);
	outcome_free(&json);
}

Test(compare, json_as_its_schema_says, .timeout = 600)
{
	char *const calls[][5] = {
		{(char[]){"-J"}, (char[]){"/bin/cat"}, (char[]){"\xff"}},
		{(char[]){"-Jv"}, (char[]){"--aslr"}, (char[]){"/bin/true"}},
		{(char[]){"-J"}, (char[]){"--loader=echo"}, (char[]){"/bin/true"}},
		{(char[]){"-J"}, (char[]){"/etc/passwd"}},
		{(char[]){"-J"}, (char[]){"--timeout=5"}, (char[]){"sleep"}, (char[]){"60"}},
	};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		expect_valid(calls[i]);
}

/* Each option of --help is in the manual page. */
Test(compare, options_are_in_the_manual, .timeout = 600)
{
	char *args[] = {(char[]){"--help"}, NULL}, path[4096], option[64];
	struct outcome o;
	int seen = 0;

	snprintf(path, sizeof(path), "%s/segmap-compare.1.scd", getenv("SEGMAP_DOCS"));
	char *page = read_whole(path, NULL);
	cr_assert_not_null(page, "%s", path);
	compare(&o, SAME_USER, args);
	for (const char *p = strstr(o.out, "\nOptions:"); (p = strstr(p, " --")); p += 3) {
		size_t length = strspn(p + 3, "abcdefghijklmnopqrstuvwxyz-");

		snprintf(option, sizeof(option), "*--%.*s*", (int)length, p + 3);
		cr_expect(strstr(page, option), "%s", option);
		seen++;
	}
	cr_expect(seen >= 9, "%d options", seen);
	outcome_free(&o);
	free(page);
}
