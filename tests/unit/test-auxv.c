/* The auxiliary vector: what is replaced, what is passed on, and what is left out. */
#include <criterion/criterion.h>
#include <elf.h>
#include <errno.h>
#include <segmap/auxv.h>
#include <string.h>

#ifndef AT_RSEQ_FEATURE_SIZE /* Linux 6.3 */
#define AT_RSEQ_FEATURE_SIZE 27
#define AT_RSEQ_ALIGN        28
#endif
#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif

enum { UNKNOWN = 7777 };

static struct segmap_plan plan(bool interp)
{
	return (struct segmap_plan){
		.objects = {{.bias = 0x555555554000, .entry = 0x555555555040},
			    {.bias = 0x7ffff7fc0000, .entry = 0x7ffff7fdd000}},
		.object_count = interp ? 2 : 1,
		.entry = interp ? 0x7ffff7fdd000 : 0x555555555040,
		.phdr_addr = 0x555555554040,
		.phdr_count = 13,
	};
}

/* The kernel's order and entries (exec.md 2), with values that say where they come from. */
#define OLD 0x01d
/* clang-format off */
static const struct { uint64_t type, want, want_ids; } usual[] = {
	{AT_SYSINFO_EHDR, OLD, OLD},
	{AT_MINSIGSTKSZ, OLD, OLD},
	{AT_HWCAP, OLD, OLD},
	{AT_PAGESZ, OLD, OLD},
	{AT_CLKTCK, OLD, OLD},
	{AT_PHDR, 0x555555554040, 0x555555554040},
	{AT_PHENT, OLD, OLD},
	{AT_PHNUM, 13, 13},
	{AT_BASE, 0x7ffff7fc0000, 0x7ffff7fc0000},
	{AT_FLAGS, 0, 0},
	{AT_ENTRY, 0x555555555040, 0x555555555040}, /* the program's, not the interpreter's */
	{AT_UID, OLD, 1},
	{AT_EUID, OLD, 2},
	{AT_GID, OLD, 3},
	{AT_EGID, OLD, 4},
	{AT_SECURE, OLD, 5},
	{AT_RANDOM, OLD, OLD},
	{AT_HWCAP2, OLD, OLD},
	{AT_EXECFN, OLD, OLD},
	{AT_PLATFORM, OLD, OLD},
	{AT_RSEQ_FEATURE_SIZE, OLD, OLD},
	{AT_RSEQ_ALIGN, OLD, OLD},
	{UNKNOWN, OLD, OLD},
};
/* clang-format on */

enum { USUAL = sizeof(usual) / sizeof(*usual) };

static void check_usual(bool interp, bool ids)
{
	const struct segmap_auxv_facts facts = {ids, 1, 2, 3, 4, 5};
	struct segmap_auxv inherited[USUAL + 1] = {{0, 0}}, out[SEGMAP_AUXV_MAX];
	struct segmap_plan p = plan(interp);

	for (size_t i = 0; i < USUAL; i++)
		inherited[i] = (struct segmap_auxv){usual[i].type, OLD};
	memset(out, 0x5a, sizeof(out));
	cr_assert_eq(segmap_auxv_make(out, inherited, &p, &facts), USUAL);
	for (size_t i = 0; i < USUAL; i++) {
		uint64_t want = ids ? usual[i].want_ids : usual[i].want;

		if (usual[i].type == AT_BASE && !interp)
			want = 0;
		cr_expect_eq(out[i].type, usual[i].type, "%zu: type %lu, not %lu", i,
			     out[i].type, usual[i].type);
		cr_expect_eq(out[i].value, want, "type %lu: %#lx, not %#lx", usual[i].type,
			     out[i].value, want);
	}
	cr_expect(out[USUAL].type == AT_NULL && out[USUAL].value == 0, "not ended");
}

Test(auxv, replaced_and_passed_on)
{
	for (int interp = 0; interp < 2; interp++)
		for (int ids = 0; ids < 2; ids++)
			check_usual(interp, ids);
}

struct small_case {
	const char *name;
	struct segmap_auxv in[5];
	struct segmap_auxv want[5];
};

