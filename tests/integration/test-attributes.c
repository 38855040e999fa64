/*
 * Every attribute of exec.md 3.1: set in a process, which then becomes a program in three ways;
 * the program says what it sees of itself, /proc says what is seen from outside, and by
 * segload and by segmap_execve it is what it is by execve.
 */
#include "attributes.h"

#include <criterion/criterion.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* libc's start in segload drops TMPDIR and the like under AT_SECURE. */
static char *const plain_environment[] = {(char[]){"LC_ALL=C"}, NULL};

/* ---- one row ---- */

struct task {
	const struct row *row;
	uid_t user;
};

static void prepare(const void *data)
{
	const struct task *task = data;
	uid_t u = task->user;

	/* what has changed its user owns its own files in /proc only if it is dumpable */
	if (u != SAME_USER)
		must(setgroups(0, NULL) == 0 && setgid(u) == 0 && setuid(u) == 0 &&
			     prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0,
		     "setuid");
	if (task->row->prepare)
		task->row->prepare(task->row->data);
}

static bool has_line(const char *text, const char *line)
{
	size_t length = strlen(line);

	for (const char *p = text; (p = strstr(p, line)); p += length)
		if (p == text || p[-1] == '\n')
			return true;
	return false;
}

static void forget_counts(char *outside)
{
	static const char *const lines[] = {"  Anonymous:"};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		for (char *p = outside; (p = strstr(p, lines[i])); p++)
			memset(p, '?', strcspn(p, "\n"));
}

static void check_seen(const struct row *row, enum way way, const struct sight *s)
{
	cr_expect_eq(s->status, 0, "%s, by %s: %s; it says '%s'", row->name, way_names[way],
		     status_text(s->status), s->said);
	for (size_t i = 0; i < sizeof(row->seen) / sizeof(row->seen[0]) && row->seen[i]; i++)
		cr_expect(has_line(s->inside, row->seen[i]) ||
				  has_line(s->outside, row->seen[i]),
			  "%s, by %s: '%.*s' is not to be seen in\n%s%s", row->name,
			  way_names[way], (int)strcspn(row->seen[i], "\n"), row->seen[i],
			  s->inside, s->outside);
}

static void compare(const struct row *row, enum way way, const struct sight *kernel,
		    const struct sight *ours, uid_t user)
{
	const char *inside = first_difference(kernel->inside, ours->inside);

	cr_expect_null(inside, "%s, by %s (user %d), inside: %s", row->name, way_names[way],
		       (int)user, inside);
	const char *outside = first_difference(kernel->outside, ours->outside);
	cr_expect_null(outside, "%s, by %s (user %d), outside: %s", row->name, way_names[way],
		       (int)user, outside);
}

void check_row_at(const struct row *row, const char *path, uid_t user)
{
	struct task task = {row, user};
	struct trial trial = {
		.path = path,
		.envp = row->aside ? plain_environment : NULL,
		.prepare = prepare,
		.data = &task,
		.aside = row->aside || user != SAME_USER,
	};
	struct sight sights[WAYS];

	for (enum way way = 0; way < WAYS; way++) {
		see(&sights[way], &trial, way);
		if (row->random)
			forget_counts(sights[way].outside);
		check_seen(row, way, &sights[way]);
		if (way > BY_KERNEL)
			compare(row, way, &sights[BY_KERNEL], &sights[way], user);
	}
	for (enum way way = 0; way < WAYS; way++)
		sight_free(&sights[way]);
}

void check_row(const struct row *row, uid_t user)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s",
		 testdata(row->program ? row->program : "show-attributes"));
	check_row_at(row, path, user);
}

static void check_rows(const struct row *rows, size_t count)
{
	uid_t users[2];
	size_t n = test_users(users);

	for (size_t u = 0; u < n; u++)
		for (size_t i = 0; i < count; i++)
			check_row(&rows[i], users[u]);
}

/* ---- the tests ---- */

Test(attributes, signals_and_timers, .timeout = 600)
{
	check_rows(signal_rows, signal_row_count);
}

Test(attributes, process, .timeout = 600)
{
	check_rows(process_rows, process_row_count);
}

Test(attributes, memory_and_registers, .timeout = 600)
{
	check_rows(memory_rows, memory_row_count);
}

Test(attributes, identity_and_capabilities_as_root, .timeout = 600)
{
	uid_t users[2];

	if (test_users(users) < 2)
		cr_skip_test("needs root: CAP_SETUID, CAP_SETGID, CAP_SETPCAP, CAP_SYS_ADMIN");
	for (size_t i = 0; i < root_row_count; i++)
		check_row(&root_rows[i], SAME_USER);
}
