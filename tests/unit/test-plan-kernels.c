/* What has changed from one kernel to the next: exec.md 1.6. Facts are known of 5.10, 6.1, 6.12
 * and 6.18; what lies between is not asked here. */
#include "subject.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

static struct segmap_rules rules_of(const char *release)
{
	struct segmap_rules rules;

	cr_assert_eq(segmap_rules_for(&rules, EM_X86_64, 4096), 0);
	cr_assert_eq(segmap_rules_set_kernel(&rules, release), 0, "%s", release);
	return rules;
}

Test(plan_kernels, rules)
{
	static const struct {
		const char *release;
		uint64_t phdr_table_max;
		bool tail_fault_kills, interp_bss_joined, vdso_above_stack;
		bool program_bss_joined, span_by_order, differing_ids_gain;
	} cases[] = {
		{"5.10", 4096, false, true, true, true, true, true},
		{"5.10.0-32-cloud-amd64", 4096, false, true, true, true, true, true},
		{"6.1", 4096, false, true, true, false, false, true},
		{"6.1.0-28-amd64", 4096, false, true, true, false, false, true},
		{"6.12.117", 4096, true, false, false, false, false, true},
		{"6.18", 65536, true, false, false, false, false, false},
		{"6.18.44+", 65536, true, false, false, false, false, false},
		{"6.18-rc3", 65536, true, false, false, false, false, false},
		{"7.0", 65536, true, false, false, false, false, false},
		{"10.1", 65536, true, false, false, false, false, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct segmap_rules r = rules_of(cases[i].release);

		cr_expect_eq(r.phdr_table_max, cases[i].phdr_table_max, "%s: table of %lu",
			     cases[i].release, r.phdr_table_max);
		cr_expect_eq(r.tail_fault_kills, cases[i].tail_fault_kills, "%s: tail fault",
			     cases[i].release);
		cr_expect_eq(r.interp_bss_joined, cases[i].interp_bss_joined, "%s: bss",
			     cases[i].release);
		cr_expect_eq(r.vdso_above_stack, cases[i].vdso_above_stack, "%s: vdso",
			     cases[i].release);
		cr_expect_eq(r.program_bss_joined, cases[i].program_bss_joined,
			     "%s: program's bss", cases[i].release);
		cr_expect_eq(r.differing_ids_gain, cases[i].differing_ids_gain, "%s: ids",
			     cases[i].release);
		cr_expect_eq(r.named_by_file, !cases[i].program_bss_joined, "%s: comm",
			     cases[i].release); /* both changed between 5.10 and 6.1 */
		cr_expect_eq(r.span_by_order, cases[i].span_by_order, "%s: span",
			     cases[i].release);
		cr_expect_eq(r.task_size, 0x7ffffffff000, "%s: the CPU's rules have changed",
			     cases[i].release);
	}
	struct segmap_rules unsaid, newest = rules_of("6.18");
	cr_assert_eq(segmap_rules_for(&unsaid, EM_X86_64, 4096), 0);
	cr_expect_eq(unsaid.phdr_table_max, newest.phdr_table_max);
	cr_expect_eq(unsaid.tail_fault_kills, newest.tail_fault_kills);
	cr_expect_eq(unsaid.interp_bss_joined, newest.interp_bss_joined);
	cr_expect_eq(unsaid.vdso_above_stack, newest.vdso_above_stack);
}

Test(plan_kernels, bad_releases)
{
	static const char *const bad[] = {"",      "6",     "6.",     "six.one",  ".6.1",
					  "6-1",   "6.x",   "6,18",   "99999.1",  "6.99999",
					  "v6.18", "6..18", "6. rc1", "-6.18abc", " "};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct segmap_rules rules, before;

		memset(&rules, 0x5a, sizeof(rules));
		before = rules;
		cr_expect_eq(segmap_rules_set_kernel(&rules, bad[i]), -EINVAL, "'%s'", bad[i]);
		cr_expect_eq(memcmp(&rules, &before, sizeof(rules)), 0, "'%s': changed",
			     bad[i]);
	}
}

