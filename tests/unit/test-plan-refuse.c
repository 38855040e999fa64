/*
 * What the planner refuses, and why: the rules of exec.md 1.2 and 1.3 that kill. Each row has
 * the numbers that the message must show.
 */
#include "subject.h"

#include <criterion/criterion.h>
#include <string.h>

#define TOP         0x7ffffffff000            /* TASK_SIZE */
#define BELOW_STACK (STACK_END - (128 << 20)) /* what mmap has to choose from, with MIN_GAP */

struct refusal {
	const char *name;
	uint16_t type;
	struct segmap_phdr phdrs[HEADERS];
	enum segmap_reason reason;
	int index;
	uint64_t value[4];
	enum segmap_object_id object;
	uint64_t file_size; /* 0 for 16 MiB */
	uint64_t entry;
	uint16_t interp_type; /* ET_*: there is one, with the headers below */
	struct segmap_phdr interp[2];
	uint64_t interp_entry;
	uint64_t page; /* 0 for 4096 */
	bool no_stack; /* where the stack is is not known */
};

#define TEXT LOAD(RX, 0, 0x401000, 0x1000, 0x1000)

/* clang-format off */
static const struct refusal segment_cases[] = {
	{"incongruent [D02]", ET_EXEC, {TEXT, LOAD(RW, 0x1010, 0x402000, 0x10, 0x10)},
	 SEGMAP_REASON_INCONGRUENT, 1, {0x1010, 0x402000, 0x1000}},
	{"incongruent by one", ET_EXEC, {LOAD(RX, 0x1000, 0x401001, 0x10, 0x10)},
	 SEGMAP_REASON_INCONGRUENT, 0, {0x1000, 0x401001, 0x1000}},
	{"incongruent for 16 KiB pages only", ET_EXEC, {LOAD(RX, 0x1000, 0x400000, 0x10, 0x10)},
	 SEGMAP_REASON_INCONGRUENT, 0, {0x1000, 0x400000, 0x4000}, .page = 16384},
	{"incongruent for 64 KiB pages only", ET_EXEC, {LOAD(RX, 0x4000, 0x400000, 0x10, 0x10)},
	 SEGMAP_REASON_INCONGRUENT, 0, {0x4000, 0x400000, 0x10000}, .page = 65536},
	{"offset one page too far [D25]", ET_EXEC,
	 {LOAD(RX, 0x7ffffffffffff000, 0x401000, 0x1000, 0x1000)},
	 SEGMAP_REASON_OFFSET_RANGE, 0, {0x7ffffffffffff000, 0x1000}},
	{"offset in range, length too far [D25]", ET_EXEC,
	 {LOAD(RX, 0x7fffffffffffe000, 0x401000, 0x1001, 0x1001)},
	 SEGMAP_REASON_OFFSET_RANGE, 0, {0x7fffffffffffe000, 0x2000}},
	{"negative offset [D25]", ET_EXEC, {LOAD(RX, 0xfffffffffffff000, 0x401000, 0x10, 0x10)},
	 SEGMAP_REASON_OFFSET_RANGE, 0, {0xfffffffffffff000, 0x1000}},
	{"offset smaller than the skew", ET_EXEC, {LOAD(RX, 0, 0x401000, 0x10, 0x10),
	 LOAD(RW, 0xfffffffffffff234, 0x402234, 0x10, 0x10)},
	 SEGMAP_REASON_OFFSET_RANGE, 1, {0xfffffffffffff000, 0x1000}},
	{"offset one page too far, 64 KiB pages", ET_EXEC,
	 {LOAD(RX, 0x7fffffffffff0000, 0x400000, 0x1000, 0x1000)},
	 SEGMAP_REASON_OFFSET_RANGE, 0, {0x7fffffffffff0000, 0x10000}, .page = 65536},
	{"filesz > memsz by one", ET_EXEC, {TEXT, LOAD(RW, 0, 0x402000, 0x11, 0x10)},
	 SEGMAP_REASON_FILESZ_MEMSZ, 1, {0x11, 0x10}},
	{"filesz > memsz 0", ET_EXEC, {LOAD(RW, 0, 0x402000, 1, 0)},
	 SEGMAP_REASON_FILESZ_MEMSZ, 0, {1, 0}},
	{"vaddr at the end [D01]", ET_EXEC, {LOAD(RW, 0, TOP, 0, 0)},
	 SEGMAP_REASON_VADDR_RANGE, 0, {TOP, 0, TOP}},
	{"vaddr far beyond [F10]", ET_EXEC, {LOAD(RW, 0, 0xfffffffffffff000, 0x10, 0x10)},
	 SEGMAP_REASON_VADDR_RANGE, 0, {0xfffffffffffff000, 0x10, TOP}},
	{"PIE: the address counts without its bias", ET_DYN,
	 {LOAD(RX, 0, TOP - 0x1000, 0x10, 0x10), LOAD(RW, 0, TOP, 0, 0)},
	 SEGMAP_REASON_VADDR_RANGE, 1, {TOP, 0, TOP}},
	{"memsz over the end by one [D05]", ET_EXEC, {LOAD(RW, 0, 0x400000, 0, TOP - 0x400000 + 1)},
	 SEGMAP_REASON_MEMSZ_RANGE, 0, {0x400000, TOP - 0x400000 + 1, TOP}},
	{"memsz 2^47 [D05]", ET_EXEC, {LOAD(RW, 0, 0, 0, 0x800000000000)},
	 SEGMAP_REASON_MEMSZ_RANGE, 0, {0, 0x800000000000, TOP}},
	{"memsz that wraps [D05]", ET_EXEC, {LOAD(RW, 0, 0x400000, 0x10, -UINT64_C(0x300000))},
	 SEGMAP_REASON_MEMSZ_RANGE, 0, {0x400000, -UINT64_C(0x300000), TOP}},
	{"memsz 0 gets the range check too [D04]", ET_EXEC, {TEXT, LOAD(RW, 0, TOP + 0x1000, 0, 0)},
	 SEGMAP_REASON_VADDR_RANGE, 1, {TOP + 0x1000, 0, TOP}},
	{"tail past the end of the file [D23b]", ET_EXEC,
	 {LOAD(RW, 0x1000, 0x402000, 0x1100, 0x1200)},
	 SEGMAP_REASON_TAIL_PAST_EOF, 0, {0x2000, 0x2000}, .file_size = 0x2000},
	{"tail far past the end of the file, bss beyond", ET_EXEC,
	 {LOAD(PF_W, 0x1000, 0x402000, 0x9001, 0x20000)},
	 SEGMAP_REASON_TAIL_PAST_EOF, 0, {0xa000, 0x10}, .file_size = 0x10},
};

