/* What is left of a plan when later mappings have replaced earlier ones. */
#include "subject.h"

#include <criterion/criterion.h>
#include <stdlib.h>

struct flat_case {
	const char *name;
	struct segmap_phdr phdrs[HEADERS];
	const char *want;
	uint16_t interp_type;
	struct segmap_phdr interp[HEADERS];
};

/* clang-format off */
static const struct flat_case cases[] = {
	{"sorted by address", {LOAD(RW, 0x3000, 0x403000, 0x10, 0x10), LOAD(RX, 0, 0x401000, 0x10, 0x10)},
	 "file p1 r-x 401000+1000 @0\n"
	 "file p0 rw- 403000+1000 @3000\n"},
	{"neighbours do not touch", {LOAD(RX, 0, 0x401000, 0x1000, 0x1000),
				     LOAD(RX, 0x1000, 0x402000, 0x1000, 0x1000)},
	 "file p0 r-x 401000+1000 @0\n"
	 "file p1 r-x 402000+1000 @1000\n"},
	{"covered whole", {LOAD(RX, 0, 0x402000, 0x1000, 0x1000), LOAD(RW, 0, 0x401000, 0x3000, 0x3000)},
	 "file p1 rw- 401000+3000 @0\n"},
	{"covered exactly", {LOAD(RX, 0, 0x401000, 0x1000, 0x1000), LOAD(RW, 0, 0x401000, 0x1000, 0x1000)},
	 "file p1 rw- 401000+1000 @0\n"},
	{"left part lost", {LOAD(RX, 0x234, 0x401234, 0x2000, 0x2000), LOAD(RW, 0, 0x401000, 0x10, 0x10)},
	 "file p1 rw- 401000+1000 @0\n"
	 "file p0 r-x 402000+2000 @1000\n"},
	{"right part lost, with the bytes to clear",
	 {LOAD(RW, 0x234, 0x401234, 0x1000, 0x1800), LOAD(RO, 0, 0x402000, 0x10, 0x10)},
	 "file p0 rw- 401000+1000 @0 skew 234\n"
	 "file p1 r-- 402000+1000 @0\n"},
	{"right part lost, the bytes to clear kept",
	 {LOAD(RW, 0, 0x401000, 0x1010, 0x4000), LOAD(RO, 0, 0x403000, 0x10, 0x10)},
	 "file p0 rw- 401000+2000 @0 clear 402010+ff0\n"
	 "file p1 r-- 403000+1000 @0\n"
	 "anon p0 rw- 404000+1000\n"},
	{"hole in the middle: offsets go on", {LOAD(RX, 0x8234, 0x401234, 0x5000, 0x5000),
					       LOAD(RW, 0, 0x403000, 0x10, 0x10)},
	 "file p0 r-x 401000+2000 @8000 skew 234\n"
	 "file p1 rw- 403000+1000 @0\n"
	 "file p0 r-x 404000+3000 @b000\n"},
	{"hole in the middle of bss: no offsets", {LOAD(RW, 0, 0x401000, 0, 0x5000),
						   LOAD(RW, 0, 0x403000, 0x10, 0x10)},
	 "anon p0 rw- 401000+2000\n"
	 "file p1 rw- 403000+1000 @0\n"
	 "anon p0 rw- 404000+2000\n"},
	{"bytes to clear in the right piece", {LOAD(RW, 0, 0x401000, 0x2010, 0x2020),
					       LOAD(RO, 0, 0x402000, 0x10, 0x10)},
	 "file p0 rw- 401000+1000 @0\n"
	 "file p1 r-- 402000+1000 @0\n"
	 "file p0 rw- 403000+1000 @2000 clear 403010+ff0\n"},
	{"a segment's bss over another's file page [D09d]",
	 {LOAD(RX, 0, 0x402000, 0x1000, 0x1000), LOAD(RW, 0x1000, 0x401000, 0x1000, 0x1001)},
	 "file p1 rw- 401000+1000 @1000\n"
	 "anon p1 rw- 402000+1000\n"},
	{"one over three", {LOAD(RX, 0, 0x401000, 0x2000, 0x2000), LOAD(RX, 0, 0x403000, 0x1000, 0x1000),
			    LOAD(RX, 0, 0x404000, 0x2000, 0x2000), LOAD(RW, 0, 0x402000, 0, 0x3000)},
	 "file p0 r-x 401000+1000 @0\n"
	 "anon p3 rw- 402000+3000\n"
	 "file p2 r-x 405000+1000 @1000\n"},
	{"cut twice", {LOAD(RX, 0, 0x400000, 0x9000, 0x9000), LOAD(RW, 0, 0x402000, 0x10, 0x10),
		       LOAD(RW, 0, 0x406000, 0x10, 0x10), LOAD(RO, 0, 0x403000, 0x10, 0x10)},
	 "file p0 r-x 400000+2000 @0\n"
	 "file p1 rw- 402000+1000 @0\n"
	 "file p3 r-- 403000+1000 @0\n"
	 "file p0 r-x 404000+2000 @4000\n"
	 "file p2 rw- 406000+1000 @0\n"
	 "file p0 r-x 407000+2000 @7000\n"},
	{"ET_EXEC interpreter over the program: what it reserves is a hole afterwards [C15]",
	 {LOAD(RX, 0, 0x400000, 0x9000, 0x9000)},
	 "file p0 r-x 400000+2000 @0\n"
	 "file p0 r-x 408000+1000 @8000\n"
	 "file i0 r-- 402000+1000 @0\n"
	 "file i1 rw- 407000+1000 @0\n",
	 .interp_type = ET_EXEC,
	 .interp = {LOAD(RO, 0, 0x402000, 0x10, 0x10), LOAD(RW, 0, 0x407000, 0x10, 0x10)}},
	{"its reserve does not hurt its own later segments, first one not the lowest",
	 {LOAD(RX, 0, 0x400000, 0x9000, 0x9000)},
	 "file p0 r-x 400000+1000 @0\n"
	 "file p0 r-x 403000+1000 @3000\n"
	 "file p0 r-x 408000+1000 @8000\n"
	 "file i1 r-- 401000+1000 @0\n"
	 "file i2 r-- 402000+1000 @0\n"
	 "file i0 rw- 404000+1000 @0\n",
	 .interp_type = ET_EXEC,
	 .interp = {LOAD(RW, 0, 0x404000, 0x10, 0x10), LOAD(RO, 0, 0x401000, 0x10, 0x10),
		    LOAD(RO, 0, 0x402000, 0x10, 0x10)}},
	{"an interpreter that mmap places is not in the program's way",
	 {LOAD(RX, 0, 0x400000, 0x3000, 0x3000)},
	 "file p0 r-x 400000+3000 @0\n"
	 "file i0 r-x 401000+1000 @0\n",
	 .interp_type = ET_DYN, .interp = {LOAD(RX, 0, 0x401000, 0x10, 0x10)}},
	{"nothing", {HEADER(PT_NOTE, RO, 0, 0, 1, 1, 1)}, ""},
};
/* clang-format on */

