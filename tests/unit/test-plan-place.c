/*
 * Where things go: the rules of exec.md 1.3 for bias, span, heap, entry and AT_PHDR.
 */
#include "subject.h"

#include <criterion/criterion.h>

/* Two thirds of user space, less what the mask of a page takes. */
#define PIE_BASE  0x555555554000
#define HEAP_BASE 0x555555555000

struct place_case {
	const char *name;
	uint16_t type;
	struct segmap_phdr phdrs[HEADERS];
	uint16_t interp_type; /* 0: there is none */
	struct segmap_phdr interp[HEADERS];
	struct segmap_object want[2];
	const char *mappings; /* NULL: do not look */
};

#define LD_SO                                                                                  \
	{                                                                                      \
		LOAD(RX, 0x1000, 0x1000, 0x234, 0x234), LOAD(RW, 0x2000, 0x2000, 0x10, 0x10)   \
	}
#define ALIGNED(align) HEADER(PT_LOAD, RX, 0, 0, 0x10, 0x10, align)

/* clang-format off */
static const struct place_case program_cases[] = {
	{"ET_EXEC is where it says", ET_EXEC, {LOAD(RX, 0, 0x400000, 0x10, 0x10)}, 0, {{0}},
	 {{.noreplace = true}}, "file p0 r-x 400000+1000 @0\n"},
	{"PIE with interpreter [F02]", ET_DYN, {LOAD(RX, 0, 0, 0x10, 0x10),
						LOAD(RW, 0x1000, 0x3000, 0x10, 0x1010)},
	 ET_DYN, LD_SO,
	 {{.noreplace = true, .bias = PIE_BASE, .span = 0x4010},
	  {.place = SEGMAP_PLACE_SEARCH, .base = 0x1000, .span = 0x1010, .offset = 0x1000,
	   .prot = 5}},
	 "file p0 r-x 555555554000+1000 @0 reserve 5000\n"
	 "file p1 rw- 555555557000+1000 @1000 clear 555555557010+ff0\n"
	 "anon p1 rw- 555555558000+1000\n"
	 "file i0 r-x 1000+1000 @1000 reserve 2000\n"
	 "file i1 rw- 2000+1000 @2000\n"},
	{"PIE whose first p_vaddr is not 0", ET_DYN,
	 {LOAD(RX, 0, 0x10000, 0x10, 0x10)}, ET_DYN, LD_SO,
	 {{.noreplace = true, .bias = PIE_BASE - 0x10000, .span = 0x10},
	  {.place = SEGMAP_PLACE_SEARCH, .base = 0x1000, .span = 0x1010, .offset = 0x1000,
	   .prot = 5}}, NULL},
	{"PIE whose first p_vaddr is inside a page: a page lower", ET_DYN,
	 {LOAD(RX, 0x234, 0x10234, 0x10, 0x10)}, ET_DYN, LD_SO,
	 {{.noreplace = true, .bias = PIE_BASE - 0x11000, .span = 0x244},
	  {.place = SEGMAP_PLACE_SEARCH, .base = 0x1000, .span = 0x1010, .offset = 0x1000,
	   .prot = 5}}, NULL},
	{"PIE whose first PT_LOAD is not the lowest [F06]", ET_DYN,
	 {LOAD(RX, 0, 0x5000, 0x10, 0x10), LOAD(RO, 0x1000, 0x1000, 0x10, 0x10)}, ET_DYN, LD_SO,
	 {{.noreplace = true, .bias = PIE_BASE - 0x5000, .base = 0x5000, .span = 0x4010},
	  {.place = SEGMAP_PLACE_SEARCH, .base = 0x1000, .span = 0x1010, .offset = 0x1000,
	   .prot = 5}},
	 "file p0 r-x 555555554000+1000 @0 reserve 5000\n"
	 "file p1 r-- 555555550000+1000 @1000\n"
	 "file i0 r-x 1000+1000 @1000 reserve 2000\n"
	 "file i1 rw- 2000+1000 @2000\n"},
	{"PIE, interpreter ET_EXEC over it in no way [C00b]", ET_DYN,
	 {LOAD(RX, 0, 0, 0x10, 0x10)}, ET_EXEC, LD_SO,
	 {{.noreplace = true, .bias = PIE_BASE, .span = 0x10}, {.span = 0x1010}},
	 "file p0 r-x 555555554000+1000 @0 reserve 1000\n"
	 "file i0 r-x 1000+1000 @1000 reserve 2000\n"
	 "file i1 rw- 2000+1000 @2000\n"},
	{"static PIE [F01]", ET_DYN, {LOAD(RO, 0x234, 0x1234, 0x10, 0x10),
				      LOAD(RW, 0x2000, 0x4000, 0, 0x10)}, 0, {{0}},
	 {{.place = SEGMAP_PLACE_SEARCH, .base = 0x1000, .span = 0x3010, .prot = 1}},
	 "file p0 r-- 1000+1000 @0 skew 234 reserve 4000\n"
	 "anon p1 rw- 4000+1000\n"},
	{"static PIE, first PT_LOAD not the lowest [F06]", ET_DYN,
	 {LOAD(RX, 0x3000, 0x5000, 0x10, 0x10), LOAD(RO, 0, 0, 0x10, 0x10)}, 0, {{0}},
	 {{.place = SEGMAP_PLACE_SEARCH, .base = 0x5000, .span = 0x5010, .offset = 0x3000,
	   .prot = 5}},
	 "file p0 r-x 5000+1000 @3000 reserve 6000\n"
	 "file p1 r-- 0+1000 @0\n"},
	{"static PIE, first PT_LOAD without file bytes: at 0 [F08]", ET_DYN,
	 {LOAD(RW, 0, 0x3000, 0, 0x1000), LOAD(RX, 0, 0x4000, 0x10, 0x10)}, 0, {{0}},
	 {{.bias = -UINT64_C(0x3000), .base = 0x3000, .span = 0x1010}},
	 "anon p0 rw- 0+1000\n"
	 "file p1 r-x 1000+1000 @0\n"},
	{"nothing to map [B02]", ET_DYN, {HEADER(PT_NOTE, RO, 0, 0, 1, 1, 1)}, 0, {{0}}, {{0}}, ""},
};

