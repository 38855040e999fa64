/* The stages one by one, with a change between two of them, in this very process. */
#include "changes.h"

#include "trial.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <segmap/exec.h>
#include <segmap/handover.h>
#include <segmap/map.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

struct stages {
	struct segmap_image *images[2];
	struct segmap_plan *plan;
	struct segmap_map *map;
};

static void open_and_plan(struct stages *s)
{
	struct segmap_policy policy;
	struct segmap_error err;

	memset(s, 0, sizeof(*s));
	cr_assert_eq(segmap_policy_current(&policy, &err), 0);
	cr_assert_eq(segmap_open_pair(&s->images[0], &s->images[1], "program", false, &err), 0);
	cr_assert_eq(segmap_plan_make(&s->plan, s->images[0], s->images[1], &policy, &err), 0);
}

static int map_it(struct stages *s, struct segmap_error *err)
{
	return segmap_map_create(&s->map, s->plan,
				 (const struct segmap_image *const *)s->images, NULL, err);
}

static int hand_over(const struct stages *s, struct segmap_error *err)
{
	struct segmap_self self;
	struct segmap_handover *handover = NULL;
	char bytes[64] = {0};

	cr_assert_eq(segmap_self_read(&self, err), 0);
	const struct segmap_stack stack = {
		.bytes = (uint8_t *)bytes,
		.size = sizeof(bytes),
		.sp = self.stack.end - sizeof(bytes),
		.vma_start = self.stack.start,
	};
	const struct segmap_handover_input input = {
		.plan = s->plan,
		.map = s->map,
		.images = (const struct segmap_image *const *)s->images,
		.stack = &stack,
		.self = &self,
		.name = "program",
	};
	int r = segmap_handover_prepare(&handover, &input, err);

	segmap_handover_discard(handover);
	return r;
}

static void let_go(struct stages *s)
{
	segmap_map_destroy(s->map);
	segmap_plan_free(s->plan);
	segmap_image_free(s->images[1]);
	segmap_image_free(s->images[0]);
}

static void expect(const char *when, enum change change, int r, const struct segmap_error *err)
{
	bool known = err->reason == SEGMAP_REASON_CHANGED || err->reason == SEGMAP_REASON_TAIL;

	if (change_is_harmless[change])
		cr_expect_eq(r, 0, "%s %s: %s", change_names[change], when,
			     segmap_reason_name(err->reason));
	else
		cr_expect(r < 0 && known, "%s %s: %d, %s", change_names[change], when, r,
			  segmap_reason_name(err->reason));
}

/* Its bss begins in a page of the file that a cut takes away. */
static void change_between_stages(void)
{
	struct segmap_error err;
	struct stages s;

	for (enum change c = 0; c < CHANGES; c++) {
		make_old_copy("program", "good-bss-in-page");
		open_and_plan(&s);
		cr_assert(change_file(c, "program", testdata("good-end-42")));
		expect("before it is mapped", c, map_it(&s, &err), &err);
		let_go(&s);

		make_old_copy("program", "good-bss-in-page");
		open_and_plan(&s);
		cr_assert_eq(map_it(&s, &err), 0, "%s", segmap_reason_name(err.reason));
		cr_assert_eq(hand_over(&s, &err), 0, "%s", segmap_reason_name(err.reason));
		cr_assert(change_file(c, "program", testdata("good-end-42")));
		expect("before the handover", c, hand_over(&s, &err), &err);
		let_go(&s);
	}
}

Test(changes, between_stages, .timeout = 120)
{
	changes_begin(SAME_USER);
	change_between_stages();
	changes_end();
}

/* The byte of PIECE that is the first of its bss, if it has one in its last page. */
static const char *first_of_bss(const struct segmap_piece *piece)
{
	const struct segmap_mapping *m = &piece->final;

	return m->clear_length ? (const char *)(m->clear_addr - m->addr + piece->where) : NULL;
}

/* Where a container forbids the call that clears a tail, another way does. */
Test(changes, a_tail_without_its_system_call, .timeout = 60)
{
	struct segmap_error err;
	struct stages s;
	int tails = 0;

	forbid_call(SYS_process_vm_writev, EPERM);
	changes_begin(SAME_USER);
	make_old_copy("program", "good-bss-in-page");
	open_and_plan(&s);
	cr_assert_eq(map_it(&s, &err), 0, "%s", segmap_reason_name(err.reason));
	for (size_t i = 0; i < s.map->count; i++) {
		const struct segmap_piece *piece = &s.map->pieces[i];
		const char *at = first_of_bss(piece);

		for (uint64_t n = 0; at && n < piece->final.clear_length; n++)
			cr_assert_eq(at[n], 0, "byte %lu", n);
		tails += at != NULL;
	}
	cr_expect_eq(tails, 1, "%d tails", tails);
	let_go(&s);
	change_between_stages();
	changes_end();
}