Test(auxv, odd_vectors)
{
	static const struct small_case cases[] = {
		{"empty", {{0}}, {{0}}},
		{"AT_EXECFD is left out",
		 {{AT_EXECFD, 3}, {UNKNOWN, 1}, {AT_EXECFD, 4}},
		 {{UNKNOWN, 1}}},
		{"nothing is added", {{UNKNOWN, 1}}, {{UNKNOWN, 1}}},
		{"twice the same", {{UNKNOWN, 1}, {UNKNOWN, 2}}, {{UNKNOWN, 1}, {UNKNOWN, 2}}},
		{"AT_NULL ends it whatever its value",
		 {{UNKNOWN, 1}, {AT_NULL, 9}, {UNKNOWN, 2}},
		 {{UNKNOWN, 1}}},
		{"AT_IGNORE is an entry",
		 {{AT_IGNORE, 7}, {AT_PHNUM, 0}},
		 {{AT_IGNORE, 7}, {AT_PHNUM, 13}}},
	};
	const struct segmap_auxv_facts facts = {0};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct segmap_auxv out[SEGMAP_AUXV_MAX];
		struct segmap_plan p = plan(true);
		int want = 0;

		while (cases[i].want[want].type != AT_NULL)
			want++;
		int n = segmap_auxv_make(out, cases[i].in, &p, &facts);
		cr_expect_eq(n, want, "%s: %d pairs, not %d", cases[i].name, n, want);
		for (int k = 0; k <= want; k++)
			cr_expect(out[k].type == cases[i].want[k].type &&
					  out[k].value == cases[i].want[k].value,
				  "%s: pair %d is {%lu, %#lx}", cases[i].name, k, out[k].type,
				  out[k].value);
	}
}

/* OUT has room for SEGMAP_AUXV_MAX pairs, AT_NULL included. */
Test(auxv, room)
{
	static const struct {
		size_t pairs, execfds;
		int want;
	} cases[] = {
		{SEGMAP_AUXV_MAX - 2, 0, SEGMAP_AUXV_MAX - 2},
		{SEGMAP_AUXV_MAX - 1, 0, SEGMAP_AUXV_MAX - 1},
		{SEGMAP_AUXV_MAX, 0, -E2BIG},
		{SEGMAP_AUXV_MAX + 5, 0, -E2BIG},
		{SEGMAP_AUXV_MAX - 1, 3, SEGMAP_AUXV_MAX - 1}, /* they take no room */
	};
	const struct segmap_auxv_facts facts = {0};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct segmap_auxv in[SEGMAP_AUXV_MAX + 10] = {{0, 0}};
		struct segmap_auxv out[SEGMAP_AUXV_MAX + 1];
		struct segmap_plan p = plan(false);
		size_t n = 0;

		for (; n < cases[i].pairs; n++)
			in[n] = (struct segmap_auxv){UNKNOWN, n};
		for (; n < cases[i].pairs + cases[i].execfds; n++)
			in[n] = (struct segmap_auxv){AT_EXECFD, 3};
		memset(out, 0x5a, sizeof(out));
		const struct segmap_auxv behind = out[SEGMAP_AUXV_MAX];
		int r = segmap_auxv_make(out, in, &p, &facts);
		cr_expect_eq(r, cases[i].want, "row %zu: %d", i, r);
		cr_expect_eq(memcmp(&behind, &out[SEGMAP_AUXV_MAX], sizeof(behind)), 0,
			     "row %zu: written past its room", i);
		if (r > 0)
			cr_expect_eq(out[r].type, AT_NULL, "row %zu: not ended", i);
	}
}

Test(auxv, get)
{
	static const struct segmap_auxv some[] = {{AT_PAGESZ, 4096}, {AT_UID, 0},  {UNKNOWN, 1},
						  {UNKNOWN, 2},      {AT_NULL, 5}, {AT_GID, 6}};

	cr_expect_eq(segmap_auxv_get(some, AT_PAGESZ, 9), 4096);
	cr_expect_eq(segmap_auxv_get(some, AT_UID, 9), 0, "0 is a value");
	cr_expect_eq(segmap_auxv_get(some, UNKNOWN, 9), 1, "the first counts");
	cr_expect_eq(segmap_auxv_get(some, AT_GID, 9), 9, "behind the end");
	cr_expect_eq(segmap_auxv_get(some, AT_NULL, 9), 9, "the end is no entry");
	cr_expect_eq(segmap_auxv_get(some + 4, AT_PAGESZ, UINT64_MAX), UINT64_MAX);
}
