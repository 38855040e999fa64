/*
 * What the plan says about the program besides its mappings: code, data and heap, AT_PHDR,
 * entry, stack (exec.md 1.3), and how it moves when mmap has chosen an address.
 */
#include "subject.h"

#include <criterion/criterion.h>

#define PIE_BASE  0x555555554000
#define HEAP_BASE 0x555555555000 /* of a static PIE: two thirds of user space, a page up */

enum kind { FIXED, PIE, STATIC_PIE };

static const struct segmap_phdr ld_so[HEADERS] = {LOAD(RX, 0, 0, 0x2000, 0x2000)};

static int plan_kind(struct subject *s, enum kind kind, const struct segmap_phdr *phdrs)
{
	subject_init(s, kind == FIXED ? ET_EXEC : ET_DYN, phdrs, 4096);
	if (kind == PIE)
		subject_add_interp(s, ET_DYN, ld_so);
	return subject_plan(s);
}

struct bounds_case {
	const char *name;
	struct segmap_phdr phdrs[HEADERS];
	uint64_t start_code, end_code, start_data, end_data, mem_end;
};

/* clang-format off */
static const struct bounds_case bounds_cases[] = {
	{"text and data", {LOAD(RX, 0x1000, 0x401000, 0x234, 0x234),
			   LOAD(RW, 0x2010, 0x403010, 0x100, 0x2000)},
	 0x401000, 0x401234, 0x403010, 0x403110, 0x405010},
	{"out of order", {LOAD(RW, 0x2010, 0x403010, 0x100, 0x2000),
			  LOAD(RX, 0x1000, 0x401000, 0x234, 0x234)},
	 0x401000, 0x401234, 0x403010, 0x403110, 0x405010},
	{"two executable ones", {LOAD(RX, 0x1000, 0x409000, 0x10, 0x3000),
				 LOAD(PF_X, 0x1008, 0x401008, 0x20, 0x20), LOAD(RO, 0, 0x400000, 8, 8)},
	 0x401008, 0x409010, 0x409000, 0x409010, 0x40c000},
	{"two executable ones, the lower one first",
	 {LOAD(RX, 0, 0x401000, 0x100, 0x100), LOAD(RX, 0, 0x403000, 0x10, 0x10)},
	 0x401000, 0x403010, 0x403000, 0x403010, 0x403010},
	{"data is the last segment, whatever its flags [D07]",
	 {LOAD(RW, 0, 0x401000, 0x10, 0x10), LOAD(RX, 0, 0x402000, 0x10, 0x10)},
	 0x402000, 0x402010, 0x402000, 0x402010, 0x402010},
	{"start and end of data from different segments",
	 {LOAD(RX, 0, 0x401000, 0x5000, 0x9000), LOAD(RW, 0, 0x402000, 0x10, 0x10)},
	 0x401000, 0x406000, 0x402000, 0x406000, 0x40a000},
	{"nothing executable [B01]", {LOAD(RW, 0, 0x401000, 0x10, 0x10)},
	 UINT64_MAX, 0, 0x401000, 0x401010, 0x401010},
	{"memsz 0 counts [B05, D04]", {LOAD(RX, 0, 0x401000, 0x10, 0x10), LOAD(RW, 0, 0x700123, 0, 0)},
	 0x401000, 0x401010, 0x700123, 0x700123, 0x700123},
	{"other headers do not", {LOAD(RX, 0, 0x401000, 0x10, 0x10),
				  HEADER(PT_NOTE, RX, 0, 0x7000000, 0x10, 0x10, 4)},
	 0x401000, 0x401010, 0x401000, 0x401010, 0x401010},
	{"no PT_LOAD [B01]", {HEADER(PT_NOTE, RO, 0, 0, 1, 1, 1)}, UINT64_MAX, 0, 0, 0, 0},
};
/* clang-format on */

static void check_bounds(const struct bounds_case *c, enum kind kind)
{
	struct subject s;
	int r = plan_kind(&s, kind, c->phdrs);

	cr_assert_eq(r, 0, "%s: kind %d: %s", c->name, kind, segmap_reason_name(s.err.reason));
	const struct segmap_plan *p = s.plan;
	uint64_t bias = p->objects[0].bias;
	uint64_t brk = (c->mem_end + bias + 0xfff) & ~UINT64_C(0xfff);
	cr_expect_eq(p->start_code, c->start_code + bias, "%s: kind %d: start_code %#lx",
		     c->name, kind, p->start_code);
	cr_expect_eq(p->end_code, c->end_code + bias, "%s: kind %d: end_code %#lx", c->name,
		     kind, p->end_code);
	cr_expect_eq(p->start_data, c->start_data + bias, "%s: kind %d: start_data %#lx",
		     c->name, kind, p->start_data);
	cr_expect_eq(p->end_data, c->end_data + bias, "%s: kind %d: end_data %#lx", c->name,
		     kind, p->end_data);
	cr_expect_eq(p->brk_moved, kind == STATIC_PIE, "%s: kind %d: brk_moved", c->name, kind);
	cr_expect_eq(p->brk, kind == STATIC_PIE ? HEAP_BASE : brk, "%s: kind %d: brk %#lx",
		     c->name, kind, p->brk);
	subject_clear(&s);
}

