/*
 * Many loads: one after another, and at once. The last one costs what the first one did,
 * counted in page faults, and nothing stays of any of them. SEGMAP_LONG and SEGMAP_WIDE say how
 * many; the figures are on standard error, which Criterion keeps for itself with --tap.
 */
#include "harness.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <inttypes.h>
#include <segmap/exec.h>
#include <segmap/tracee.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	WARM_UP = 20,  /* loads before anything is counted */
	TOLERANCE = 3, /* page faults: what the page cache does beside us */
};

static char directory[] = "/tmp/segmap-long-XXXXXX";
static char segload[4096], program[4096];

enum {
	GROWN_ONCE = 16, /* pages: heap or stack may reach further than they ever have, once */
};

static size_t number_from(const char *name, size_t otherwise)
{
	const char *value = getenv(name);

	return value ? strtoul(value, NULL, 10) : otherwise;
}

static void begin(void)
{
	cr_assert_not_null(mkdtemp(directory));
	cr_assert_eq(chdir(directory), 0);
	cr_assert_eq(setenv("TMPDIR", directory, 1), 0);
	/* else how many pages of the stack are touched is random */
	cr_assert(personality(ADDR_NO_RANDOMIZE) >= 0);
	count_traces(); /* malloc gets what that needs */
	snprintf(segload, sizeof(segload), "%s", segload_path());
	snprintf(program, sizeof(program), "%s/good-args-pie", testdata_dir());
}

/* No file, no process. */
static void end(void)
{
	cr_expect(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD, "a child is left");
	cr_expect_eq(rmdir(directory), 0, "%s: %s", directory, strerror(errno));
}

static void expect_same(const struct traces *before)
{
	const struct traces after = count_traces();

	cr_expect_eq(after.descriptors, before->descriptors, "%zu descriptors, then %zu",
		     before->descriptors, after.descriptors);
#ifndef __SANITIZE_ADDRESS__ /* whose malloc keeps what was freed */
	cr_expect_eq(after.mappings, before->mappings, "%zu mappings, then %zu",
		     before->mappings, after.mappings);
	cr_expect_leq(after.pages, before->pages + GROWN_ONCE, "%zu pages, then %zu",
		      before->pages, after.pages);
#endif
}

static uint64_t faults_of(const struct rusage *usage)
{
	return (uint64_t)(usage->ru_minflt + usage->ru_majflt);
}

/* ---- one after another ---- */

static _Noreturn void become_program(bool by_library)
{
	char *argv[] = {segload, program, NULL};
	struct segmap_error err;

	if (!freopen("/dev/null", "w", stdout))
		_exit(99);
	alarm(60);
	if (by_library)
		segmap_execve(program, argv + 1, test_environment, NULL, &err);
	else
		execve(segload, argv, test_environment);
	_exit(98);
}

/* Returns its page faults. */
static uint64_t load_once(bool by_library)
{
	struct rusage usage;
	int status;
	pid_t pid = fork();

	if (pid == 0)
		become_program(by_library);
	cr_assert(pid > 0 && wait4(pid, &status, 0, &usage) == pid, "%s", strerror(errno));
	cr_assert_eq(status, 0, "%s", status_text(status));
	return faults_of(&usage);
}

struct series {
	size_t count;
	uint64_t least, most;
	uint64_t early, late; /* in the first tenth, and in the last */
};

static void add(struct series *s, size_t i, size_t total, uint64_t faults)
{
	size_t tenth = total / 10 ? total / 10 : 1;

	s->count++;
	s->least = s->least && s->least < faults ? s->least : faults;
	s->most = s->most > faults ? s->most : faults;
	if (i < tenth)
		s->early += faults;
	if (i >= total - tenth)
		s->late += faults;
}

static void judge(const char *name, const struct series *s)
{
	double tenth = s->count / 10 ? (double)(s->count / 10) : 1;
	double early = (double)s->early / tenth, late = (double)s->late / tenth;
	double more = late > early ? late - early : early - late;

	fprintf(stderr,
		"# %s: %zu loads, page faults of each %" PRIu64 " to %" PRIu64
		", of the first tenth %.2f, of the last %.2f\n",
		name, s->count, s->least, s->most, early, late);
	cr_expect(more <= TOLERANCE, "%s: %.1f page faults at first, %.1f in the end", name,
		  early, late);
}

static void run_series(const char *name, bool by_library, size_t total)
{
	struct series s = {0};

	for (size_t i = 0; i < WARM_UP; i++)
		load_once(by_library);
	const struct traces before = count_traces();
	for (size_t i = 0; i < total; i++)
		add(&s, i, total, load_once(by_library));
	expect_same(&before);
	judge(name, &s);
}

