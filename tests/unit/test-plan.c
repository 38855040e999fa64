/*
 * Program headers in, mappings out: the rules of exec.md 1.2 that make a mapping. Numbers in
 * brackets are cases that were put to the kernel.
 */
#include "subject.h"

#include <criterion/criterion.h>

struct map_case {
	const char *name;
	struct segmap_phdr phdrs[HEADERS];
	const char *want;   /* as describe_mappings() */
	uint64_t file_size; /* 0 for 16 MiB */
	bool no_stack;      /* where the stack is is not known */
};

static void check(const struct map_case *c, uint16_t type, uint64_t page)
{
	char got[4096];
	struct subject s;

	subject_init(&s, type, c->phdrs, page);
	if (c->file_size)
		s.images[0].file_size = c->file_size;
	if (c->no_stack)
		s.policy.stack_start = s.policy.stack_end = 0;
	int r = subject_plan(&s);
	cr_expect_eq(r, 0, "%s: refused: %s", c->name, segmap_reason_name(s.err.reason));
	if (r < 0)
		return;
	describe_mappings(s.plan->mappings, s.plan->mapping_count, got, sizeof(got));
	cr_expect_str_eq(got, c->want, "%s:\n%sbut should be\n%s", c->name, got, c->want);
	subject_clear(&s);
}

static void check_all(const struct map_case *cases, size_t count, uint16_t type, uint64_t page)
{
	for (size_t i = 0; i < count; i++)
		check(&cases[i], type, page);
}

#define CHECK_ALL(cases, type, page)                                                           \
	check_all(cases, sizeof(cases) / sizeof(*(cases)), type, page)

/* clang-format off */
static const struct map_case file_cases[] = {
	{"one page of text", {LOAD(RX, 0x1000, 0x401000, 0x1000, 0x1000)},
	 "file p0 r-x 401000+1000 @1000\n"},
	{"segment inside a page: the page comes whole", {LOAD(RO, 0x1234, 0x401234, 0x10, 0x10)},
	 "file p0 r-- 401000+1000 @1000 skew 234\n"},
	{"two bytes across a page's end", {LOAD(RO, 0x1fff, 0x401fff, 2, 2)},
	 "file p0 r-- 401000+2000 @1000 skew fff\n"},
	{"end exactly at a page's end", {LOAD(RO, 0x1800, 0x401800, 0x800, 0x800)},
	 "file p0 r-- 401000+1000 @1000 skew 800\n"},
	{"unaligned end, no bss: the rest of the page is the file's [D31]",
	 {LOAD(RW, 0x1000, 0x401000, 0x234, 0x234)},
	 "file p0 rw- 401000+1000 @1000\n"},
	{"address 0", {LOAD(RX, 0, 0, 0x100, 0x100)},
	 "file p0 r-x 0+1000 @0\n"},
	{"past the end of the file [D23]", {LOAD(RO, 0x1000, 0x401000, 0x5000, 0x5000)},
	 "file p0 r-- 401000+5000 @1000\n", .file_size = 0x10},
	{"first of all and up to the stack [D08b]", {LOAD(RO, 0, 0x7ffffffdd000, 0x1000, 0x1000)},
	 "file p0 r-- 7ffffffdd000+1000 @0\n"},
	{"later and up to the stack", {LOAD(RX, 0, 0x401000, 0x1000, 0x1000),
				       LOAD(RO, 0, 0x7ffffffdd000, 0x1000, 0x1000)},
	 "file p0 r-x 401000+1000 @0\n"
	 "file p1 r-- 7ffffffdd000+1000 @0\n"},
	{"largest offset of a file [D25]",
	 {LOAD(RX, 0x7fffffffffffe000, 0x401000, 0x1000, 0x1000)},
	 "file p0 r-x 401000+1000 @7fffffffffffe000\n"},
	{"headers that are no PT_LOAD map nothing [G08, G09]",
	 {HEADER(PT_PHDR, RO, 0x40, 0x400040, 0x100, 0x100, 8),
	  HEADER(PT_NOTE, RO, 0x1, 0x7fffffffffffffff, 0x9000, 0x1, 4),
	  LOAD(RO, 0, 0x400000, 0x200, 0x200),
	  HEADER(PT_TLS, RW, 0x10, 0x400010, 0x10, 0xffffffffffffffff, 1),
	  HEADER(PT_GNU_RELRO, RO, 0, 0x400000, 0x1000, 0x1000, 1),
	  HEADER(PT_LOPROC + 7, RWX, 0, 0x400000, 0x1000, 0x1000, 1)},
	 "file p2 r-- 400000+1000 @0\n"},
	{"nothing to map at all [B01]", {HEADER(PT_NOTE, RO, 0, 0x400000, 1, 1, 1)}, ""},
};