Test(plan_bounds, code_data_and_heap)
{
	for (size_t i = 0; i < sizeof(bounds_cases) / sizeof(*bounds_cases); i++)
		for (enum kind kind = FIXED; kind <= STATIC_PIE; kind++)
			check_bounds(&bounds_cases[i], kind);
}

/* Heap randomisation: a page, unless the heap is away from the program, and a page of 1 GiB. */
Test(plan_bounds, random_heap)
{
	static const struct segmap_phdr phdrs[HEADERS] = {LOAD(RW, 0, 0x1000, 0x10, 0x1234)};
	static const struct {
		enum kind kind;
		uint64_t random, brk;
	} cases[] = {
		{FIXED, 0, 0x4000},
		{FIXED, 1, 0x5000},
		{FIXED, 0x3ffff, 0x40003000},
		{FIXED, 0x40000, 0x4000},
		{PIE, 0, PIE_BASE + 0x3000},
		{PIE, 0x40002, PIE_BASE + 0x5000},
		{STATIC_PIE, 0, HEAP_BASE},
		{STATIC_PIE, 0x3ffff, HEAP_BASE + 0x3ffff000},
		{STATIC_PIE, UINT64_MAX, HEAP_BASE + 0x3ffff000},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct subject s;

		subject_init(&s, cases[i].kind == FIXED ? ET_EXEC : ET_DYN, phdrs, 4096);
		if (cases[i].kind == PIE)
			subject_add_interp(&s, ET_DYN, ld_so);
		s.policy.randomize = s.policy.randomize_brk = true;
		s.policy.random[1] = cases[i].random;
		cr_assert_eq(subject_plan(&s), 0, "row %zu", i);
		cr_expect_eq(s.plan->brk, cases[i].brk, "row %zu: %#lx", i, s.plan->brk);
		subject_clear(&s);
		s.policy.randomize_brk = false;
		cr_assert_eq(subject_plan(&s), 0, "row %zu", i);
		cr_expect_eq(s.plan->brk,
			     cases[i].kind == FIXED ? 0x3000
			     : cases[i].kind == PIE ? PIE_BASE + 0x2000
						    : HEAP_BASE,
			     "row %zu: randomize_va_space 1: %#lx", i, s.plan->brk);
		subject_clear(&s);
	}
}

/* clang-format off */
static const struct {
	const char *name;
	struct segmap_phdr phdrs[HEADERS];
	uint64_t phoff, want; /* want without the bias */
} phdr_cases[] = {
	{"in the first segment", {LOAD(RX, 0, 0x400000, 0x1000, 0x1000)}, 0x40, 0x400040},
	{"at the segment's first byte", {LOAD(RX, 0x1000, 0x401000, 0x10, 0x10)}, 0x1000, 0x401000},
	{"at its last byte: only the first is asked for [G11]",
	 {LOAD(RX, 0x1000, 0x401000, 0x10, 0x10)}, 0x100f, 0x40100f},
	{"just past it", {LOAD(RX, 0x1000, 0x401000, 0x10, 0x2000)}, 0x1010, 0},
	{"just before it", {LOAD(RX, 0x1010, 0x401010, 0x10, 0x10)}, 0x100f, 0},
	{"in no segment [A11]", {LOAD(RX, 0, 0x400000, 0x1000, 0x1000)}, 0x123456, 0},
	{"the last of two decides [G10]", {LOAD(RX, 0, 0x500000, 0x1000, 0x1000),
					   LOAD(RO, 0, 0x600000, 0x1000, 0x1000),
					   LOAD(RW, 0x2000, 0x702000, 0x10, 0x10)}, 0x40, 0x600040},
	{"PT_PHDR does not matter [G12]", {HEADER(PT_PHDR, RO, 0x40, 0x999040, 0x38, 0x38, 8),
					   LOAD(RX, 0, 0x400000, 0x1000, 0x1000)}, 0x40, 0x400040},
	{"no file bytes", {LOAD(RW, 0x40, 0x400040, 0, 0x10), LOAD(RX, 0x1000, 0x401000, 1, 1)},
	 0x40, 0},
};
/* clang-format on */

