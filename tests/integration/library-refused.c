/* A refused load leaves the process as it was, and the next one works. */
#include "state.h"
#include "trial.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <segmap/exec.h>
#include <segmap/map.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
	NAMES_MAX = 512,
};

/* The names of the files of bad.table that nobody can run. */
static char *names[NAMES_MAX];
static size_t name_count;

static void read_table(void)
{
	char *text = read_whole(getenv("SEGMAP_TABLE"), NULL), *save = NULL;

	cr_assert_not_null(text);
	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		char name[128], verdict[32], when[64];

		if (sscanf(l, "%127s | %*[^|]| %*[^|]| %31[a-z] %*[^|]| %*[^|]| %63[a-z0-9,.]",
			   name, verdict, when) != 3 &&
		    sscanf(l, "%127s | %*[^|]| %*[^|]| %31[a-z] | %*[^|]| %63[a-z0-9,.]", name,
			   verdict, when) != 3)
			continue;
		if (strncmp(name, "bad-", 4) == 0 && strcmp(when, "any") == 0 &&
		    name_count < NAMES_MAX)
			names[name_count++] = strdup(name);
	}
	free(text);
}

/* ---- refusals ---- */

static void refuse(const char *name, struct segmap_error *err)
{
	char *argv[] = {(char *)(uintptr_t)name, NULL};
	char text[256];

	int r = segmap_execve(name, argv, test_environment, NULL, err);
	snprintf(text, sizeof(text), "%s: %d", name, r);
	must(r < 0, text);
}

/* Twice, with a place for the error and without one. */
static void refuse_all(const void *data)
{
	static struct process_state before, after;
	const int *habits = data;
	struct segmap_error err;

	must(chdir(testdata_dir()) == 0, "chdir");
	if (*habits)
		must(personality(READ_IMPLIES_EXEC | ADDR_NO_RANDOMIZE) >= 0 &&
			     mlockall(MCL_FUTURE) == 0,
		     "mlockall");
	refuse(names[0], &err); /* the heap grows to what a load needs */
	for (size_t i = 0; i < name_count; i++) {
		process_state_read(&before);
		refuse(names[i], &err);
		process_state_read(&after);
		must_be_same(names[i], &before, &after);
		refuse(names[i], NULL);
		process_state_read(&after);
		must_be_same(names[i], &before, &after);
	}
}

/* These have mapped something before they are refused. */
static void refuse_late(const void *data)
{
	static struct process_state before, after;
	const struct rlimit little = {UINT64_C(1) << 30, RLIM_INFINITY},
			    all = {RLIM_INFINITY, RLIM_INFINITY};
	const char *name = data;
	struct segmap_error err;

	must(chdir(testdata_dir()) == 0, "chdir");
	if (strstr(name, "bss"))
		must(setrlimit(RLIMIT_AS, &little) == 0, "RLIMIT_AS");
	else
		must(prctl(65 /* PR_SET_MDWE */, 1, 0, 0, 0) == 0, "PR_SET_MDWE");
	refuse(name, &err);
	process_state_read(&before);
	refuse(name, &err);
	process_state_read(&after);
	must_be_same(name, &before, &after);
	must(setrlimit(RLIMIT_AS, &all) == 0, "RLIMIT_AS");
}

static int answer_exdev(void *data, const struct segmap_map *map)
{
	*(size_t *)data = map->count;
	return -EXDEV;
}

/* The caller's own function is asked when all is mapped. */
static void refuse_by_caller(const void *data)
{
	static struct process_state before, after;
	size_t count = 0;
	const struct segmap_options options = {.mapped = answer_exdev, .mapped_data = &count};
	char *argv[] = {(char *)(uintptr_t)data, NULL};
	struct segmap_error err;

	must(chdir(testdata_dir()) == 0, "chdir");
	for (int i = 0; i < 2; i++) { /* the heap grows in the first load */
		process_state_read(&before);
		must(segmap_execve(argv[0], argv, test_environment, &options, &err) == -EXDEV,
		     "the caller's answer");
		process_state_read(&after);
	}
	must(count > 0 && err.reason == SEGMAP_REASON_CALLER, "the reason");
	must_be_same(argv[0], &before, &after);
}

static void check_refusals(void (*prepare)(const void *data), const void *data)
{
	struct trial trial = {
		.path = testdata("good-c-pie"),
		.prepare = prepare,
		.data = data,
	};
	struct sight s;

	see(&s, &trial, BY_LIBRARY);
	cr_expect_eq(s.status, 0, "%s: %s", status_text(s.status), s.said);
	cr_expect(strstr(s.inside, "ok"), "the good program says '%s'", s.inside);
	sight_free(&s);
}

Test(library, a_refused_load_changes_nothing, .timeout = 600)
{
	read_table();
	cr_expect(name_count >= 80, "only %zu files in the table", name_count);
	check_refusals(refuse_all, &(int){0});
	check_refusals(refuse_all, &(int){1});
	check_refusals(refuse_late, "show-attributes-execstack");
	check_refusals(refuse_late, "good-bss-1g-pie");
	check_refusals(refuse_by_caller, "good-c-pie");
}
