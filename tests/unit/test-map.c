/* Room for what is not at home yet: where there is none, the caller hears so and nothing is
 * mapped. The rest of map.c is tested with real loads. */
#include <criterion/criterion.h>
#include <errno.h>
#include <segmap/map.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define GIB (UINT64_C(1) << 30)

static struct segmap_plan plan;
static struct segmap_map map;

static void prepare(void)
{
	segmap_rules_native(&plan.rules, (uint64_t)sysconf(_SC_PAGESIZE));
	map = (struct segmap_map){.plan = &plan, .cursor = plan.rules.task_size / 8 & -GIB};
}

static void expect_refused(uint64_t length)
{
	struct segmap_error err;
	uint64_t addr = 1;

	cr_expect_eq(segmap_map_room(&map, length, &addr, &err), -ENOMEM);
	cr_expect_eq(err.reason, SEGMAP_REASON_NO_ROOM);
	cr_expect_eq(err.value[0], length);
	cr_expect_eq(addr, 1, "an output is untouched by a failure");
}

Test(map, room_is_mapped, .init = prepare)
{
	struct segmap_error err;
	uint64_t addr, page = plan.rules.page_size;

	cr_assert_eq(segmap_map_room(&map, 1, &addr, &err), 0);
	cr_expect_geq(addr, plan.rules.task_size / 8 & -GIB);
	*(volatile char *)addr = 1;
	cr_expect_eq(map.cursor, addr + 2 * page,
		     "the next one goes behind it, but not beside");
	cr_expect_eq(munmap((void *)addr, page), 0);
}

Test(map, more_than_the_address_space, .init = prepare)
{
	expect_refused(plan.rules.task_size * 2);
	expect_refused(plan.rules.task_size);
}

#ifndef SEGMAP_SANITIZED /* whose runtime needs memory itself */
Test(map, more_than_the_limit, .init = prepare)
{
	const struct rlimit limit = {GIB, RLIM_INFINITY};

	cr_assert_eq(setrlimit(RLIMIT_AS, &limit), 0);
	if (mmap(NULL, 2 * GIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
		cr_skip_test("limits do not hold here: the CPU is emulated for one process");
	expect_refused(2 * GIB);
}
#endif

/* A tail as there are with the largest pages: 64 KiB less a little. */
Test(map, large_tail)
{
	enum { SIZE = 64 << 10, KEPT = 100 };
	struct segmap_image image = {.path = (char[]){"large"}};
	const struct segmap_image *const images[2] = {&image, NULL};
	struct segmap_mapping mapping = {
		.prot = PROT_READ | PROT_WRITE,
		.addr = 0x10000000,
		.length = SIZE,
		.clear_addr = 0x10000000 + KEPT,
		.clear_length = SIZE - KEPT,
	};
	struct segmap_map *made = NULL;
	struct segmap_error err = {0};
	const char *bytes = (const char *)mapping.addr;
	char x[SIZE];
	struct stat st;

	memset(x, 'x', SIZE);
	image.fd = memfd_create("large", MFD_CLOEXEC);
	cr_assert_eq(write(image.fd, x, SIZE), SIZE);
	cr_assert_eq(fstat(image.fd, &st), 0);
	image.file_size = SIZE;
	image.modified = st.st_mtim;
	segmap_rules_native(&plan.rules, SIZE);
	plan.mappings = &mapping;
	plan.mapping_count = plan.object_count = 1;
	cr_assert_eq(segmap_map_create(&made, &plan, images, NULL, &err), 0, "%s",
		     segmap_reason_name(err.reason));
	for (size_t i = 0; i < SIZE; i++)
		cr_assert_eq(bytes[i], i < KEPT ? 'x' : 0, "byte %zu", i);
	segmap_map_destroy(made);
	close(image.fd);
}

Test(map, nothing_is_destroyed)
{
	segmap_map_destroy(NULL);
}