static const struct map_case bss_cases[] = {
	{"bss inside the last file page", {LOAD(RW, 0x1000, 0x402000, 0x100, 0x200)},
	 "file p0 rw- 402000+1000 @1000 clear 402100+f00\n"},
	{"bss up to the very end of that page", {LOAD(RW, 0x1000, 0x402000, 0x100, 0x1000)},
	 "file p0 rw- 402000+1000 @1000 clear 402100+f00\n"},
	{"bss one byte beyond that page", {LOAD(RW, 0x1000, 0x402000, 0x100, 0x1001)},
	 "file p0 rw- 402000+1000 @1000 clear 402100+f00\n"
	 "anon p0 rw- 403000+1000\n"},
	{"bss of several pages, skewed", {LOAD(RW, 0x16d8, 0x4026d8, 0x1cad, 0x5000)},
	 "file p0 rw- 402000+3000 @1000 skew 6d8 clear 404385+c7b\n"
	 "anon p0 rw- 405000+3000\n"},
	{"bss that begins with a page", {LOAD(RW, 0x1000, 0x402000, 0x1000, 0x1001)},
	 "file p0 rw- 402000+1000 @1000\n"
	 "anon p0 rw- 403000+1000\n"},
	{"8 GiB of bss [D05]", {LOAD(RW, 0x1000, 0x402000, 0x1000, 0x200001000)},
	 "file p0 rw- 402000+1000 @1000\n"
	 "anon p0 rw- 403000+200000000\n"},
	{"filesz 0 [D18]", {LOAD(RW, 0x1000, 0x402000, 0, 0x2000)},
	 "anon p0 rw- 402000+2000\n"},
	{"filesz 0, skewed: wipes its first page whole", {LOAD(RW, 0x1345, 0x402345, 0, 0x10)},
	 "anon p0 rw- 402000+1000 skew 345\n"},
	{"filesz 0, two bytes in two pages", {LOAD(RW, 0x1fff, 0x402fff, 0, 2)},
	 "anon p0 rw- 402000+2000 skew fff\n"},
	{"filesz 0: the offset does not matter", {LOAD(RW, 0xffffffffffffff07, 0x402345, 0, 0x10)},
	 "anon p0 rw- 402000+1000 skew 345\n"},
	{"memsz 0 maps nothing [B04]", {LOAD(RW, 0x1000, 0x402000, 0, 0),
					LOAD(RX, 0x1000, 0x401000, 0x1000, 0x1000),
					LOAD(RW, 0x7, 0x7ffffffff000 - 1, 0, 0)},
	 "file p1 r-x 401000+1000 @1000\n"},
	{"the page with the tail begins before the file's end",
	 {LOAD(RW, 0x1000, 0x402000, 0x1100, 0x1200)},
	 "file p0 rw- 402000+2000 @1000 clear 403100+f00\n", .file_size = 0x2001},
	{"a tail past the file's end in a segment that is not writable [D23c]",
	 {LOAD(RX, 0x1000, 0x402000, 0x1100, 0x1200)},
	 "file p0 r-x 402000+2000 @1000\n", .file_size = 0x2000},
	{"a tail past the file's end, but nothing to clear",
	 {LOAD(RW, 0x1000, 0x402000, 0x2000, 0x2200)},
	 "file p0 rw- 402000+2000 @1000\n"
	 "anon p0 rw- 404000+1000\n", .file_size = 0x1000},
};