static void plan_with(struct subject *s, const char *release, const struct segmap_phdr *program,
		      const struct segmap_phdr *interp)
{
	subject_init(s, ET_EXEC, program, 4096);
	if (interp)
		subject_add_interp(s, ET_DYN, interp);
	s->policy.rules = rules_of(release);
	s->images[0].ehdr.entry = s->images[1].ehdr.entry = 0x1000;
}

/* 73 headers were all that fit; the image stage reads as many as the newest kernel does. */
Test(plan_kernels, many_headers)
{
	static struct segmap_phdr many[1170] = {LOAD(RX, 0, 0x401000, 0x1000, 0x1000)};
	static const struct segmap_phdr one[HEADERS] = {LOAD(RX, 0, 0x401000, 0x1000, 0x1000)};
	static const struct {
		const char *release;
		size_t count;
		bool refused;
	} cases[] = {
		{"6.1", 73, false}, {"6.1", 74, true},   {"6.12", 73, false},
		{"6.12", 74, true}, {"6.18", 74, false}, {"6.18", 1170, false},
	};

	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(*cases); i++) {
		int id = (int)(i % 2);
		const char *release = cases[i / 2].release;
		struct subject s;

		plan_with(&s, release, one, id ? one : NULL);
		s.images[id].phdrs = many;
		s.images[id].phdr_count = cases[i / 2].count;
		int r = subject_plan(&s);
		cr_expect_eq(r,
			     !cases[i / 2].refused ? 0
			     : id                  ? -ELIBBAD
						   : -ENOEXEC,
			     "%s, %zu headers of object %d: %d", release, cases[i / 2].count,
			     id, r);
		if (r < 0)
			cr_expect(s.err.reason == SEGMAP_REASON_PHNUM &&
					  s.err.verdict == SEGMAP_VERDICT_ERRNO &&
					  s.err.value[1] == 73 && (int)s.err.object == id,
				  "%s: %s", release, segmap_reason_name(s.err.reason));
		subject_clear(&s);
	}
}

/* The program's bss begins past the end of the file: ignored, or death. */
Test(plan_kernels, tail_past_the_end)
{
	static const struct segmap_phdr phdrs[HEADERS] = {
		LOAD(RX, 0, 0x1000, 0x10, 0x10), LOAD(RW, 0x1000, 0x402000, 0x1100, 0x3200)};
	struct subject s;
	char text[512];

	plan_with(&s, "6.1", phdrs, NULL);
	s.images[0].file_size = 0x2000;
	cr_assert_eq(subject_plan(&s), 0, "%s", segmap_reason_name(s.err.reason));
	describe_mappings(s.plan->mappings, s.plan->mapping_count, text, sizeof(text));
	cr_expect_str_eq(text,
			 "file p0 r-x 1000+1000 @0\n"
			 "file p1 rw- 402000+2000 @1000\n"
			 "anon p1 rw- 404000+2000\n",
			 "%s", text);
	subject_clear(&s);
	plan_with(&s, "6.12", phdrs, NULL);
	s.images[0].file_size = 0x2000;
	cr_expect_lt(subject_plan(&s), 0);
	cr_expect_eq(s.err.reason, SEGMAP_REASON_TAIL_PAST_EOF);
	subject_clear(&s);
}

/* One bss for the whole interpreter, after the file bytes of its highest segment: what other
 * segments lack in the file is the file's next bytes, or a hole. */
