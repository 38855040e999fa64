/* What a load leaves behind and what it costs: no secret of the caller's, and nothing that
 * grows with the size of a segment. */
#include "trial.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <inttypes.h>
#include <segmap/tracee.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

/* ---- secrets ---- */

/* Put together when it is wanted, so that it is in no program's text. */
static void make_secret(char secret[32], unsigned number)
{
	snprintf(secret, 32, "%s-%s-%08x", "secret", "segmap", 0x5eed0000 + number);
}

static char in_data[32];

static void plant(const void *data)
{
	char on_stack[4096];
	char *on_heap = malloc(1 << 16);

	(void)data;
	make_secret(in_data, 1);
	must(setenv("SECRET", in_data, 1) == 0, "setenv");
	/* where this process has its own first strings, and the program will have its stack */
	for (char *at = (char *)getauxval(AT_EXECFN) - 3200, *end = at + 3200; at < end;
	     at += 32)
		make_secret(at, 1);
	for (size_t at = 0; at < sizeof(on_stack); at += 32)
		make_secret(on_stack + at, 1);
	for (size_t at = 0; at < 1 << 16; at += 32)
		make_secret(on_heap + at, 1);
	__asm__ volatile("" : : "r"(on_stack), "r"(on_heap) : "memory");
}

/* Leaves in `shared` how often the secret is in the memory of the waiting program. */
static void search(pid_t pid)
{
	char secret[32];

	make_secret(secret, 1);
	shared->step = count_in_memory(pid, secret);
	cr_assert(shared->step >= 0, "its memory cannot be read");
}

static void check_secret(const char *name, struct trial *trial, enum way way, bool expected)
{
	struct sight s;

	trial->look = search;
	see(&s, trial, way);
	cr_expect_eq(s.status, 0, "%s: %s: %s", name, status_text(s.status), s.said);
	cr_expect_eq(shared->step > 0, expected, "%s: found %d times", name, shared->step);
	sight_free(&s);
}

Test(library, no_secret_of_the_caller_is_left, .timeout = 600)
{
	static const char *const programs[] = {"show-attributes", "show-attributes-pie"};
	char variable[64] = "SECRET=", program[4096];
	char *with[] = {(char[]){"A=1"}, variable, (char[]){"B=2"}, NULL};
	char *same[] = {(char[]){"segload"}, (char[]){"--"}, program, NULL};
	char *without[] = {(char[]){"segload"}, (char[]){"-E"}, (char[]){"SECRET"}, program,
			   NULL};

	make_secret(variable + strlen(variable), 1);
	for (size_t i = 0; i < 2; i++) {
		struct trial planted = {.path = testdata(programs[i]), .prepare = plant};
		struct trial kept = {.path = segload_path(), .argv = same, .envp = with};
		struct trial removed = {.path = segload_path(), .argv = without, .envp = with};

		snprintf(program, sizeof(program), "%s", testdata(programs[i]));
		check_secret("segmap_execve", &planted, BY_LIBRARY, false);
		check_secret("segload, the variable is kept", &kept, BY_KERNEL, true);
		check_secret("segload -E, the variable is removed", &removed, BY_KERNEL, false);
	}
}

/* ---- costs ---- */

struct cost {
	uint64_t rchar, peak, faults; /* bytes read, kB, page faults: at entry */
};

static uint64_t number_after(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at ? strtoull(at + strlen(name), NULL, 10) : UINT64_MAX;
}

static char *read_of(pid_t pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	char *text = read_whole(path, NULL);
	cr_assert_not_null(text, "%s", path);
	return text;
}

static void measure(struct cost *cost, const char *program, const char *loader)
{
	char *argv[] = {(char[]){"p"}, NULL};
	struct segmap_tracee_setup setup = {
		.path = testdata(program),
		.argv = argv,
		.envp = test_environment,
		.loader = loader,
		.no_aslr = true,
		.user = SAME_USER,
		.standard = {-1, -1, -1},
	};
	struct segmap_tracee t;

	cr_assert_eq(segmap_tracee_start(&t, &setup), 0, "%s", program);
	cr_assert_not(t.ended, "%s: %s", program, status_text(t.status));
	char *io = read_of(t.pid, "io"), *status = read_of(t.pid, "status");
	char *stat = read_of(t.pid, "stat");
	cost->rchar = number_after(io, "rchar: ");
	cost->peak = number_after(status, "VmHWM:\t");
	/* fields 10 and 12, after "pid (p) " and seven more */
	uint64_t minor, major;
	cr_assert_eq(sscanf(strrchr(stat, ')'),
			    ") %*s %*s %*s %*s %*s %*s %*s %" SCNu64 " %*s %" SCNu64, &minor,
			    &major),
		     2);
	cost->faults = minor + major;
	free(io);
	free(status);
	free(stat);
	segmap_tracee_destroy(&t);
}

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

Test(library, four_gibibytes_cost_what_four_kibibytes_do, .timeout = 600)
{
	static const char *const large[] = {"good-data-4g", "good-rodata-4g"};
	struct cost small, big;

	measure(&small, "good-data-4k", segload_path()); /* once for the page cache */
	for (size_t i = 0; i < 2; i++) {
		measure(&big, large[i], segload_path());
		measure(&big, large[i], segload_path());
		measure(&small, "good-data-4k", segload_path());
		/* lines of /proc/self/maps are a few bytes longer or shorter from run to run */
		cr_expect(distance(big.rchar, small.rchar) < 256,
			  "%s: %" PRIu64 " bytes read, not %" PRIu64, large[i], big.rchar,
			  small.rchar);
		cr_expect(distance(big.peak, small.peak) * 20 <= small.peak,
			  "%s: peak %" PRIu64 " kB, not %" PRIu64, large[i], big.peak,
			  small.peak);
		/* a sanitizer's runtime has some of its own, as the addresses are */
		cr_expect(distance(big.faults, small.faults) <= 4 + small.faults / 100,
			  "%s: %" PRIu64 " page faults, not %" PRIu64, large[i], big.faults,
			  small.faults);
	}
}