/* p_flags, and what becomes of the file's pages and of bss [D10-D22] */
static const struct map_case flag_cases[] = {
	{"---", {LOAD(0, 0x1000, 0x402000, 0x100, 0x1001)},
	 "file p0 --- 402000+1000 @1000\nanon p0 rw- 403000+1000\n"},
	{"r--", {LOAD(PF_R, 0x1000, 0x402000, 0x100, 0x1001)},
	 "file p0 r-- 402000+1000 @1000\nanon p0 rw- 403000+1000\n"},
	{"-w-", {LOAD(PF_W, 0x1000, 0x402000, 0x100, 0x1001)},
	 "file p0 -w- 402000+1000 @1000 clear 402100+f00\nanon p0 rw- 403000+1000\n"},
	{"--x", {LOAD(PF_X, 0x1000, 0x402000, 0x100, 0x1001)},
	 "file p0 --x 402000+1000 @1000\nanon p0 rwx 403000+1000\n"},
	{"r-x", {LOAD(RX, 0x1000, 0x402000, 0x100, 0x1001)},
	 "file p0 r-x 402000+1000 @1000\nanon p0 rwx 403000+1000\n"},
	{"rw-", {LOAD(RW, 0x1000, 0x402000, 0x100, 0x1001)},
	 "file p0 rw- 402000+1000 @1000 clear 402100+f00\nanon p0 rw- 403000+1000\n"},
	{"-wx", {LOAD(PF_W | PF_X, 0x1000, 0x402000, 0x100, 0x1001)},
	 "file p0 -wx 402000+1000 @1000 clear 402100+f00\nanon p0 rwx 403000+1000\n"},
	{"rwx", {LOAD(RWX, 0x1000, 0x402000, 0x100, 0x1001)},
	 "file p0 rwx 402000+1000 @1000 clear 402100+f00\nanon p0 rwx 403000+1000\n"},
	{"other bits", {LOAD(0xfffffff8 | PF_R, 0x1000, 0x402000, 0x100, 0x1001)},
	 "file p0 r-- 402000+1000 @1000\nanon p0 rw- 403000+1000\n"},
	{"filesz 0, --x", {LOAD(PF_X, 0x1000, 0x402000, 0, 0x1000)},
	 "anon p0 rwx 402000+1000\n"},
	{"filesz 0, ---", {LOAD(0, 0x1000, 0x402000, 0, 0x1000)},
	 "anon p0 rw- 402000+1000\n"},
};

/* Order is the table's, and a later mapping may cover an earlier one. */
static const struct map_case table_cases[] = {
	{"text, constants, data, as ld makes them",
	 {LOAD(RO, 0, 0x400000, 0x518, 0x518), LOAD(RX, 0x1000, 0x401000, 0x77dc1, 0x77dc1),
	  LOAD(RO, 0x79000, 0x479000, 0x2a00c, 0x2a00c),
	  LOAD(RW, 0xa36d8, 0x4a46d8, 0x5ae8, 0xb2b0)},
	 "file p0 r-- 400000+1000 @0\n"
	 "file p1 r-x 401000+78000 @1000\n"
	 "file p2 r-- 479000+2b000 @79000\n"
	 "file p3 rw- 4a4000+7000 @a3000 skew 6d8 clear 4aa1c0+e40\n"
	 "anon p3 rw- 4ab000+5000\n"},
	{"three RW segments, each with bss",
	 {LOAD(RW, 0x1000, 0x402000, 0x10, 0x20), LOAD(RW, 0x2000, 0x404000, 0x10, 0x1800),
	  LOAD(RW, 0x3000, 0x408000, 0x1000, 0x2000)},
	 "file p0 rw- 402000+1000 @1000 clear 402010+ff0\n"
	 "file p1 rw- 404000+1000 @2000 clear 404010+ff0\n"
	 "anon p1 rw- 405000+1000\n"
	 "file p2 rw- 408000+1000 @3000\n"
	 "anon p2 rw- 409000+1000\n"},
	{"segments sharing a page [D40]",
	 {LOAD(RX, 0x1000, 0x401000, 0x800, 0x800), LOAD(RW, 0x1800, 0x401800, 0x100, 0x200)},
	 "file p0 r-x 401000+1000 @1000\n"
	 "file p1 rw- 401000+1000 @1000 skew 800 clear 401900+700\n"},
	{"highest first",
	 {LOAD(RW, 0x3000, 0x403000, 0x10, 0x10), LOAD(RX, 0x1000, 0x401000, 0x10, 0x10),
	  LOAD(RO, 0x2000, 0x402000, 0x10, 0x10)},
	 "file p0 rw- 403000+1000 @3000\n"
	 "file p1 r-x 401000+1000 @1000\n"
	 "file p2 r-- 402000+1000 @2000\n"},
	{"one over the middle of another, and bss over file bytes",
	 {LOAD(RX, 0, 0x401000, 0x5000, 0x5000), LOAD(RW, 0x8000, 0x403000, 0x10, 0x1010)},
	 "file p0 r-x 401000+5000 @0\n"
	 "file p1 rw- 403000+1000 @8000 clear 403010+ff0\n"
	 "anon p1 rw- 404000+1000\n"},
	{"the same twice", {LOAD(RX, 0, 0x401000, 0x10, 0x10), LOAD(RX, 0, 0x401000, 0x10, 0x10)},
	 "file p0 r-x 401000+1000 @0\n"
	 "file p1 r-x 401000+1000 @0\n"},
	{"p_align does not matter to ET_EXEC [D26, D27]",
	 {HEADER(PT_LOAD, RX, 0x1000, 0x401000, 0x10, 0x10, 0),
	  HEADER(PT_LOAD, RX, 0x1000, 0x403000, 0x10, 0x10, 3),
	  HEADER(PT_LOAD, RX, 0x1000, 0x405000, 0x10, 0x10, 0x1001),
	  HEADER(PT_LOAD, RX, 0x1000, 0x407000, 0x10, 0x10, 0x200000),
	  HEADER(PT_LOAD, RX, 0x1000, 0x409000, 0x10, 0x10, 0xffffffffffffffff)},
	 "file p0 r-x 401000+1000 @1000\n"
	 "file p1 r-x 403000+1000 @1000\n"
	 "file p2 r-x 405000+1000 @1000\n"
	 "file p3 r-x 407000+1000 @1000\n"
	 "file p4 r-x 409000+1000 @1000\n"},
};