Test(long_runs, one_after_another, .timeout = 36000)
{
	size_t total = number_from("SEGMAP_LONG", 200);

	begin();
	run_series("segload", false, total);
	run_series("library", true, total / 10 ? total / 10 : 1);
	end();
}

#ifndef SEGMAP_SANITIZED /* whose runtime has more address space than is left here */
/* ---- refused, in one process ---- */

static void refuse_once(size_t turn)
{
	static const char *const files[] = {"bad-incongruent", "bad-interp-missing",
					    "good-bss-1g-pie", "bad-script-6", "bad-text"};
	char path[4096], *argv[] = {path, NULL};
	struct segmap_error err;

	snprintf(path, sizeof(path), "%s/%s", testdata_dir(),
		 files[turn % (sizeof(files) / sizeof(files[0]))]);
	cr_assert_lt(segmap_execve(path, argv, test_environment, NULL, &err), 0, "%s", path);
}

Test(long_runs, refused_one_after_another, .timeout = 3600)
{
	const struct rlimit little = {UINT64_C(1) << 30, RLIM_INFINITY};
	size_t total = number_from("SEGMAP_LONG", 200);
	struct rusage first, middle, last;

	begin();
	cr_assert_eq(setrlimit(RLIMIT_AS, &little), 0); /* for the third of them */
	for (size_t i = 0; i < WARM_UP; i++)
		refuse_once(i);
	const struct traces before = count_traces();
	getrusage(RUSAGE_SELF, &first);
	for (size_t i = 0; i < total / 2; i++)
		refuse_once(i);
	getrusage(RUSAGE_SELF, &middle);
	for (size_t i = 0; i < total / 2; i++)
		refuse_once(i);
	getrusage(RUSAGE_SELF, &last);
	expect_same(&before);
	uint64_t early = faults_of(&middle) - faults_of(&first);
	uint64_t late = faults_of(&last) - faults_of(&middle);
	fprintf(stderr,
		"# refused: %zu loads, %" PRIu64 " page faults in one half, %" PRIu64
		" in the other\n",
		total, early, late);
	cr_expect_leq(late, early + early / 20 + TOLERANCE,
		      "%" PRIu64 " page faults, then %" PRIu64, early, late);
	end();
}
#endif

/* ---- at once ---- */

static void start_one(struct segmap_tracee *tracee, int null)
{
	char *argv[] = {program, NULL};
	const struct segmap_tracee_setup setup = {
		.path = program,
		.argv = argv,
		.envp = test_environment,
		.loader = segload,
		.no_aslr = true,
		.user = SAME_USER,
		.standard = {null, null, null},
	};

	cr_assert_eq(segmap_tracee_start(tracee, &setup), 0);
	cr_assert_not(tracee->ended, "%s", status_text(tracee->status));
}

/* COUNT of them are at their first instruction at the same time; then all go on to their end.
 * Returns their page faults. */
static uint64_t run_at_once(struct segmap_tracee *tracees, size_t count, int null)
{
	struct rusage before, after;

	getrusage(RUSAGE_CHILDREN, &before);
	for (size_t i = 0; i < count; i++)
		start_one(&tracees[i], null);
	for (size_t i = 0; i < count; i++)
		cr_expect_eq(kill(tracees[i].pid, 0), 0, "number %zu is not there", i);
	for (size_t i = 0; i < count; i++) {
		cr_expect_eq(segmap_tracee_finish(&tracees[i]), 0);
		cr_expect_eq(tracees[i].status, 0, "%s", status_text(tracees[i].status));
		segmap_tracee_destroy(&tracees[i]);
	}
	getrusage(RUSAGE_CHILDREN, &after);
	return faults_of(&after) - faults_of(&before);
}

Test(long_runs, at_once, .timeout = 3600)
{
	size_t count = number_from("SEGMAP_WIDE", 20);
	struct segmap_tracee *tracees = calloc(count, sizeof(*tracees));
	FILE *null = fopen("/dev/null", "r+e");

	cr_assert(tracees && null);
	begin();
	for (size_t i = 0; i < WARM_UP; i++)
		run_at_once(tracees, 1, fileno(null));
	const struct traces before = count_traces();
	double one = (double)run_at_once(tracees, 1, fileno(null));
	double each = (double)run_at_once(tracees, count, fileno(null)) / (double)count;

	expect_same(&before);
	fprintf(stderr, "# at once: %zu loads, page faults of one alone %.0f, of each %.2f\n",
		count, one, each);
	cr_expect(each <= one + TOLERANCE, "%.1f page faults each, %.0f alone", each, one);
	fclose(null);
	free(tracees);
	end();
}
