/*
 * segmap_execve called from within another program: this one, linked dynamically and with a lot
 * in memory. Every program of testdata ends as by execve; what stands in its way makes room.
 */
#include "trial.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <segmap/exec.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <unistd.h>

struct setting {
	const char *name;
	void (*prepare)(const void *data);
	bool randomize;
};

/* ---- what may stand in the way ---- */

static void occupy(uint64_t addr, uint64_t length)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;

	/* page by page where something else is: whoever has it, it is taken */
	if (mmap((void *)addr, length, PROT_READ | PROT_WRITE, flags, -1, 0) != MAP_FAILED ||
	    length <= 1 << 20)
		return;
	occupy(addr, length / 2);
	occupy(addr + length / 2, length / 2);
}

static void crowd(const void *data)
{
	const uint64_t gib = UINT64_C(1) << 30;

	(void)data;
	occupy(0x10000, 0x400000 - 0x10000);
	occupy(0x400000, 64 << 20);
	occupy(0x10000000, 256 << 20);
	occupy(0x555555554000, 256 << 20);
	occupy(UINT64_C(0x7ffffffff000) / 8 / gib * gib - gib, 4 * gib);
}

/* Under the top of the area where mmap looks first: the interpreter's place, and the vdso's. */
static void crowd_top(const void *data)
{
	void *hole = mmap(NULL, 4 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (size_t size = 512 << 20; size >= 4096; size /= 2)
		must(mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
			  -1, 0) != MAP_FAILED,
		     "mmap");
	must(munmap(hole, 4 << 20) == 0, "munmap");
	crowd(data);
}

static const struct setting plain = {"plain", NULL, false}, random_ = {"random", NULL, true};
static const struct setting crowded[] = {
	{"crowded", crowd, false},
	{"crowded, random", crowd, true},
	{"crowded at the top", crowd_top, false},
	{"crowded at the top, random", crowd_top, true},
};

/* ---- the comparison ---- */

static void check_program(const char *path, const char *name, const struct setting *setting)
{
	struct trial trial = {
		.path = path,
		.prepare = setting->prepare,
		.randomize = setting->randomize,
	};
	struct sight kernel, ours;

	see(&kernel, &trial, BY_KERNEL);
	see(&ours, &trial, BY_LIBRARY);
	cr_expect_eq(ours.status & ~0x80, kernel.status & ~0x80, "%s, %s: %s, by execve %s: %s",
		     name, setting->name, status_text(ours.status), status_text(kernel.status),
		     ours.said);
	const char *inside = first_difference(kernel.inside, ours.inside);
	cr_expect_null(inside, "%s, %s: %s", name, setting->name, inside);
	const char *said = first_difference(kernel.said, ours.said);
	cr_expect_null(said, "%s, %s, standard error: %s", name, setting->name, said);
	sight_free(&kernel);
	sight_free(&ours);
}

static void visit(const char *path, const char *name, void *data)
{
	check_program(path, name, data);
}

static void check_all(const char *prefix, const struct setting *setting, size_t least)
{
	struct setting copy = *setting;
	size_t seen = each_program(prefix, visit, &copy);

	cr_expect(seen >= least, "only %zu programs %s*", seen, prefix);
}

Test(library, programs, .timeout = 600)
{
	check_all("good-", &plain, 90);
}

Test(library, programs_at_random_addresses, .timeout = 600)
{
	check_all("good-", &random_, 90);
}

Test(library, programs_whose_place_is_taken, .timeout = 600)
{
	for (size_t i = 0; i < sizeof(crowded) / sizeof(crowded[0]); i++) {
		check_all("good-c-", &crowded[i], 4);
		check_all("good-alone", &crowded[i], 2);
		check_all("good-auxv", &crowded[i], 4);
		check_all("good-own-interp", &crowded[i], 2);
		check_all("good-pristine", &crowded[i], 2);
		check_all("good-proc", &crowded[i], 2);
	}
}

/* Not in the way, but in the address space of the program it would be: nothing of it is. */
static void check_shape(const struct setting *setting, const char *program)
{
	struct trial trial = {
		.path = testdata(program),
		.prepare = setting->prepare,
	};
	struct sight kernel, ours;

	see(&kernel, &trial, BY_KERNEL);
	see(&ours, &trial, BY_LIBRARY);
	cr_expect(strstr(ours.outside, "smaps rw-p"), "%s: no maps", program);
	const char *outside = first_difference(kernel.outside, ours.outside);
	cr_expect_null(outside, "%s, %s: %s", program, setting->name, outside);
	sight_free(&kernel);
	sight_free(&ours);
}

Test(library, nothing_of_the_caller_is_left, .timeout = 600)
{
	static const char *const programs[] = {"show-attributes", "show-attributes-static-pie",
					       "show-attributes-pie"};

	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		check_shape(&crowded[0], programs[i]);
		check_shape(&crowded[2], programs[i]);
	}
}
