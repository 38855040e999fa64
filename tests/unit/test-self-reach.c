/*
 * How far user memory reaches, tried with ends that every machine has: a page that is free, one
 * that is taken, one that nobody can have.
 */
#include "../../loader/self.h"

#include <criterion/criterion.h>
#include <elf.h>
#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define USUAL ((uint64_t)1 << 46)          /* what the invented CPU has at least */
#define NONE  UINT64_C(0x8000000000000000) /* no CPU's user memory goes so far */

static uint64_t reach(uint64_t wide)
{
	struct segmap_rules rules = {
		.page_size = (uint64_t)sysconf(_SC_PAGESIZE),
		.task_size = USUAL,
		.wide_task_size = wide,
	};

	self_reach(&rules);
	return rules.task_size;
}

/* The end of a page that was taken, or free, a moment ago. */
static uint64_t page_end(bool taken)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *p = mmap(NULL, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	cr_assert_neq(p, MAP_FAILED);
	if (!taken)
		munmap(p, page);
	return (uint64_t)(uintptr_t)p + page;
}

/* An emulator in user mode answers for the kernel, and not as it does. */
static void need_a_kernel(void)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *taken = mmap(NULL, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned char resident;

	if (mmap(taken, page, PROT_NONE, flags, -1, 0) != MAP_FAILED || errno != EEXIST ||
	    mincore(taken, page, &resident) < 0)
		cr_skip_test("this is no kernel's mmap, or no kernel's mincore");
	munmap(taken, page);
}

Test(self_reach, what_can_be_had)
{
	uint64_t end = page_end(false);
	unsigned char resident;

	cr_expect_eq(reach(end), end);
	cr_expect_eq(mincore((void *)(uintptr_t)(end - (uint64_t)sysconf(_SC_PAGESIZE)), 1,
			     &resident),
		     -1, "the page is left");
}

Test(self_reach, what_is_taken, .init = need_a_kernel)
{
	uint64_t end = page_end(true);
	volatile char *last = (char *)(uintptr_t)end - 1;

	cr_expect_eq(reach(end), end);
	cr_expect_eq(*last, 0, "the page is still there");
}

Test(self_reach, what_nobody_has)
{
	cr_expect_eq(reach(NONE), USUAL);
	cr_expect_eq(reach(0), USUAL, "the CPU has but one end");
}

/* Without address space to try it in, nothing is said to be there that may not be. */
Test(self_reach, what_cannot_be_tried, .init = need_a_kernel)
{
	uint64_t wide = page_end(false);

	cr_assert_eq(setrlimit(RLIMIT_AS, &(struct rlimit){0, RLIM_INFINITY}), 0);
	uint64_t end = reach(wide);

	setrlimit(RLIMIT_AS, &(struct rlimit){RLIM_INFINITY, RLIM_INFINITY});
	cr_expect_eq(end, USUAL);
}

/* Which files are worth the question. The answer is always yes here. */
static const struct {
	const char *name;
	uint16_t type;
	struct segmap_phdr load;
	uint64_t entry;
	bool asked;
} files[] = {
	{"ends below", ET_EXEC, {.vaddr = USUAL - 16, .memsz = 16}, USUAL - 1, false},
	{"a byte more", ET_EXEC, {.vaddr = USUAL - 16, .memsz = 17}, 0, true},
	{"begins there", ET_EXEC, {.vaddr = USUAL}, 0, true},
	{"the sum wraps", ET_EXEC, {.vaddr = USUAL - 16, .memsz = UINT64_MAX}, 0, true},
	{"entry there", ET_EXEC, {.vaddr = 0}, USUAL, true},
	{"128 MiB that can be moved", ET_DYN, {.memsz = 128 << 20}, (128 << 20) - 1, true},
	{"less", ET_DYN, {.memsz = (128 << 20) - 1}, (128 << 20) - 1, false},
	{"entry after 128 MiB", ET_DYN, {.memsz = 16}, 128 << 20, true},
};

static bool is_asked(size_t i, bool as_interpreter)
{
	uint64_t wide = page_end(true);
	struct segmap_phdr load = files[i].load, none = {.type = PT_NULL, .vaddr = UINT64_MAX};
	struct segmap_image image = {.ehdr = {.type = files[i].type, .entry = files[i].entry},
				     .phdrs = &load,
				     .phdr_count = 1};
	struct segmap_image other = {
		.ehdr = {.type = ET_EXEC}, .phdrs = &none, .phdr_count = 1};
	struct segmap_rules rules = {.page_size = (uint64_t)sysconf(_SC_PAGESIZE),
				     .task_size = USUAL,
				     .wide_task_size = wide};

	load.type = PT_LOAD;
	self_reach_for(&rules, as_interpreter ? &other : &image,
		       as_interpreter ? &image : NULL);
	cr_assert(rules.task_size == USUAL || rules.task_size == wide);
	return rules.task_size == wide;
}

Test(self_reach, files_that_could_meet_the_end, .init = need_a_kernel)
{
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		for (int as_interpreter = 0; as_interpreter < 2; as_interpreter++)
			cr_expect_eq(is_asked(i, as_interpreter), files[i].asked, "%s, %s",
				     files[i].name, as_interpreter ? "interpreter" : "program");
}
