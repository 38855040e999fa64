/*
 * The verdict on every crafted file of testdata/bad.table: what execve says, segload says. The
 * kernel is asked in the same run; the table's own column is what it said when the row was
 * made, and must still hold where its conditions do.
 */
#include "harness.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <segmap/plan.h>
#include <segmap/tracee.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum verdict {
	RUNS,
	FAILS, /* with an errno */
	DIES,  /* inside execve */
};

static const char *const verdict_names[] = {"run", "errno", "die"};

enum column {
	NAME,
	BASE,
	EDITS,
	VERDICT,
	END,
	WHEN,
	ROWS,
	REASON,
	COLUMNS,
};

struct tally {
	uid_t user;
	int bad, count[3];
};

static void to_testdata(void *data)
{
	(void)data;
	if (chdir(testdata_dir()) < 0)
		_exit(99);
}

static enum verdict ask_kernel(const char *path, uid_t user, int *error)
{
	char *argv[] = {(char *)(uintptr_t)path, NULL};
	struct segmap_tracee_setup setup = {
		.path = path,
		.argv = argv,
		.envp = test_environment,
		.no_aslr = true,
		.user = user,
		.standard = {-1, -1, -1},
		.prepare = to_testdata,
	};
	struct segmap_tracee t;

	cr_assert_eq(segmap_tracee_start(&t, &setup), 0);
	enum verdict v = !t.ended ? RUNS : t.exec_errno ? FAILS : DIES;
	*error = t.exec_errno;
	segmap_tracee_destroy(&t);
	return v;
}

/* What is wrong with segload's refusal, or NULL. */
static const char *judge_refusal(const struct outcome *ours, enum verdict kernel, int error)
{
	int status = WIFEXITED(ours->status) ? WEXITSTATUS(ours->status) : -1;
	char name[64];

	if (ours->out_size)
		return "something of the program has run";
	if (status != (error == ENOENT ? 127 : 126))
		return "segload ends with the wrong status";
	if (strncmp(ours->err, "segload: ", 9) != 0)
		return "no message of segload";
	if (kernel == DIES)
		return strstr(ours->err, "the process is killed with SIGSEGV")
			       ? NULL
			       : "segload does not say that execve kills";
	snprintf(name, sizeof(name), "execve(2): fails with %s ", strerrorname_np(error));
	return strstr(ours->err, name) ? NULL : "segload names another errno";
}

static const char *judge(const char *path, uid_t user, struct outcome *ours,
			 enum verdict *kernel)
{
	static char why[1024];
	struct run run = {.path = path, .user = user, .no_aslr = true, .cwd = testdata_dir()};
	struct outcome theirs;
	int error;

	*kernel = ask_kernel(path, user, &error);
	run.loader = BY_SEGLOAD;
	run_program(ours, &run);
	if (*kernel != RUNS)
		return judge_refusal(ours, *kernel, error);
	run.loader = BY_EXECVE;
	run_program(&theirs, &run);
	bool same = outcomes_equal(&theirs, ours, why, sizeof(why));
	outcome_free(&theirs);
	return same ? NULL : why;
}

/* Is this kernel as new as "linuxX.Y" of a row's conditions says? */
static bool new_enough(const char *when)
{
	const char *wanted = strstr(when, "linux");
	unsigned major, minor;

	if (!wanted)
		return true;
	cr_assert_eq(sscanf(wanted, "linux%u.%u", &major, &minor), 2, "'%s'", when);
	return kernel_is_since(major, minor);
}

/* May a user map the second page? Debian's kernels give nothing below 64 KiB. */
static bool may_map_low(void)
{
	char *text = read_whole("/proc/sys/vm/mmap_min_addr", NULL);
	bool low = text && strtoul(text, NULL, 10) <= (unsigned long)sysconf(_SC_PAGESIZE);

	free(text);
	return low;
}

/* Does user memory end where the table's `task-size` is, with a page of 4 KiB, for which the
 * rows' distances from it are? A CPU may have more bits of address. */
