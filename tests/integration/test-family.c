/* Following a program's children: what is told of them, in order. */
#include "harness.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <segmap/family.h>
#include <segmap/process.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST = 16 };

static struct segmap_family *start(char *how)
{
	char *path = getenv("SEGMAP_FAMILY_VICTIM"), target[4096];
	char *argv[] = {path, how, target, NULL};
	const struct segmap_tracee_setup setup = {
		.path = path,
		.argv = argv,
		.envp = test_environment,
		.user = SAME_USER,
		.standard = {-1, -1, -1},
	};
	struct segmap_family *family = NULL;
	struct segmap_tracee tracee;

	cr_assert_not_null(path, "SEGMAP_FAMILY_VICTIM is not set: run by 'meson test'");
	snprintf(target, sizeof(target), "%s/good-end-42", testdata_dir());
	cr_assert_eq(segmap_tracee_start(&tracee, &setup), 0);
	cr_assert(!tracee.ended);
	cr_assert_eq(segmap_family_create(&family, &tracee), 0);
	segmap_tracee_destroy(&tracee); /* does nothing */
	return family;
}

/* Whose memory can be read while an event is looked at. */
static void expect_memory(const struct segmap_family_event *event, const char *how)
{
	struct segmap_process process;

	if (event->kind == SEGMAP_FAMILY_ENDED)
		return;
	cr_assert_eq(segmap_process_read(&process, event->thread), 0, "%s", how);
	cr_expect(process.regions.count > 3, "%s: %zu mappings", how, process.regions.count);
	segmap_process_free(&process);
}

/* "A" is the first process, "B" the one that it makes: +B born, ~B born by vfork, !B has
 * executed, -B about to end, B=status ended. */
static void write_event(char *text, size_t size, pid_t first,
			const struct segmap_family_event *event)
{
	char who = event->pid == first ? 'A' : 'B';
	size_t used = strlen(text);

	text += used;
	size -= used;
	switch (event->kind) {
	case SEGMAP_FAMILY_BORN:
		snprintf(text, size, "%c%c ", event->borrowed ? '~' : '+', who);
		break;
	case SEGMAP_FAMILY_EXECUTED:
		snprintf(text, size, "!%c ", who);
		break;
	case SEGMAP_FAMILY_ENDING:
		snprintf(text, size, "-%c ", who);
		break;
	case SEGMAP_FAMILY_ENDED:
		snprintf(text, size, "%c=%s ", who, status_text(event->status));
		break;
	}
}

static const struct {
	char how[12];
	/* each one possible: a child that is not waited for ends when it likes */
	const char *events[3];
} families[] = {
	{"fork", {"+B -B B=exit 7 -A A=exit 0 "}},
	{"vfork", {"~B !B -B B=exit 42 -A A=exit 0 "}},
	{"threads", {"+B -B B=exit 7 -A A=exit 0 "}},
	{"exec", {"!A -A A=exit 42 "}},
	{"orphan",
	 {"+B -A A=exit 0 -B B=exit 5 ", "+B -A -B A=exit 0 B=exit 5 ",
	  "+B -A -B B=exit 5 A=exit 0 "}},
	{"kill", {"+B B=signal 9 -A A=exit 0 ", "+B -B B=signal 9 -A A=exit 0 "}},
	{"stop", {"+B -B B=exit 3 -A A=exit 0 "}},
};

static void expect_events(char *how, const char *const events[3])
{
	struct segmap_family *family = start(how);
	struct segmap_family_event event;
	char text[512] = "";
	bool found = false;
	pid_t first = 0;
	int r;

	while ((r = segmap_family_next(family, &event)) > 0) {
		if (first == 0)
			first = event.kind == SEGMAP_FAMILY_BORN ? event.parent : event.pid;
		expect_memory(&event, how);
		write_event(text, sizeof(text), first, &event);
	}
	cr_expect_eq(r, 0, "%s: %s", how, strerror(-r));
	segmap_family_destroy(family);
	for (int i = 0; i < 3 && events[i]; i++)
		found |= strcmp(text, events[i]) == 0;
	cr_expect(found, "%s: '%s', not '%s'", how, text, events[0]);
	cr_expect(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD, "%s: a child is left",
		  how);
}

Test(family, events, .timeout = 600)
{
	for (int n = repetitions(3); n > 0; n--)
		for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
			char how[12];

			memcpy(how, families[i].how, sizeof(how));
			expect_events(how, families[i].events);
		}
}

/* ---- nothing is left behind ---- */

static void expect_gone(pid_t pid)
{
	char path[64], *stat;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	stat = read_whole(path, NULL);
	cr_expect(!stat || strstr(stat, ") Z ") || strstr(stat, ") X "), "%s", stat);
	free(stat);
}

Test(family, destroyed_with_all_its_members, .timeout = 600)
{
	pid_t pids[MOST], mine = fork();
	struct segmap_family_event event;
	size_t count = 0;

	if (mine == 0) /* an ended child of this process, which is not the family's */
		_exit(9);
	waitid(P_PID, (id_t)mine, &(siginfo_t){0}, WEXITED | WNOWAIT);
	struct segmap_family *family = start((char[]){"crowd"});
	while (count < 3 && segmap_family_next(family, &event) > 0) {
		cr_expect_eq(event.kind, SEGMAP_FAMILY_BORN);
		pids[count++] = event.pid;
	}
	pids[count++] = event.parent;
	segmap_family_destroy(family);
	for (size_t i = 0; i < count; i++)
		expect_gone(pids[i]);
	int status = 0;
	cr_expect_eq(waitpid(mine, &status, 0), mine);
	cr_expect_eq(status, 9 << 8);
	cr_expect(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD, "a child is left");
	segmap_family_destroy(NULL);
}
