/* A thousand loads leave no zombie, no descriptor and no mapping behind in the observer. */
#include "harness.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <segmap/compare.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* One load, in turn seen to its end, left at its beginning, and refused. */
static void load_once(int turn)
{
	static const char *const files[] = {"good-asm", "good-c-pie", "bad-incongruent"};
	char path[4096], *argv[] = {path, NULL};
	const struct segmap_tracee_setup setup = {
		.path = path,
		.argv = argv,
		.loader = turn & 1 ? segload_path() : NULL,
		.user = SAME_USER,
		.standard = {-1, -1, -1},
	};
	struct segmap_tracee tracee;
	struct segmap_observation o;

	snprintf(path, sizeof(path), "%s/%s", testdata_dir(), files[turn % 3]);
	if (turn % 3 == 1) {
		cr_assert_eq(segmap_tracee_start(&tracee, &setup), 0);
		segmap_tracee_destroy(&tracee);
	} else {
		cr_assert_eq(segmap_observe(&o, &setup, NULL), 0);
		segmap_observation_free(&o);
	}
	cr_assert(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD, "a child is left");
}

Test(observer, a_thousand_loads_leave_nothing, .timeout = 600)
{
	for (int i = 0; i < 24; i++) /* until malloc has what it wants */
		load_once(i);
	struct traces before = count_traces();
	for (int i = 0; i < 1000; i++)
		load_once(i);
	struct traces after = count_traces();

	cr_expect_eq(before.descriptors, after.descriptors, "%zu descriptors, then %zu",
		     before.descriptors, after.descriptors);
#ifndef __SANITIZE_ADDRESS__ /* whose malloc keeps what was freed */
	cr_expect_eq(before.mappings, after.mappings, "%zu mappings, then %zu", before.mappings,
		     after.mappings);
#endif
}