Test(flatten, tables)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char text[4096];
		struct subject s;

		subject_init(&s, ET_EXEC, cases[i].phdrs, 4096);
		if (cases[i].interp_type)
			subject_add_interp(&s, cases[i].interp_type, cases[i].interp);
		cr_assert_eq(subject_plan(&s), 0, "%s", cases[i].name);
		describe_flat(s.plan, text, sizeof(text));
		cr_expect_str_eq(text, cases[i].want, "%s:\n%sbut should be\n%s", cases[i].name,
				 text, cases[i].want);
		subject_clear(&s);
	}
}

/*
 * The addresses of an interpreter that mmap will place are relative, and one of its segments
 * may begin below 0 and end above it. Seen: the kernel runs this one, whose code is in the
 * last.
 */
Test(flatten, across_zero)
{
	static const struct segmap_phdr program[HEADERS] = {LOAD(RX, 0, 0, 0x1000, 0x1000)};
	static const struct segmap_phdr ld_so[HEADERS] = {
		LOAD(RO, 0, 0x5000, 0x1000, 0x1000), LOAD(RW, 0, 0xfffffffffffff000, 0, 0x4000),
		LOAD(RX, 0x1000, 0x1000, 0x1000, 0x1000)};
	struct segmap_mapping *pieces;
	uint64_t pages[6] = {0};
	struct subject s;
	size_t count;

	subject_init(&s, ET_DYN, program, 4096);
	subject_add_interp(&s, ET_DYN, ld_so);
	s.images[1].ehdr.entry = 0x1000;
	cr_assert_eq(subject_plan(&s), 0);
	cr_assert_eq(segmap_plan_flatten(s.plan, &pieces, &count), 0);
	for (size_t i = 0; i < count; i++)
		for (uint64_t at = 0; at < pieces[i].length; at += 0x1000)
			if (pieces[i].object == SEGMAP_INTERPRETER && pieces[i].index > 0)
				pages[(pieces[i].addr + at + 0x1000) / 0x1000] +=
					pieces[i].index == 2 ? 10 : 1;
	cr_expect_eq(pages[0], 1, "bss at -1000: %lu", pages[0]);
	cr_expect_eq(pages[1], 1, "bss at 0: %lu", pages[1]);
	cr_expect_eq(pages[2], 10, "code alone at 1000: %lu", pages[2]);
	cr_expect_eq(pages[3], 1, "bss at 2000: %lu", pages[3]);
	free(pieces);
	subject_clear(&s);
}