/* The last byte of user space, which is the stack's if there is one. */
static const struct map_case edge_cases[] = {
	{"file bytes up to the end", {LOAD(RX, 0xfff, 0x7fffffffefff, 0, 0),
				      LOAD(RX, 0xff0, 0x7fffffffeff0, 0x10, 0x10)},
	 "file p1 r-x 7fffffffe000+1000 @0 skew ff0\n", .no_stack = true},
	{"bss up to the end [D05]", {LOAD(RW, 0, 0x7fffffffd000, 0x10, 0x2000)},
	 "file p0 rw- 7fffffffd000+1000 @0 clear 7fffffffd010+ff0\n"
	 "anon p0 rw- 7fffffffe000+1000\n", .no_stack = true},
	{"all of user space", {LOAD(RW, 0, 0, 0, 0x7ffffffff000)},
	 "anon p0 rw- 0+7ffffffff000\n", .no_stack = true},
};

static const struct map_case page_16k_cases[] = {
	{"16 KiB pages: skew, tail and bss",
	 {LOAD(RX, 0x1000, 0x401000, 0x1000, 0x1000), LOAD(RW, 0x7ff8, 0x40bff8, 0x10, 0x6000)},
	 "file p0 r-x 400000+4000 @0 skew 1000\n"
	 "file p1 rw- 408000+8000 @4000 skew 3ff8 clear 40c008+3ff8\n"
	 "anon p1 rw- 410000+4000\n"},
};

static const struct map_case page_64k_cases[] = {
	{"64 KiB pages: skew, tail and bss",
	 {LOAD(RX, 0x1000, 0x401000, 0x1000, 0x1000), LOAD(RW, 0x1fff8, 0x42fff8, 0x10, 0x11000)},
	 "file p0 r-x 400000+10000 @0 skew 1000\n"
	 "file p1 rw- 420000+20000 @10000 skew fff8 clear 430008+fff8\n"
	 "anon p1 rw- 440000+10000\n"},
	{"64 KiB pages: filesz 0", {LOAD(RW, 0x1234, 0x42fff8, 0, 0x10)},
	 "anon p0 rw- 420000+20000 skew fff8\n"},
	{"64 KiB pages: largest offset of a file",
	 {LOAD(RX, 0x7ffffffffffe0000, 0x400000, 0x10000, 0x10000)},
	 "file p0 r-x 400000+10000 @7ffffffffffe0000\n"},
};
/* clang-format on */

Test(plan, file_bytes)
{
	CHECK_ALL(file_cases, ET_EXEC, 4096);
}

Test(plan, bss)
{
	CHECK_ALL(bss_cases, ET_EXEC, 4096);
}

Test(plan, flags)
{
	CHECK_ALL(flag_cases, ET_EXEC, 4096);
}

Test(plan, tables)
{
	CHECK_ALL(table_cases, ET_EXEC, 4096);
}

Test(plan, edges)
{
	CHECK_ALL(edge_cases, ET_EXEC, 4096);
}

Test(plan, other_page_sizes)
{
	CHECK_ALL(page_16k_cases, ET_EXEC, 16384);
	CHECK_ALL(page_64k_cases, ET_EXEC, 65536);
}