Test(plan_kernels, joined_bss)
{
	static const struct segmap_phdr program[HEADERS] = {LOAD(RX, 0, 0x401000, 0x10, 0x10)};
	/* clang-format off */
	static const struct {
		const char *name;
		struct segmap_phdr phdrs[HEADERS];
		const char *joined, *apart;
	} cases[] = {
		{"one bss", {LOAD(RX, 0, 0, 0x1000, 0x1000), LOAD(RW, 0x2000, 0x2000, 0x10, 0x2010)},
		 "file i0 r-x 0+1000 @0 reserve 5000\n"
		 "file i1 rw- 2000+1000 @2000 clear 2010+ff0\n"
		 "anon i1 rw- 3000+2000\n",
		 "file i0 r-x 0+1000 @0 reserve 5000\n"
		 "file i1 rw- 2000+1000 @2000 clear 2010+ff0\n"
		 "anon i1 rw- 3000+2000\n"},
		{"two of them", {LOAD(RW, 0, 0, 0x10, 0x1800), LOAD(RW, 0x2000, 0x3000, 0x10, 0x2010)},
		 "file i0 rw- 0+1000 @0 reserve 6000\n"
		 "file i1 rw- 3000+1000 @2000 clear 3010+ff0\n"
		 "anon i1 rw- 4000+2000\n",
		 "file i0 rw- 0+1000 @0 clear 10+ff0 reserve 6000\n"
		 "anon i0 rw- 1000+1000\n"
		 "file i1 rw- 3000+1000 @2000 clear 3010+ff0\n"
		 "anon i1 rw- 4000+2000\n"},
		{"no bss: what follows the file bytes is cleared all the same",
		 {LOAD(RW, 0, 0, 0x10, 0x10)},
		 "file i0 rw- 0+1000 @0 clear 10+ff0 reserve 1000\n",
		 "file i0 rw- 0+1000 @0 reserve 1000\n"},
		{"a segment that begins below 0 is below all others",
		 {LOAD(RW, 0x2000, 0, 0x10, 0x1800), LOAD(RW, 0, -UINT64_C(0x1000), 0x1000, 0x1000)},
		 "file i0 rw- 0+1000 @2000 clear 10+ff0 reserve 2000\n"
		 "file i1 rw- fffffffffffff000+1000 @0\n"
		 "anon i0 rw- 1000+1000\n",
		 "file i0 rw- 0+1000 @2000 clear 10+ff0 reserve 2000\n"
		 "anon i0 rw- 1000+1000\n"
		 "file i1 rw- fffffffffffff000+1000 @0\n"},
		{"a bss alone, in the middle of a page: of the file once, with what precedes it",
		 {LOAD(RX, 0, 0, 0x10, 0x10), LOAD(RW, 0x80, 0x3080, 0, 8)},
		 "file i0 r-x 0+1000 @0 reserve 4000\n"
		 "file i1 rw- 3000+1000 @0 skew 80 clear 3080+f80\n",
		 "file i0 r-x 0+1000 @0 reserve 4000\n"
		 "anon i1 rw- 3000+1000 skew 80\n"},
	};
	/* clang-format on */
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		for (int joined = 0; joined < 2; joined++) {
			const char *want = joined ? cases[i].joined : cases[i].apart;
			char text[1024];
			struct subject s;

			plan_with(&s, joined ? "6.1" : "6.12", program, cases[i].phdrs);
			s.images[0].ehdr.entry = 0x401000;
			cr_assert_eq(subject_plan(&s), 0, "%s: %s", cases[i].name,
				     segmap_reason_name(s.err.reason));
			cr_assert_eq(s.plan->mappings[0].object, SEGMAP_PROGRAM);
			describe_mappings(s.plan->mappings + 1, s.plan->mapping_count - 1, text,
					  sizeof(text));
			cr_expect_str_eq(text, want, "%s, %s:\n%s", cases[i].name,
					 joined ? "joined" : "apart", text);
			subject_clear(&s);
		}
	}
}

/* Where the highest file bytes end in a segment that is not writable, clearing kills. */
Test(plan_kernels, joined_bss_in_text)
{
	static const struct segmap_phdr program[HEADERS] = {LOAD(RX, 0, 0x401000, 0x10, 0x10)};
	static const struct segmap_phdr ld_so[HEADERS] = {LOAD(RW, 0, 0, 0x10, 0x10),
							  LOAD(RX, 0, 0x3000, 0x10, 0x10)};
	struct subject s;

	plan_with(&s, "6.1", program, ld_so);
	cr_expect_lt(subject_plan(&s), 0);
	cr_expect_eq(s.err.verdict, SEGMAP_VERDICT_KILLS, "%s",
		     segmap_reason_name(s.err.reason));
	cr_expect_eq(s.err.object, SEGMAP_INTERPRETER);
	subject_clear(&s);
	plan_with(&s, "6.12", program, ld_so);
	cr_expect_eq(subject_plan(&s), 0);
	subject_clear(&s);
}

