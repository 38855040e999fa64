/*
 * failing-calls --write|--check|--try DOCUMENT SEGLOAD CALLER TESTDATA [LOAD...]
 *
 * A test (TAP) that makes each call of several loads fail, and the maker of the document about
 * it; --try asks neither for the document nor what unknown calls can answer. With
 * SEGMAP_REPEAT=1 in the environment only the first of each call's errnos is tried, and what a
 * filter answers.
 */
#include "failing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BAD_MAX = 20, MALLOCS_MAX = 1000, MALLOCS_TRIED = 40, RUNS = 20 };

static char *segload, *caller;
static struct rows rows;
static int tests, failures;
static bool strict = true;
static bool few;     /* errnos of each call */
static char **names; /* of the loads that are tried; none: all */

static bool is_wanted(const char *name)
{
	for (char **n = names; *n; n++)
		if (strcmp(*n, name) == 0)
			return true;
	return !names[0];
}

static void report(bool good, const char *name, const char *what)
{
	printf("%sok %d - %s%s%s\n", good ? "" : "not ", ++tests, name, what[0] ? ": " : "",
	       what);
	fflush(stdout);
	failures += !good;
}

static char *path_of(const char *testdata, const char *name)
{
	char *path;

	if (asprintf(&path, "%s/%s", testdata, name) < 0)
		abort();
	return path;
}

/* One call of LOAD with one errno. */
static bool try_failure(const struct load *load, const struct reference *r, size_t index,
			int errnum)
{
	struct segmap_observation end;
	char outcome[OUTCOME];
	enum phase phase = r->phases[index];
	const char *call = call_name(r->numbers[index]);

	if (load_with_failure(&end, load, r, index, errnum) < 0)
		return false;
	bool good = outcome_describe(outcome, r, &end, phase, errnum);
	if (good)
		rows_add(&rows, phase, call, errnum, outcome);
	else
		printf("# %s, call %zu, %s, %s: %s\n# %s\n", load->name, index, call,
		       strerrorname_np(errnum), outcome, end.err.data ? end.err.data : "");
	segmap_observation_free(&end);
	return good;
}

static void try_load(const struct load *load)
{
	static struct reference r;
	size_t tried = 0, bad = 0;
	char what[64];

	if (reference_take(&r, load) < 0) {
		report(false, load->name, "no reference");
		return;
	}
	for (size_t i = r.start; i < r.end && bad < BAD_MAX; i++) {
		int errnos[64];
		size_t n = call_errnos(r.numbers[i], errnos);

		if (n == 0 && strict)
			printf("# %s: no errnos are known: add it to calls.c\n",
			       call_name(r.numbers[i]));
		bad += n == 0 && strict;
		for (size_t e = 0; e < n; e++) {
			if (few && e && errnos[e] != ENOSYS && errnos[e] != EPERM)
				continue;
			tried++;
			bad += !try_failure(load, &r, i, errnos[e]);
		}
	}
	reference_free(&r);
	snprintf(what, sizeof(what), "%zu failures, %zu ended badly", tried, bad);
	report(bad == 0 && tried > 0, load->name, what);
}

/* What becomes of a load if its N-th allocation fails; in LOAD it is NUMBER. */
static bool try_allocation(const struct load *load, const struct reference *r, char number[16],
			   int n, bool *began)
{
	struct segmap_observation end;
	char outcome[OUTCOME];

	snprintf(number, 16, "%d", n);
	if (load_with_failure(&end, load, r, NO_CALL, 0) < 0)
		return false;
	*began = end.began;
	bool good = outcome_describe(outcome, r, &end, BEFORE, ENOMEM);
	if (!good)
		printf("# malloc %d: %s\n", n, outcome);
	else if (!*began || strcmp(outcome, "runs") != 0)
		rows_add(&rows, BEFORE, "malloc", ENOMEM, outcome);
	segmap_observation_free(&end);
	return good || !strict; /* a counter's own allocation may be what kills */
}

/* Until many one after the other have made no difference: the load makes fewer allocations. */
static void try_malloc(char *program)
{
	char number[16], what[64];
	const struct load load = {.name = "malloc",
				  .argv = (char *const[]){caller, (char[]){"--fail-malloc"},
							  number, program, NULL},
				  .caller = true};
	static struct reference r;
	const int most = strict ? MALLOCS_MAX : MALLOCS_TRIED;
	int n = 0, refused = 0;
	bool good = true;

	snprintf(number, sizeof(number), "%d", MALLOCS_MAX);
	if (reference_take(&r, &load) < 0) {
		report(false, load.name, "no reference");
		return;
	}
	for (int runs = 0; good && runs < RUNS && n < most; n++) {
		bool began = false;

		good = try_allocation(&load, &r, number, n, &began);
		runs = began ? runs + 1 : 0;
		refused += !began;
	}
	reference_free(&r);
	snprintf(what, sizeof(what), "%d refused", refused);
	report(good && refused > 0 && (!strict || n < most), load.name, what);
}

static void try_all(const char *testdata)
{
	char *fixed = path_of(testdata, "good-args");
	char *moved = path_of(testdata, "good-args-static-pie");
	char *interp = path_of(testdata, "good-own-interp");
	char *script = path_of(testdata, "odd-script");
	char *stack = path_of(testdata, "show-attributes-execstack");
	const struct load loads[] = {
		{.name = "static", .argv = (char *const[]){segload, fixed, NULL}},
		{.name = "static PIE", .argv = (char *const[]){segload, moved, NULL}},
		{.name = "interpreter", .argv = (char *const[]){segload, interp, NULL}},
		{.name = "script", .argv = (char *const[]){segload, script, NULL}},
		{.name = "executable stack", .argv = (char *const[]){segload, stack, NULL}},
		{.name = "standard input",
		 .argv = (char *const[]){segload, (char[]){"-"}, NULL},
		 .input = fixed},
		{.name = "library",
		 .argv = (char *const[]){caller, interp, NULL},
		 .caller = true},
		{.name = "library, as another user",
		 .argv = (char *const[]){caller, fixed, NULL},
		 .caller = true,
		 .as_other = true},
	};

	for (size_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++)
		if (is_wanted(loads[i].name) && (!loads[i].as_other || geteuid() == 0))
			try_load(&loads[i]);
	if (is_wanted("malloc"))
		try_malloc(interp);
	free(fixed);
	free(moved);
	free(interp);
	free(script);
	free(stack);
}

int main(int argc, char **argv)
{
	bool write = argc == 6 && strcmp(argv[1], "--write") == 0;
	const char *repeat = getenv("SEGMAP_REPEAT");

	strict = argc < 2 || strcmp(argv[1], "--try") != 0;
	if (!write && (argc < 6 || (strict && strcmp(argv[1], "--check") != 0))) {
		fputs("usage: failing-calls --write|--check|--try DOCUMENT SEGLOAD CALLER "
		      "TESTDATA "
		      "[LOAD...]\n",
		      stderr);
		return 2;
	}
	few = !write && repeat && strcmp(repeat, "1") == 0;
	names = argv + 6;
	segload = argv[3];
	caller = argv[4];
	try_all(argv[5]);
	int missing = 0;
	if (write)
		missing = rows_write(&rows, argv[2]);
	else if (strict)
		missing = rows_compare(&rows, argv[2], !few && !names[0]);
	report(missing == 0, "docs/failing-calls.md", "says what happens");
	free(rows.list);
	printf("1..%d\n", tests);
	return failures ? 1 : 0;
}