static bool is_narrow(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct segmap_rules here;

	segmap_rules_native(&here, page);
	if (page != 4096)
		return false;
	void *p = mmap((void *)here.task_size, page, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (p != MAP_FAILED)
		munmap(p, page);
	return p == MAP_FAILED;
}

/* Do the conditions of a row hold here? Those of every run of this test always do. */
static bool applies(const char *when, uid_t user)
{
	bool root = geteuid() == 0 && user == SAME_USER;

	return new_enough(when) && !(strstr(when, "root") && !root) &&
	       !(strstr(when, "user") && root) &&
	       !(strstr(when, "lowpage") && !root && !may_map_low()) &&
	       !(strstr(when, "narrow") && !is_narrow());
}

static void check_row(char *column[COLUMNS], struct tally *t)
{
	char path[4096];
	struct outcome ours;
	enum verdict kernel;

	snprintf(path, sizeof(path), "%s/%s", testdata_dir(), column[NAME]);
	const char *wrong = judge(path, t->user, &ours, &kernel);
	if (!wrong && applies(column[WHEN], t->user) &&
	    strncmp(column[VERDICT], verdict_names[kernel], 3) != 0)
		wrong = "execve's verdict is not the table's";
	if (wrong) {
		t->bad++;
		cr_log_error("%s (%s: %s): execve: %s; %s; segload: %s '%.500s'", column[NAME],
			     column[ROWS], column[REASON], verdict_names[kernel], wrong,
			     status_text(ours.status), ours.err);
	}
	t->count[kernel]++;
	outcome_free(&ours);
}

/* Cuts LINE at its bars; blanks around a column do not count. */
static bool cut_columns(char *line, char *column[COLUMNS])
{
	int n = 0;

	for (char *rest = line, *c; n < COLUMNS && (c = strsep(&rest, "|")); n++) {
		c += strspn(c, " \t");
		for (char *end = c + strlen(c); end > c && strchr(" \t\n", end[-1]);)
			*--end = '\0';
		column[n] = c;
	}
	return n == COLUMNS && column[NAME][0] != '#';
}

static void check_table(struct tally *t)
{
	char *text = read_whole(getenv("SEGMAP_TABLE"), NULL);
	char *column[COLUMNS], *rest = text;

	cr_assert_not_null(text, "SEGMAP_TABLE is not readable");
	for (char *line; (line = strsep(&rest, "\n"));)
		if (cut_columns(line, column) && strcmp(column[VERDICT], "aid") != 0)
			check_row(column, t);
	free(text);
}

Test(verdicts, every_row, .timeout = 3000)
{
	uid_t users[2];
	size_t n = test_users(users);

	for (size_t i = 0; i < n; i++) {
		struct tally t = {.user = users[i]};

		check_table(&t);
		cr_log_info("%d run, %d fail, %d die", t.count[RUNS], t.count[FAILS],
			    t.count[DIES]);
		cr_expect_eq(t.bad, 0, "%d rows are treated otherwise", t.bad);
		cr_expect(t.count[RUNS] >= 100 && t.count[FAILS] >= 50 && t.count[DIES] >= 25,
			  "%d run, %d fail, %d die", t.count[RUNS], t.count[FAILS],
			  t.count[DIES]);
	}
}

static void check_unsupported(const char *path, const char *name, void *data)
{
	struct run run = {.path = path, .loader = BY_SEGLOAD, .user = SAME_USER};
	struct outcome ours;

	(void)data;
	run_program(&ours, &run);
	cr_expect_eq(ours.status, 126 << 8, "%s: %s", name, status_text(ours.status));
	cr_expect(strstr(ours.err, ": unsupported: ") &&
			  strstr(ours.err, "execve(2): would run it"),
		  "%s: '%s'", name, ours.err);
	outcome_free(&ours);
}

/* What the kernel can do and a 64-bit process cannot is refused in those words. */
Test(verdicts, unsupported, .timeout = 600)
{
	cr_expect(each_program("unsupported-", check_unsupported, NULL) > 0);
}