/* Up to 5.10 a program's bss is one as well; it is made before each further segment. */
Test(plan_kernels, joined_bss_of_a_program)
{
	/* clang-format off */
	static const struct {
		const char *name;
		struct segmap_phdr phdrs[HEADERS];
		enum segmap_reason refused; /* by 5.10 */
		const char *joined, *apart;
	} cases[] = {
		{"what everybody's program has: no difference",
		 {LOAD(RX, 0, 0x401000, 0x10, 0x10), LOAD(RW, 0x2000, 0x402000, 0x10, 0x2010)}, 0,
		 "file p0 r-x 401000+1000 @0\n"
		 "file p1 rw- 402000+1000 @2000 clear 402010+ff0\n"
		 "anon p1 rw- 403000+2000\n",
		 "file p0 r-x 401000+1000 @0\n"
		 "file p1 rw- 402000+1000 @2000 clear 402010+ff0\n"
		 "anon p1 rw- 403000+2000\n"},
		{"without a bss what follows the file bytes is kept",
		 {LOAD(RW, 0, 0x401000, 0x10, 0x10)}, 0,
		 "file p0 rw- 401000+1000 @0\n",
		 "file p0 rw- 401000+1000 @0\n"},
		{"a bss within a page is cleared as far as it goes, but not the last one",
		 {LOAD(RW, 0, 0x401000, 0x10, 0x20), LOAD(RW, 0, 0x402000, 0x10, 0x20)}, 0,
		 "file p0 rw- 401000+1000 @0 clear 401010+10\n"
		 "file p1 rw- 402000+1000 @0 clear 402010+ff0\n",
		 "file p0 rw- 401000+1000 @0 clear 401010+ff0\n"
		 "file p1 rw- 402000+1000 @0 clear 402010+ff0\n"},
		{"two of them",
		 {LOAD(RWX, 0, 0x401000, 0x10, 0x1800), LOAD(RW, 0, 0x403000, 0x10, 0x1010)}, 0,
		 "file p0 rwx 401000+1000 @0 clear 401010+ff0\n"
		 "anon p0 rwx 402000+1000\n"
		 "file p1 rw- 403000+1000 @0 clear 403010+ff0\n"
		 "anon p1 rw- 404000+1000\n",
		 "file p0 rwx 401000+1000 @0 clear 401010+ff0\n"
		 "anon p0 rwx 402000+1000\n"
		 "file p1 rw- 403000+1000 @0 clear 403010+ff0\n"
		 "anon p1 rw- 404000+1000\n"},
		{"the bss of a segment below another's file bytes is not made",
		 {LOAD(RX, 0, 0x501000, 0x10, 0x10), LOAD(RW, 0, 0x402000, 0x1000, 0x2000)}, 0,
		 "file p0 r-x 501000+1000 @0\n"
		 "file p1 rw- 402000+1000 @0\n",
		 "file p0 r-x 501000+1000 @0\n"
		 "file p1 rw- 402000+1000 @0\n"
		 "anon p1 rw- 403000+1000\n"},
		{"one that is not the last may be in a page that cannot be cleared",
		 {LOAD(RX, 0, 0x401000, 0x10, 0x20), LOAD(RW, 0, 0x402000, 0x1000, 0x2000)}, 0,
		 "file p0 r-x 401000+1000 @0\n"
		 "file p1 rw- 402000+1000 @0\n"
		 "anon p1 rw- 403000+1000\n",
		 "file p0 r-x 401000+1000 @0\n"
		 "file p1 rw- 402000+1000 @0\n"
		 "anon p1 rw- 403000+1000\n"},
		{"the last may not [D11]",
		 {LOAD(RW, 0, 0x401000, 0x10, 0x20), LOAD(RO, 0, 0x402000, 0x10, 0x1010)},
		 SEGMAP_REASON_TAIL, NULL,
		 "file p0 rw- 401000+1000 @0 clear 401010+ff0\n"
		 "file p1 r-- 402000+1000 @0\n"
		 "anon p1 rw- 403000+1000\n"},
		{"nor beyond the end of the file [D23b]",
		 {LOAD(RW, 0, 0x401000, 0x1000010, 0x1001000)},
		 SEGMAP_REASON_TAIL_PAST_EOF, NULL, NULL},
		{"an empty segment has a page of the file, which must fit [D02, B05]",
		 {LOAD(RX, 0, 0x401000, 0x10, 0x10), LOAD(RW, 0x123, 0x900456, 0, 0)},
		 SEGMAP_REASON_INCONGRUENT, NULL,
		 "file p0 r-x 401000+1000 @0\n"},
		{"and if it fits, is it",
		 {LOAD(RX, 0, 0x401000, 0x10, 0x10), LOAD(RW, 0x456, 0x900456, 0, 0)}, 0,
		 "file p0 r-x 401000+1000 @0\n"
		 "file p1 rw- 900000+1000 @0 skew 456\n",
		 "file p0 r-x 401000+1000 @0\n"},
	};
	/* clang-format on */
	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(*cases); i++) {
		bool joined = i % 2;
		const char *name = cases[i / 2].name, *release = joined ? "5.10" : "6.1";
		const char *want = joined ? cases[i / 2].joined : cases[i / 2].apart;
		char text[1024];
		struct subject s;

		plan_with(&s, release, cases[i / 2].phdrs, NULL);
		s.images[0].ehdr.entry = 0x401000;
		int r = subject_plan(&s);
		if (joined && cases[i / 2].refused) {
			cr_expect(r < 0 && s.err.reason == cases[i / 2].refused &&
					  s.err.verdict == SEGMAP_VERDICT_KILLS,
				  "%s: %d, %s", name, r, segmap_reason_name(s.err.reason));
		} else if (want) {
			cr_assert_eq(r, 0, "%s: %s", name, segmap_reason_name(s.err.reason));
			describe_mappings(s.plan->mappings, s.plan->mapping_count, text,
					  sizeof(text));
			cr_expect_str_eq(text, want, "%s, %s:\n%s", name, release, text);
		}
		subject_clear(&s);
	}
}

