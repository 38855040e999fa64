/*
 * A load where memory, descriptors, files or permissions are short: it ends as by execve, or is
 * refused in words. It never crashes and never hangs.
 */
#include "narrow.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct job {
	const struct narrow *row;
	uid_t user;
};

static void prepare(const void *data)
{
	const struct job *job = data;
	uid_t u = job->user;

	must(u == SAME_USER || (setresgid(u, u, u) == 0 && setresuid(u, u, u) == 0 &&
				prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0),
	     "setresuid");
	job->row->prepare(job->row->data);
}

/* Has execve, or the loader, given control to the program? */
static bool runs(const struct sight *s, enum way way)
{
	static const char *const words[WAYS] = {"execve: ", "segload: ", "segmap_execve: "};

	if (strstr(s->said, words[way]))
		return false;
	/* killed in execve: nothing is said at all */
	return !(way == BY_KERNEL && WIFSIGNALED(s->status) && !*s->inside);
}

static bool is_refusal(const struct sight *s)
{
	int code = WIFEXITED(s->status) ? WEXITSTATUS(s->status) : 0;

	return code >= 125 || code == 98; /* segload's, and the trial's for the library */
}

static void judge(const struct job *job, enum way way, const struct sight *kernel,
		  const struct sight *ours)
{
	const struct narrow *row = job->row;
	bool may_refuse = row->ours && strstr(ours->said, row->ours);
	char what[256];

	snprintf(what, sizeof(what), "%s%s, by %s", row->name,
		 job->user == SAME_USER ? "" : ", nobody", way_names[way]);
	cr_expect_null(strstr(ours->said, "cannot prepare"), "%s: %s", what, ours->said);
	if (!runs(ours, way)) {
		cr_expect(is_refusal(ours), "%s: %s: %s", what, status_text(ours->status),
			  ours->said);
		cr_expect(!runs(kernel, BY_KERNEL) || may_refuse, "%s: it says '%s'", what,
			  ours->said);
		return;
	}
	cr_expect(runs(kernel, BY_KERNEL) && (!row->ours || row->flags & PERHAPS),
		  "%s: it runs: %s; by execve %s", what, status_text(ours->status),
		  status_text(kernel->status));
	cr_expect_eq(ours->status & ~0x80, kernel->status & ~0x80, "%s: %s, by execve %s: %s",
		     what, status_text(ours->status), status_text(kernel->status), ours->said);
	cr_expect_str_eq(ours->inside, kernel->inside, "%s: '%s', by execve '%s'", what,
			 ours->inside, kernel->inside);
}

static void check(const struct narrow *row, uid_t user)
{
	const struct job job = {row, user};
	struct trial trial = {
		.path = row->program[0] == '/' ? row->program : testdata(row->program),
		.prepare = prepare,
		.data = &job,
		.from_fd = row->flags & FROM_FD,
		.aside = true,
	};
	struct sight kernel, ours;

	see(&kernel, &trial, BY_KERNEL);
	cr_expect_null(strstr(kernel.said, "cannot prepare"), "%s: %s", row->name, kernel.said);
	for (enum way way = BY_PROGRAM; way < WAYS; way++) {
		if (way == BY_PROGRAM && row->flags & (BY_LIBRARY_ONLY | FROM_FD))
			continue;
		see(&ours, &trial, way);
		judge(&job, way, &kernel, &ours);
		sight_free(&ours);
	}
	sight_free(&kernel);
}

Test(narrow, places, .timeout = 600)
{
	uid_t users[2];
	size_t n = test_users(users);

	for (size_t u = 0; u < n; u++)
		for (size_t i = 0; i < narrow_row_count; i++)
			check(&narrow_rows[i], users[u]);
	remove(NARROW_FIFO);
}

Test(narrow, places_that_root_makes, .timeout = 300)
{
	uid_t users[2];

	if (test_users(users) < 2)
		cr_skip_test("needs root: to mount, and to change the root directory");
	for (size_t i = 0; i < narrow_root_row_count; i++)
		check(&narrow_root_rows[i], SAME_USER);
}