static const struct refusal stack_cases[] = {
	{"first and over the stack's last page [D08]", ET_EXEC,
	 {LOAD(RX, 0, STACK_END - 0x1000, 0x10, 0x10)},
	 SEGMAP_REASON_ON_STACK, 0, {STACK_END - 0x1000, STACK_END, STACK_START, STACK_END}},
	{"first and over the stack's first page [D08]", ET_EXEC,
	 {LOAD(RX, 0, STACK_START - 0x1000, 0x1001, 0x1001)},
	 SEGMAP_REASON_ON_STACK, 0,
	 {STACK_START - 0x1000, STACK_START + 0x1000, STACK_START, STACK_END}},
	{"PIE whose span reaches the stack [F09]", ET_DYN,
	 {LOAD(RX, 0, 0, 0x10, 0x10), LOAD(RW, 0, STACK_START - 0x555555554000, 0x10, 0x10)},
	 SEGMAP_REASON_ON_STACK, 0, {0x555555554000, STACK_START + 0x1000, STACK_START, STACK_END},
	 .interp_type = ET_DYN, .interp = {LOAD(RX, 0, 0, 0x10, 0x10)}},
	{"a page more than mmap has below the stack [F09]", ET_DYN,
	 {LOAD(RX, 0, 0, 0x10, 0x10), LOAD(RW, 0, BELOW_STACK, 0, 1)},
	 SEGMAP_REASON_VADDR_RANGE, 0, {0, BELOW_STACK + 0x1000, TOP}},
};