/* From the first PT_LOAD to the last in the table's order; or from the lowest to the highest.
 */
Test(plan_kernels, span_by_order)
{
	static const struct segmap_phdr hole[HEADERS] = {LOAD(RX, 0, 0, 0x10, 0x10),
							 LOAD(RW, 0, 0x9000, 0x10, 0x10),
							 LOAD(RW, 0, 0x3000, 0x10, 0x10)};
	static const struct segmap_phdr back[HEADERS] = {LOAD(RW, 0, 0x4000, 0x10, 0x10),
							 LOAD(RX, 0, 0, 0x10, 0x10)};
	struct subject s;

	for (int old = 0; old < 2; old++) {
		subject_init(&s, ET_DYN, hole, 4096);
		s.policy.rules = rules_of(old ? "5.10" : "6.1");
		cr_assert_eq(subject_plan(&s), 0, "%s", segmap_reason_name(s.err.reason));
		cr_expect_eq(s.plan->objects[0].span, old ? 0x3010 : 0x9010, "%#lx",
			     s.plan->objects[0].span);
		subject_clear(&s);
		subject_init(&s, ET_DYN, back, 4096);
		s.policy.rules = rules_of(old ? "5.10" : "6.1");
		int r = subject_plan(&s);
		cr_expect(old ? r < 0 && s.err.verdict == SEGMAP_VERDICT_KILLS : r == 0,
			  "the lowest is the last: %d", r);
		subject_clear(&s);
	}
}