/* What p_align does: the largest power of two of all PT_LOADs, in ET_DYN programs only. */
static const struct place_case align_cases[] = {
	{"2 MiB [F03]", ET_DYN, {ALIGNED(0x200000)}, ET_EXEC, LD_SO,
	 {{.noreplace = true, .bias = 0x555555400000, .span = 0x10}, {.span = 0x1010}}, NULL},
	{"the largest of several", ET_DYN, {ALIGNED(0x1000), ALIGNED(0x200000), ALIGNED(0x4000)},
	 ET_EXEC, LD_SO,
	 {{.noreplace = true, .bias = 0x555555400000, .span = 0x10}, {.span = 0x1010}}, NULL},
	{"no powers of two are skipped [F03]", ET_DYN,
	 {ALIGNED(0x4000), ALIGNED(0x200001), ALIGNED(0x300000), ALIGNED(0)}, ET_EXEC, LD_SO,
	 {{.noreplace = true, .bias = PIE_BASE, .span = 0x10}, {.span = 0x1010}}, NULL},
	{"only nonsense", ET_DYN, {ALIGNED(3), ALIGNED(0)}, ET_EXEC, LD_SO,
	 {{.noreplace = true, .bias = PIE_BASE, .span = 0x10}, {.span = 0x1010}}, NULL},
	{"less than a page", ET_DYN, {ALIGNED(1), ALIGNED(0x800)}, ET_EXEC, LD_SO,
	 {{.noreplace = true, .bias = PIE_BASE, .span = 0x10}, {.span = 0x1010}}, NULL},
	{"other headers do not count", ET_DYN,
	 {ALIGNED(0x1000), HEADER(PT_TLS, RW, 0, 0, 0, 0, 0x200000)}, ET_EXEC, LD_SO,
	 {{.noreplace = true, .bias = PIE_BASE, .span = 0x10}, {.span = 0x1010}}, NULL},
	{"2^47 leaves nothing of the base [F04]", ET_DYN, {ALIGNED(0x800000000000)}, ET_EXEC, LD_SO,
	 {{.noreplace = true, .bias = 0, .span = 0x10}, {.span = 0x1010}}, NULL},
	{"2^63", ET_DYN, {ALIGNED(0x8000000000000000)}, ET_EXEC, LD_SO,
	 {{.noreplace = true, .bias = 0, .span = 0x10}, {.span = 0x1010}}, NULL},
	{"2 MiB and a first p_vaddr inside a page", ET_DYN,
	 {HEADER(PT_LOAD, RX, 0x234, 0x234, 0x10, 0x10, 0x200000)}, ET_EXEC, LD_SO,
	 {{.noreplace = true, .bias = 0x5555553ff000, .span = 0x244}, {.span = 0x1010}},
	 "file p0 r-x 5555553ff000+1000 @0 skew 234 reserve 1000\n"
	 "file i0 r-x 1000+1000 @1000 reserve 2000\n"
	 "file i1 rw- 2000+1000 @2000\n"},
	{"no p_align, and a first p_vaddr inside a page: not a page lower", ET_DYN,
	 {HEADER(PT_LOAD, RX, 0x234, 0x234, 0x10, 0x10, 0)}, ET_EXEC, LD_SO,
	 {{.noreplace = true, .bias = PIE_BASE, .span = 0x244}, {.span = 0x1010}}, NULL},
	{"less than a page counts as a page", ET_DYN,
	 {HEADER(PT_LOAD, RX, 0x234, 0x234, 0x10, 0x10, 0x10)}, ET_EXEC, LD_SO,
	 {{.noreplace = true, .bias = PIE_BASE - 0x1000, .span = 0x244}, {.span = 0x1010}}, NULL},
	{"static PIE, 2 MiB [F03]", ET_DYN, {ALIGNED(0x200000)}, 0, {{0}},
	 {{.place = SEGMAP_PLACE_SEARCH, .span = 0x10, .align = 0x200000, .prot = 5}}, NULL},
	{"static PIE, a page", ET_DYN, {ALIGNED(0x1000)}, 0, {{0}},
	 {{.place = SEGMAP_PLACE_SEARCH, .span = 0x10, .prot = 5}}, NULL},
	{"static PIE, less than a page", ET_DYN, {ALIGNED(0x10)}, 0, {{0}},
	 {{.place = SEGMAP_PLACE_SEARCH, .span = 0x10, .prot = 5}}, NULL},
};