static const struct refusal object_cases[] = {
	{"PIE with empty segments only [B03]", ET_DYN, {LOAD(RX, 0, 0, 0, 0)},
	 SEGMAP_REASON_NO_SPAN, -1, {0}},
	{"PIE whose span wraps to no page", ET_DYN,
	 {LOAD(RX, 0, 0, 0x10, 0x10), LOAD(RW, 0, -UINT64_C(0x1000), 0x800, 0x800)},
	 SEGMAP_REASON_NO_SPAN, -1, {0}},
	{"interpreter without a PT_LOAD [C12]", ET_EXEC, {TEXT}, SEGMAP_REASON_NO_SPAN, -1, {0},
	 .object = SEGMAP_INTERPRETER,
	 .interp_type = ET_DYN, .interp = {HEADER(PT_NOTE, RO, 0, 0, 1, 1, 1)}},
	{"ET_EXEC interpreter without a PT_LOAD", ET_EXEC, {TEXT}, SEGMAP_REASON_NO_SPAN, -1, {0},
	 .object = SEGMAP_INTERPRETER,
	 .interp_type = ET_EXEC, .interp = {HEADER(PT_NOTE, RO, 0, 0, 1, 1, 1)}},
	{"interpreter ET_REL [C11]", ET_EXEC, {TEXT}, SEGMAP_REASON_INTERP_TYPE, -1, {ET_REL},
	 .object = SEGMAP_INTERPRETER,
	 .interp_type = ET_REL, .interp = {TEXT}},
	{"interpreter ET_CORE", ET_DYN, {TEXT}, SEGMAP_REASON_INTERP_TYPE, -1, {ET_CORE},
	 .object = SEGMAP_INTERPRETER,
	 .interp_type = ET_CORE, .interp = {TEXT}},
	{"image of 128 TiB [F09]", ET_DYN, {LOAD(RX, 0, 0, 0x10, 0x10), LOAD(RW, 0, TOP - 1, 0, 1)},
	 SEGMAP_REASON_VADDR_RANGE, 0, {0x555555554000, TOP, TOP},
	 .interp_type = ET_DYN, .interp = {TEXT}},
	{"PIE of 64 TiB [F09]", ET_DYN,
	 {LOAD(RX, 0, 0, 0x10, 0x10), LOAD(RW, 0, 0x400000000000 - 1, 0, 1)},
	 SEGMAP_REASON_VADDR_RANGE, 0, {0x555555554000, 0x400000000000, TOP},
	 .interp_type = ET_DYN, .interp = {TEXT}, .no_stack = true},
	{"first PT_LOAD not the lowest, and the span ends too high", ET_DYN,
	 {LOAD(RX, 0, 0x200000000000, 0x10, 0x10), LOAD(RX, 0, 0, 0x10, 0x10),
	  LOAD(RW, 0, 0x3fffffffffff, 0, 1)},
	 SEGMAP_REASON_VADDR_RANGE, 0, {0x555555554000, 0x400000000000, TOP},
	 .interp_type = ET_DYN, .interp = {TEXT}, .no_stack = true},
};

/* The kernel computes bias = page_down(0 - p_vaddr), which is -page: nothing can be mapped there.
 * With p_vaddr at a page's start it is 0, and root can. */
static const struct refusal below_zero[] = {
	{"static PIE, first PT_LOAD without file bytes and inside a page", ET_DYN,
	 {LOAD(RW, 0x234, 0x234, 0, 0x1000), LOAD(RX, 0, 0x10000, 0x10, 0x10)},
	 SEGMAP_REASON_VADDR_RANGE, 0, {0xfffffffffffff000, 0x2000, TOP}},
};

static const struct refusal entry_cases[] = {
	{"entry at TASK_SIZE [E02]", ET_EXEC, {TEXT}, SEGMAP_REASON_ENTRY_RANGE, -1, {TOP, TOP},
	 .entry = TOP},
	{"entry 2^63 [E03]", ET_EXEC, {TEXT}, SEGMAP_REASON_ENTRY_RANGE, -1,
	 {0x8000000000000000, TOP}, .entry = 0x8000000000000000},
	{"entry -1", ET_EXEC, {TEXT}, SEGMAP_REASON_ENTRY_RANGE, -1, {UINT64_MAX, TOP},
	 .entry = UINT64_MAX},
	{"static PIE, entry at TASK_SIZE: past it wherever mmap puts it", ET_DYN,
	 {LOAD(RX, 0, 0, 0x10, 0x10)}, SEGMAP_REASON_ENTRY_RANGE, -1, {TOP, TOP}, .entry = TOP},
	{"static PIE, entry 2^63", ET_DYN, {LOAD(RX, 0, 0, 0x10, 0x10)},
	 SEGMAP_REASON_ENTRY_RANGE, -1, {0x8000000000000000, TOP}, .entry = 0x8000000000000000},
	{"entry of the interpreter at TASK_SIZE [C18]", ET_EXEC, {TEXT},
	 SEGMAP_REASON_ENTRY_RANGE, -1, {TOP, TOP}, .entry = 0x401000,
	 .object = SEGMAP_INTERPRETER,
	 .interp_type = ET_EXEC, .interp = {LOAD(RX, 0, 0x10000, 0x10, 0x10)}, .interp_entry = TOP},
	{"entry of an ET_DYN interpreter at TASK_SIZE [C18]", ET_EXEC, {TEXT},
	 SEGMAP_REASON_ENTRY_RANGE, -1, {TOP, TOP}, .entry = 0x401000,
	 .object = SEGMAP_INTERPRETER,
	 .interp_type = ET_DYN, .interp = {LOAD(RX, 0, 0, 0x10, 0x10)}, .interp_entry = TOP},
};

