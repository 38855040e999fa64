/* Room for what is not at home yet: where there is none, the caller hears so and nothing is
 * mapped. The rest of map.c is tested with real loads. */
#include <criterion/criterion.h>
#include <errno.h>
#include <segmap/map.h>
#include <sys/mman.h>
#include <sys/resource.h>
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
	cr_expect_eq(map.cursor, addr + page, "the next one goes behind it");
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
	expect_refused(2 * GIB);
}
#endif

Test(map, nothing_is_destroyed)
{
	segmap_map_destroy(NULL);
}