static const struct place_case interp_cases[] = {
	{"program at 0: the interpreter's address is a hint [C22]", ET_EXEC,
	 {LOAD(RX, 0, 0x400000, 0x10, 0x10)}, ET_DYN, {LOAD(RX, 0x234, 0x10234, 0x10, 0x10)},
	 {{.noreplace = true},
	  {.place = SEGMAP_PLACE_SEARCH, .base = 0x10000, .span = 0x244, .hint = 0x10000, .prot = 5}},
	 NULL},
	{"PIE at 0 [F04, C22]", ET_DYN, {ALIGNED(0x800000000000)},
	 ET_DYN, {LOAD(RX, 0, 0x10000, 0x10, 0x10)},
	 {{.noreplace = true, .span = 0x10},
	  {.place = SEGMAP_PLACE_SEARCH, .base = 0x10000, .span = 0x10, .hint = 0x10000, .prot = 5}},
	 NULL},
	{"its p_align does not matter [C21]", ET_EXEC, {LOAD(RX, 0, 0x400000, 0x10, 0x10)},
	 ET_DYN, {ALIGNED(0x200000)},
	 {{.noreplace = true}, {.place = SEGMAP_PLACE_SEARCH, .span = 0x10, .prot = 5}}, NULL},
	{"a segment below the first one's page 0", ET_DYN, {LOAD(RX, 0, 0, 0x10, 0x10)},
	 ET_DYN, {LOAD(RX, 0, 0x1000, 0x2000, 0x2000), LOAD(RW, 0, 0xfffffffffffff000, 0, 0x1000)},
	 {{.noreplace = true, .bias = PIE_BASE, .span = 0x10},
	  {.place = SEGMAP_PLACE_SEARCH, .base = 0x1000, .span = 0x2000, .prot = 5}},
	 "file p0 r-x 555555554000+1000 @0 reserve 1000\n"
	 "file i0 r-x 1000+2000 @0 reserve 2000\n"
	 "anon i1 rw- fffffffffffff000+1000\n"},
	{"first PT_LOAD without file bytes: at 0 [C23]", ET_DYN, {LOAD(RX, 0, 0, 0x10, 0x10)},
	 ET_DYN, {LOAD(RW, 0, 0x3234, 0, 0x10), LOAD(RX, 0, 0x4000, 0x10, 0x10)},
	 {{.noreplace = true, .bias = PIE_BASE, .span = 0x10},
	  {.bias = -UINT64_C(0x3000), .base = 0x3000, .span = 0x1010}},
	 "file p0 r-x 555555554000+1000 @0 reserve 1000\n"
	 "anon i0 rw- 0+1000 skew 234\n"
	 "file i1 r-x 1000+1000 @0\n"},
};
/* clang-format on */