/* The interpreter's segments get the same checks; one more field says whose they are. */
static const struct refusal interp_cases[] = {
	{"interpreter: incongruent", ET_EXEC, {TEXT}, SEGMAP_REASON_INCONGRUENT, 0,
	 {1, 0x1000, 0x1000}, .object = SEGMAP_INTERPRETER,
	 .interp_type = ET_DYN, .interp = {LOAD(RX, 1, 0x1000, 0x10, 0x10)}},
	{"interpreter: filesz > memsz", ET_EXEC, {TEXT}, SEGMAP_REASON_FILESZ_MEMSZ, 0,
	 {0x11, 0x10}, .object = SEGMAP_INTERPRETER,
	 .interp_type = ET_DYN, .interp = {LOAD(RX, 0, 0, 0x11, 0x10)}},
	{"interpreter: vaddr at the end", ET_EXEC, {TEXT}, SEGMAP_REASON_VADDR_RANGE, 0,
	 {TOP, 0x10, TOP}, .object = SEGMAP_INTERPRETER,
	 .interp_type = ET_EXEC, .interp = {LOAD(RX, 0, TOP, 0x10, 0x10)}},
	{"interpreter: memsz too large", ET_EXEC, {TEXT}, SEGMAP_REASON_MEMSZ_RANGE, 0,
	 {0, TOP + 1, TOP}, .object = SEGMAP_INTERPRETER,
	 .interp_type = ET_DYN, .interp = {LOAD(RW, 0, 0, 0x10, TOP + 1)}},
	{"interpreter: tail past the end of the file", ET_EXEC, {TEXT},
	 SEGMAP_REASON_TAIL_PAST_EOF, 0, {0x2000000, 16 << 20}, .object = SEGMAP_INTERPRETER,
	 .interp_type = ET_DYN,
	 .interp = {LOAD(RW, 0x2000000, 0, 0x10, 0x20)}},
	{"interpreter: offset too far", ET_EXEC, {TEXT}, SEGMAP_REASON_OFFSET_RANGE, 0,
	 {0x7ffffffffffff000, 0x1000}, .object = SEGMAP_INTERPRETER,
	 .interp_type = ET_DYN,
	 .interp = {LOAD(RX, 0x7ffffffffffff000, 0, 0x10, 0x10)}},
};
/* clang-format on */

static void prepare(struct subject *s, const struct refusal *c)
{
	subject_init(s, c->type, c->phdrs, c->page ? c->page : 4096);
	s->images[SEGMAP_PROGRAM].ehdr.entry = c->entry;
	if (c->interp_type) {
		subject_add_interp(s, c->interp_type, c->interp);
		s->images[SEGMAP_INTERPRETER].phdr_count = 1;
		s->images[SEGMAP_INTERPRETER].ehdr.entry = c->interp_entry;
	}
	if (c->file_size)
		s->images[SEGMAP_PROGRAM].file_size = c->file_size;
	if (c->no_stack)
		s->policy.stack_start = s->policy.stack_end = 0;
}

static void check_words(const char *name, const struct segmap_error *err)
{
	struct segmap_error_text text;

	segmap_error_describe(err, &text);
	cr_expect(text.cause[0] && text.evidence[0], "%s: a refusal without words", name);
	cr_expect(strstr(text.kernel, "SIGSEGV"), "%s: execve kills, not '%s'", name,
		  text.kernel);
}

static void check(const struct refusal *c)
{
	struct subject s;

	prepare(&s, c);
	int r = subject_plan(&s);
	cr_expect_lt(r, 0, "%s: was not refused", c->name);
	if (r == 0) {
		subject_clear(&s);
		return;
	}
	cr_expect_eq(s.err.reason, c->reason, "%s: reason %s, not %s", c->name,
		     segmap_reason_name(s.err.reason), segmap_reason_name(c->reason));
	cr_expect_eq(s.err.verdict, SEGMAP_VERDICT_KILLS, "%s: verdict %s", c->name,
		     segmap_verdict_name(s.err.verdict));
	cr_expect_eq(r, -s.err.errnum, "%s: %d returned, %d noted", c->name, r, s.err.errnum);
	cr_expect_eq(s.err.index, c->index, "%s: index %d", c->name, s.err.index);
	cr_expect_eq(s.err.object, c->object, "%s: of the wrong object", c->name);
	for (int i = 0; i < 4; i++)
		cr_expect_eq(s.err.value[i], c->value[i], "%s: value %d is %#lx, not %#lx",
			     c->name, i, s.err.value[i], c->value[i]);
	check_words(c->name, &s.err);
}