Test(plan_bounds, at_phdr)
{
	for (size_t i = 0; i < sizeof(phdr_cases) / sizeof(*phdr_cases); i++) {
		for (enum kind kind = FIXED; kind <= PIE; kind++) {
			struct subject s;

			subject_init(&s, kind == FIXED ? ET_EXEC : ET_DYN, phdr_cases[i].phdrs,
				     4096);
			if (kind == PIE)
				subject_add_interp(&s, ET_DYN, ld_so);
			s.images[0].ehdr.phoff = phdr_cases[i].phoff;
			s.images[1].ehdr.phoff = 0x40;
			s.images[0].ehdr.phnum = 77; /* AT_PHNUM counts all types */
			cr_assert_eq(subject_plan(&s), 0, "%s", phdr_cases[i].name);
			cr_expect_eq(s.plan->phdr_addr,
				     phdr_cases[i].want + s.plan->objects[0].bias,
				     "%s: kind %d: %#lx", phdr_cases[i].name, kind,
				     s.plan->phdr_addr);
			cr_expect_eq(s.plan->phdr_count, 77);
			subject_clear(&s);
		}
	}
}

/* Entries that are no refusal, with and without an interpreter. */
Test(plan_bounds, entry)
{
	static const struct segmap_phdr phdrs[HEADERS] = {LOAD(RX, 0, 0x1000, 0x1000, 0x1000)};
	const uint64_t end = 0x7ffffffff000;
	/* clang-format off */
	const struct {
		const char *name;
		enum kind kind;
		uint64_t entry, interp_entry;
		uint64_t want; /* of the first instruction */
	} cases[] = {
		{"0 [E01]", FIXED, 0, 0, 0},
		{"inside", FIXED, 0x1234, 0, 0x1234},
		{"last address [E02]", FIXED, end - 1, 0, end - 1},
		{"PIE: the interpreter's", PIE, 0x1234, 0x555, 0x555},
		{"PIE: its own is not checked [E05]", PIE, 0x8000000000000000, 0x555, 0x555},
		{"interpreter's entry below its base [C18]", PIE, 0, -UINT64_C(0x1000),
		 -UINT64_C(0x1000)},
		{"static PIE", STATIC_PIE, 0x1234, 0, 0x1234},
		{"static PIE, below its base", STATIC_PIE, -UINT64_C(0x10000), 0,
		 -UINT64_C(0x10000)},
	};
	/* clang-format on */

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct subject s;

		subject_init(&s, cases[i].kind == FIXED ? ET_EXEC : ET_DYN, phdrs, 4096);
		if (cases[i].kind == PIE)
			subject_add_interp(&s, ET_DYN, ld_so);
		s.images[0].ehdr.entry = cases[i].entry;
		s.images[1].ehdr.entry = cases[i].interp_entry;
		int r = subject_plan(&s);
		cr_expect_eq(r, 0, "%s: %s", cases[i].name, segmap_reason_name(s.err.reason));
		if (r < 0)
			continue;
		cr_expect_eq(s.plan->entry, cases[i].want, "%s: %#lx", cases[i].name,
			     s.plan->entry);
		cr_expect_eq(s.plan->objects[0].entry, cases[i].entry + s.plan->objects[0].bias,
			     "%s: AT_ENTRY is the program's: %#lx", cases[i].name,
			     s.plan->objects[0].entry);
		subject_clear(&s);
	}
}

/* Far below its base, but wrapping into user space once mmap has placed it near the top: seen
 * to run (and to die of SIGSEGV only at the first instruction). */
Test(plan_bounds, entry_far_below_the_base)
{
	static const struct segmap_phdr phdrs[HEADERS] = {LOAD(RX, 0, 0, 0x1000, 0x1000)};
	struct subject s;

	subject_init(&s, ET_DYN, phdrs, 4096);
	s.images[0].ehdr.entry = -UINT64_C(0x600000000000);
	cr_assert_eq(subject_plan(&s), 0, "%s", segmap_reason_name(s.err.reason));
	subject_clear(&s);
}

Test(plan_bounds, stack_request)
{
	static const struct segmap_phdr phdrs[HEADERS] = {LOAD(RX, 0, 0x1000, 0x1000, 0x1000)};
	static const bool exec[] = {[SEGMAP_STACK_UNSAID] = false,
				    [SEGMAP_STACK_NOEXEC] = false,
				    [SEGMAP_STACK_EXEC] = true};

	for (int program = SEGMAP_STACK_UNSAID; program <= SEGMAP_STACK_EXEC; program++) {
		for (int interp = SEGMAP_STACK_UNSAID; interp <= SEGMAP_STACK_EXEC; interp++) {
			struct subject s;

			subject_init(&s, ET_DYN, phdrs, 4096);
			subject_add_interp(&s, ET_DYN, ld_so);
			s.images[0].stack_request = (enum segmap_stack_request)program;
			s.images[1].stack_request = (enum segmap_stack_request)interp;
			cr_assert_eq(subject_plan(&s), 0);
			cr_expect_eq(s.plan->stack_exec, exec[program],
				     "program %d, interpreter %d", program, interp);
			subject_clear(&s);
		}
	}
}