static void check_object(const char *name, int id, const struct segmap_object *got,
			 const struct segmap_object *want)
{
	cr_expect_eq(got->place, want->place, "%s: object %d: place", name, id);
	cr_expect_eq(got->noreplace, want->noreplace, "%s: object %d: noreplace", name, id);
	cr_expect_eq(got->bias, want->bias, "%s: object %d: bias %#lx", name, id, got->bias);
	if (want->place == SEGMAP_PLACE_SEARCH)
		cr_expect_eq(got->base, want->base, "%s: object %d: base %#lx", name, id,
			     got->base);
	cr_expect_eq(got->span, want->span, "%s: object %d: span %#lx", name, id, got->span);
	cr_expect_eq(got->align, want->align, "%s: object %d: align %#lx", name, id,
		     got->align);
	cr_expect_eq(got->hint, want->hint, "%s: object %d: hint %#lx", name, id, got->hint);
	cr_expect_eq(got->offset, want->offset, "%s: object %d: offset %#lx", name, id,
		     got->offset);
	cr_expect_eq(got->prot, want->prot, "%s: object %d: prot %d", name, id, got->prot);
}

static void check(const struct place_case *c)
{
	char text[4096];
	struct subject s;

	subject_init(&s, c->type, c->phdrs, 4096);
	if (c->interp_type)
		subject_add_interp(&s, c->interp_type, c->interp);
	s.images[SEGMAP_PROGRAM].ehdr.entry = c->phdrs[0].vaddr;
	s.images[SEGMAP_INTERPRETER].ehdr.entry = c->interp[0].vaddr;
	int r = subject_plan(&s);
	cr_expect_eq(r, 0, "%s: refused: %s", c->name, segmap_reason_name(s.err.reason));
	if (r < 0)
		return;
	cr_expect_eq(s.plan->object_count, c->interp_type ? 2 : 1, "%s: %zu objects", c->name,
		     s.plan->object_count);
	for (int id = 0; id < (c->interp_type ? 2 : 1); id++)
		check_object(c->name, id, &s.plan->objects[id], &c->want[id]);
	describe_mappings(s.plan->mappings, s.plan->mapping_count, text, sizeof(text));
	if (c->mappings)
		cr_expect_str_eq(text, c->mappings, "%s:\n%s", c->name, text);
	subject_clear(&s);
}

#define CHECK_ALL(cases)                                                                       \
	for (size_t i = 0; i < sizeof(cases) / sizeof(*(cases)); i++)                          \
	check(&(cases)[i])

Test(plan_place, programs)
{
	CHECK_ALL(program_cases);
}

Test(plan_place, alignment)
{
	CHECK_ALL(align_cases);
}

Test(plan_place, interpreters)
{
	CHECK_ALL(interp_cases);
}

/*
 * A static PIE with a large p_align: the kernel rounds mmap's address down and then computes
 * bias = page_down(address - p_vaddr), which is a page lower when p_vaddr is not at a page's
 * start. Seen: p_vaddr 0x234 and 2 MiB load at 0x7ffff7dff000, not 0x7ffff7e00000.
 */