#define CHECK_ALL(cases)                                                                       \
	for (size_t i = 0; i < sizeof(cases) / sizeof(*(cases)); i++)                          \
	check(&(cases)[i])

Test(plan_refuse, segments)
{
	CHECK_ALL(segment_cases);
}

Test(plan_refuse, on_the_stack)
{
	CHECK_ALL(stack_cases);
}

Test(plan_refuse, all_that_mmap_has_is_no_death)
{
	struct subject s;
	const struct segmap_phdr phdrs[HEADERS] = {LOAD(RX, 0, 0, 0x10, 0x10),
						   LOAD(RW, 0, BELOW_STACK - 1, 0, 1)};

	subject_init(&s, ET_DYN, phdrs, 4096);
	cr_expect_eq(subject_plan(&s), 0);
	subject_clear(&s);
}

Test(plan_refuse, objects)
{
	CHECK_ALL(object_cases);
}

Test(plan_refuse, below_zero)
{
	CHECK_ALL(below_zero);
}

Test(plan_refuse, entries)
{
	CHECK_ALL(entry_cases);
}

Test(plan_refuse, interpreters)
{
	CHECK_ALL(interp_cases);
}

/*
 * Only the file bytes of the first segment may not replace anything: bss, and all of a later
 * segment, replaces the stack's pages, and the kernel goes on; seen for each of these. A loader
 * that cannot do the same may refuse it, but not say that execve would kill.
 */
static const struct {
	const char *name;
	struct segmap_phdr phdrs[HEADERS];
} stack_replaced[] = {
	/* clang-format off */
	{"later bss over the stack's first page", {TEXT, LOAD(RW, 0, STACK_START, 0, 0x1000)}},
	{"later bss over its last page [D09c]", {TEXT, LOAD(RW, 0, STACK_END - 1, 0, 1)}},
	{"later bss over half of it", {TEXT, LOAD(RW, 0, STACK_START - 0x1000, 0, 0x10000)}},
	{"first segment, bss only, over the first page", {LOAD(RW, 0, STACK_START, 0, 0x1000), TEXT}},
	{"first segment, bss only, over the last page", {LOAD(RW, 0, STACK_END - 1, 0, 1), TEXT}},
	{"first segment's bss reaches the stack",
	 {LOAD(RW, 0, STACK_START - 0x1000, 0x1000, 0x2000), TEXT}},
	{"first segment's bss covers the stack",
	 {LOAD(RW, 0, STACK_START - 0x1000, 0x1000, STACK_END - STACK_START + 0x1000), TEXT}},
	{"later file bytes over the first page", {TEXT, LOAD(RX, 0, STACK_START, 0x10, 0x10)}},
	/* clang-format on */
};

Test(plan_refuse, replacing_the_stack_is_no_death)
{
	for (size_t i = 0; i < sizeof(stack_replaced) / sizeof(*stack_replaced); i++) {
		struct subject s;

		subject_init(&s, ET_EXEC, stack_replaced[i].phdrs, 4096);
		s.images[0].ehdr.entry = 0x401000;
		int r = subject_plan(&s);
		cr_expect(r == 0 || s.err.verdict == SEGMAP_VERDICT_UNSUPPORTED,
			  "%s: the kernel runs it; refused: %s, %s", stack_replaced[i].name,
			  segmap_reason_name(s.err.reason), segmap_verdict_name(s.err.verdict));
		subject_clear(&s);
	}
}

/* A caller that does not care why gives no error. */
Test(plan_refuse, without_an_error_structure)
{
	static const struct segmap_phdr bad[HEADERS] = {LOAD(RX, 0x1001, 0x401000, 0x10, 0x10)};
	struct segmap_plan *plan = NULL;
	struct subject s;

	subject_init(&s, ET_EXEC, bad, 4096);
	cr_expect_lt(segmap_plan_make(&plan, &s.images[0], NULL, &s.policy, NULL), 0);
	cr_expect_null(plan);
}