/* When mmap has spoken, all that depends on it moves, and nothing else. */
Test(plan_bounds, settle_static_pie)
{
	static const struct segmap_phdr phdrs[HEADERS] = {
		LOAD(RX, 0, 0x1000, 0x100, 0x100), LOAD(RW, 0x1000, 0x3000, 0x10, 0x2000)};
	const uint64_t bias = 0x7ffff7ff4000;
	char text[1024];
	struct subject s;

	subject_init(&s, ET_DYN, phdrs, 4096);
	s.images[0].ehdr.entry = 0x1008;
	s.images[0].ehdr.phoff = 0x40;
	cr_assert_eq(subject_plan(&s), 0);
	segmap_plan_settle(s.plan, SEGMAP_PROGRAM, bias);
	describe_mappings(s.plan->mappings, s.plan->mapping_count, text, sizeof(text));
	cr_expect_str_eq(text,
			 "file p0 r-x 7ffff7ff5000+1000 @0 reserve 4000\n"
			 "file p1 rw- 7ffff7ff7000+1000 @1000 clear 7ffff7ff7010+ff0\n"
			 "anon p1 rw- 7ffff7ff8000+1000\n",
			 "%s", text);
	const struct segmap_plan *p = s.plan;
	cr_expect_eq(p->objects[0].place, SEGMAP_PLACE_FIXED);
	cr_expect_eq(p->objects[0].bias, bias);
	cr_expect_eq(p->objects[0].entry, bias + 0x1008);
	cr_expect_eq(p->entry, bias + 0x1008);
	cr_expect_eq(p->phdr_addr, bias + 0x1040);
	cr_expect_eq(p->start_code, bias + 0x1000);
	cr_expect_eq(p->end_code, bias + 0x1100);
	cr_expect_eq(p->start_data, bias + 0x3000);
	cr_expect_eq(p->end_data, bias + 0x3010);
	cr_expect_eq(p->brk, HEAP_BASE, "the heap of a static PIE does not move with it");
	segmap_plan_settle(s.plan, SEGMAP_PROGRAM, 0x1000);
	cr_expect_eq(p->objects[0].bias, bias, "settled twice");
	subject_clear(&s);
}

Test(plan_bounds, settle_interpreter)
{
	static const struct segmap_phdr phdrs[HEADERS] = {LOAD(RX, 0, 0x1000, 0x100, 0x100)};
	const uint64_t bias = 0x7ffff7fc0000;
	char text[1024];
	struct subject s;

	subject_init(&s, ET_DYN, phdrs, 4096);
	subject_add_interp(&s, ET_DYN, ld_so);
	s.images[0].ehdr.entry = 0x1008;
	s.images[1].ehdr.entry = 0x10;
	cr_assert_eq(subject_plan(&s), 0);
	const struct segmap_plan before = *s.plan;
	segmap_plan_settle(s.plan, SEGMAP_INTERPRETER, bias);
	describe_mappings(s.plan->mappings, s.plan->mapping_count, text, sizeof(text));
	cr_expect_str_eq(text,
			 "file p0 r-x 555555554000+1000 @0 reserve 1000\n"
			 "file i0 r-x 7ffff7fc0000+2000 @0 reserve 2000\n",
			 "%s", text);
	cr_expect_eq(s.plan->entry, bias + 0x10);
	cr_expect_eq(s.plan->objects[1].entry, bias + 0x10);
	cr_expect_eq(s.plan->objects[1].bias, bias);
	cr_expect_eq(s.plan->objects[0].entry, before.objects[0].entry);
	cr_expect_eq(s.plan->start_code, before.start_code);
	cr_expect_eq(s.plan->brk, before.brk);
	cr_expect_eq(s.plan->phdr_addr, before.phdr_addr);
	subject_clear(&s);
}

Test(plan_bounds, names_and_nothing)
{
	cr_expect_str_eq(segmap_mapping_kind_name(SEGMAP_FILE_PRIVATE), "file-private");
	cr_expect_str_eq(segmap_mapping_kind_name(SEGMAP_ANON_PRIVATE), "anon-private");
	segmap_plan_free(NULL);
}