Test(plan_place, aligned_static_pie_inside_a_page)
{
	static const struct segmap_phdr phdrs[HEADERS] = {
		HEADER(PT_LOAD, RX, 0x234, 0x200234, 0x2000, 0x2000, 0x200000)};
	const uint64_t aligned = 0x7ffff7e00000;
	struct subject s;

	subject_init(&s, ET_DYN, phdrs, 4096);
	cr_assert_eq(subject_plan(&s), 0);
	const struct segmap_object *o = &s.plan->objects[0];
	cr_assert_eq(o->place, SEGMAP_PLACE_SEARCH);
	segmap_plan_settle(s.plan, SEGMAP_PROGRAM, aligned - o->base);
	cr_expect_eq(s.plan->mappings[0].addr, 0x7ffff7dff000, "at %#lx",
		     s.plan->mappings[0].addr);
	subject_clear(&s);
}

/* An empty segment is mapped nowhere, but where it would be may kill: its distance from mmap's
 * choice goes along with the question. */
Test(plan_place, empty_segments_of_what_mmap_places)
{
	static const struct segmap_phdr phdrs[HEADERS] = {
		HEADER(PT_LOAD, RX, 0, 0x100000, 0x1000, 0x1000, 0x1000),
		HEADER(PT_LOAD, RX, 0, 0, 0, 0, 0x1000),
		HEADER(PT_LOAD, RX, 0, 0x300010, 0, 0, 0x1000)};
	struct subject s;

	subject_init(&s, ET_DYN, phdrs, 4096);
	cr_assert_eq(subject_plan(&s), 0);
	const struct segmap_object *o = &s.plan->objects[0];
	cr_expect_eq(o->empty_low, -0x100000, "%#lx", o->empty_low);
	cr_expect_eq(o->empty_high, 0x200000, "%#lx", o->empty_high);
	subject_clear(&s);
}

/* Looking for an aligned address without a first byte in the file unmaps all up to the span. */
Test(plan_place, emptied_up_to_the_stack)
{
	static const struct segmap_phdr phdrs[HEADERS] = {
		HEADER(PT_LOAD, RX, 0, 0, 0, 0, 0x200000),
		HEADER(PT_LOAD, RX, 0, 0x7ffffffe0000, 0, 0, 0x1000)};
	struct subject s;

	subject_init(&s, ET_DYN, phdrs, 4096);
	s.policy.stack_start = 0x7ffffffde000;
	s.policy.stack_end = 0x7ffffffff000;
	cr_expect_lt(subject_plan(&s), 0);
	cr_expect_eq(s.err.reason, SEGMAP_REASON_STACK_CUT);
	cr_expect_eq(s.err.verdict, SEGMAP_VERDICT_UNSUPPORTED);
	subject_clear(&s);
}

/* total_mapping_size(), with the tables of the kernel's own unit test for it: those of
 * /bin/mount, as they are and with the segments out of order. */
Test(plan_place, span_of_kernel_unit_test)
{
	/* clang-format off */
	static const struct segmap_phdr mount[] = {
		HEADER(PT_PHDR, RO, 0, 0x40, 0x2d8, 0x2d8, 8),
		HEADER(PT_INTERP, RO, 0, 0x318, 0x1c, 0x1c, 1),
		HEADER(PT_LOAD, RO, 0, 0, 0x33a8, 0x33a8, 0x1000),
		HEADER(PT_LOAD, RX, 0, 0x4000, 0x5c91, 0x5c91, 0x1000),
		HEADER(PT_LOAD, RO, 0, 0xa000, 0x22f8, 0x22f8, 0x1000),
		HEADER(PT_LOAD, RW, 0x330, 0xd330, 0xd40, 0xd40, 0x1000),
		HEADER(PT_DYNAMIC, RW, 0, 0xd928, 0x200, 0x200, 8),
		HEADER(PT_GNU_RELRO, RO, 0, 0xd330, 0xcd0, 0xcd0, 1),
	};
	static const struct segmap_phdr unordered[HEADERS] = {
		HEADER(PT_LOAD, RO, 0, 0, 0x33a8, 0x33a8, 0x1000),
		HEADER(PT_LOAD, RW, 0x330, 0xd330, 0xd40, 0xd40, 0x1000),
		HEADER(PT_LOAD, RX, 0, 0x4000, 0x5c91, 0x5c91, 0x1000),
		HEADER(PT_LOAD, RO, 0, 0xa000, 0x22f8, 0x22f8, 0x1000),
	};
	static const struct segmap_phdr empty[HEADERS] = {
		HEADER(PT_LOAD, RO, 0, 0, 0, 0, 0x1000),
		HEADER(PT_INTERP, RO, 0, 10, 999999, 999999, 1),
	};
	/* clang-format on */
	static const struct {
		const char *name;
		const struct segmap_phdr *phdrs;
		size_t count;
		uint64_t span;
	} cases[] = {
		{"no headers", mount, 0, 0},
		{"an empty header", empty, 1, 0},
		{"no PT_LOAD", empty + 1, 1, 0},
		{"an empty PT_LOAD and another header", empty, 2, 0},
		{"mount", mount, 8, 0xe070},
		{"mount, unordered", unordered, 4, 0xe070},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct subject s;

		subject_init(&s, ET_DYN, cases[i].phdrs, 4096);
		s.images[0].phdr_count = cases[i].count;
		int r = subject_plan(&s);
		bool dies = cases[i].span == 0 && cases[i].phdrs == empty;
		cr_expect_eq(r < 0, dies, "%s: %d", cases[i].name, r);
		if (dies)
			cr_expect_eq(s.err.reason, SEGMAP_REASON_NO_SPAN, "%s: %s",
				     cases[i].name, segmap_reason_name(s.err.reason));
		if (r < 0)
			continue;
		cr_expect_eq(s.plan->objects[0].span, cases[i].span, "%s: %#lx", cases[i].name,
			     s.plan->objects[0].span);
		subject_clear(&s);
	}
}

/* For another CPU, say: the program goes where it would, and its own entry is not looked at. */
Test(plan_place, interpreter_not_at_hand)
{
	static const struct segmap_phdr phdrs[HEADERS] = {LOAD(RX, 0, 0, 0x1000, 0x1000)};
	static char path[] = "/lib/ld.so";
	struct subject s;

	subject_init(&s, ET_DYN, phdrs, 4096);
	s.images[0].interp = path;
	s.images[0].ehdr.entry = UINT64_MAX / 2;
	cr_assert_eq(subject_plan(&s), 0, "%s", segmap_reason_name(s.err.reason));
	cr_expect_eq(s.plan->object_count, 1);
	cr_expect_eq(s.plan->objects[0].bias, PIE_BASE);
	cr_expect_eq(s.plan->objects[0].entry, PIE_BASE + UINT64_MAX / 2);
	cr_expect_eq(s.plan->entry, 0);
	subject_clear(&s);
}

/* With randomisation: 28 bits of pages on the base, before the alignment. */
Test(plan_place, random_base)
{
	/* clang-format off */
	static const struct {
		uint64_t random, align, bias;
	} cases[] = {
		{0, 0x1000, PIE_BASE},
		{1, 0x1000, PIE_BASE + 0x1000},
		{0xfffffff, 0x1000, PIE_BASE + 0xfffffff000},
		{0x10000000, 0x1000, PIE_BASE},
		{0xdeadbeefdeadbeef, 0x1000, PIE_BASE + 0xeadbeef000},
		{1, 0x200000, 0x555555400000},
		{0x1ff, 0x200000, 0x555555600000},
	};
	/* clang-format on */
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct segmap_phdr phdrs[HEADERS] = {ALIGNED(cases[i].align)};
		const struct segmap_phdr ld_so[HEADERS] = LD_SO;
		struct subject s;

		subject_init(&s, ET_DYN, phdrs, 4096);
		subject_add_interp(&s, ET_DYN, ld_so);
		s.policy.randomize = true;
		s.policy.random[0] = cases[i].random;
		cr_assert_eq(subject_plan(&s), 0, "row %zu", i);
		cr_expect_eq(s.plan->objects[0].bias, cases[i].bias, "row %zu: %#lx", i,
			     s.plan->objects[0].bias);
		subject_clear(&s);
		s.policy.randomize = false;
		cr_assert_eq(subject_plan(&s), 0, "row %zu", i);
		cr_expect_eq(s.plan->objects[0].bias & ~UINT64_C(0x1fffff), 0x555555400000,
			     "row %zu: not random, yet %#lx", i, s.plan->objects[0].bias);
		subject_clear(&s);
	}
}
