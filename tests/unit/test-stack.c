/*
 * The initial stack, byte for byte. What is expected is built here from the table of exec.md 2,
 * from the top down, by code that shares nothing with loader/stack.c.
 */
#include <criterion/criterion.h>
#include <elf.h>
#include <segmap/stack.h>
#include <stdlib.h>
#include <string.h>

#define STACK_END 0x7ffffffff000

enum { ROOM = 256 << 10 }; /* bytes of the expected image */

static const uint8_t random_bytes[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

static const struct segmap_auxv vector[] = {
	{AT_SYSINFO_EHDR, 0x7ffff7ffd000},
	{AT_PAGESZ, 4096},
	{AT_PHDR, 0x400040},
	{AT_RANDOM, 0xdead},
	{AT_EXECFN, 0xdead},
	{AT_PLATFORM, 0xdead},
	{4711, 42},
	{AT_NULL, 0xbad}, /* its value is written as 0 */
};

/* The expected image: byte[ROOM - n] is at end - n. */
struct expected {
	uint8_t byte[ROOM];
	uint64_t end;
	uint64_t arg_start, env_start, env_end;
	uint64_t execfn, platform, random, sp, auxv;
};

static void write_at(struct expected *e, uint64_t addr, const void *bytes, size_t length)
{
	memcpy(e->byte + ROOM - (e->end - addr), bytes, length);
}

/* Writes STRING so that it ends at END; returns where it begins. */
static uint64_t push_string(struct expected *e, uint64_t end, const char *string)
{
	size_t length = strlen(string) + 1;

	write_at(e, end - length, string, length);
	return end - length;
}

static uint64_t push_strings(struct expected *e, uint64_t end, char *const *list, size_t count)
{
	while (count--)
		end = push_string(e, end, list[count]);
	return end;
}

static size_t count_strings(char *const *list)
{
	size_t n = 0;

	while (list && list[n])
		n++;
	return n;
}

static uint64_t write_word(struct expected *e, uint64_t addr, uint64_t word)
{
	write_at(e, addr, &word, sizeof(word));
	return addr + sizeof(word);
}

/* The pointers to COUNT strings that begin at *STRING, and a 0. Where one ends is read from the
 * stack, where it may have been replaced. */
static uint64_t write_pointers(struct expected *e, uint64_t addr, size_t count,
			       uint64_t *string)
{
	for (size_t i = 0; i < count; i++) {
		addr = write_word(e, addr, *string);
		*string += strlen((char *)e->byte + ROOM - (e->end - *string)) + 1;
	}
	return write_word(e, addr, 0);
}

static uint64_t value_of(const struct expected *e, const struct segmap_auxv *pair)
{
	return pair->type == AT_RANDOM     ? e->random
	       : pair->type == AT_EXECFN   ? e->execfn
	       : pair->type == AT_PLATFORM ? e->platform
					   : pair->value;
}

/* What PLAN's only mapping covers is empty. */
static void lose(struct expected *e, const struct segmap_plan *plan)
{
	if (plan)
		memset(e->byte + ROOM - (e->end - plan->mappings[0].addr), 0,
		       plan->mappings[0].length);
}

static void expect(struct expected *e, const struct segmap_stack_input *in)
{
	static char empty[] = "";
	char *const one_empty[] = {empty, NULL};
	char *const *argv = count_strings(in->argv) ? in->argv : one_empty;
	size_t argc = count_strings(argv), envc = count_strings(in->envp), auxc = 0;
	uint64_t addr;

	memset(e, 0, sizeof(*e));
	e->end = in->stack_end;
	e->execfn = push_string(e, e->end - 8, in->execfn);
	e->arg_start = push_strings(e, push_strings(e, e->execfn, in->envp, envc), argv, argc);
	lose(e, in->plan);
	addr = (e->arg_start - in->shift) / 16 * 16;
	e->platform = in->platform ? push_string(e, addr, in->platform) : addr;
	e->random = e->platform - 16;
	write_at(e, e->random, in->random, 16);
	while (in->auxv[auxc].type != AT_NULL)
		auxc++;
	e->sp = (e->random - 16 * (auxc + 1) - 8 * (argc + envc + 3)) / 16 * 16;
	addr = write_word(e, e->sp, argc);
	e->env_start = e->arg_start;
	addr = write_pointers(e, addr, argc, &e->env_start);
	e->env_end = e->env_start;
	addr = write_pointers(e, addr, envc, &e->env_end);
	e->auxv = addr;
	for (size_t i = 0; i < auxc; i++) {
		addr = write_word(e, addr, in->auxv[i].type);
		addr = write_word(e, addr, value_of(e, &in->auxv[i]));
	}
}

static struct segmap_stack_input input(char *const *argv, char *const *envp)
{
	return (struct segmap_stack_input){
		.page_size = 4096,
		.stack_end = STACK_END,
		.rlimit_stack = 8 << 20,
		.execfn = "/bin/true",
		.platform = "x86_64",
		.argv = argv,
		.envp = envp,
		.random = random_bytes,
		.auxv = vector,
	};
}

static void compare(const char *name, const struct segmap_stack_input *in)
{
	static struct expected e;
	struct segmap_stack s;
	struct segmap_error err;
	size_t pairs = 0;

	expect(&e, in);
	int r = segmap_stack_build(&s, in, &err);
	cr_assert_eq(r, 0, "%s: shift %u: %d", name, in->shift, r);
	cr_assert_eq(s.sp, e.sp, "%s: shift %u: sp %#lx, not %#lx", name, in->shift, s.sp,
		     e.sp);
	cr_assert_eq(s.sp % 16, 0, "%s: shift %u: sp %#lx", name, in->shift, s.sp);
	cr_assert_eq(s.size, in->stack_end - s.sp, "%s: size %zu", name, s.size);
	cr_assert(s.arg_start == e.arg_start && s.arg_end == e.env_start, "%s: argv %#lx-%#lx",
		  name, s.arg_start, s.arg_end);
	cr_assert(s.env_start == e.env_start && s.env_end == e.env_end, "%s: envp %#lx-%#lx",
		  name, s.env_start, s.env_end);
	cr_assert_eq(s.auxv_offset, e.auxv - e.sp, "%s: auxv at %zu", name, s.auxv_offset);
	while (in->auxv[pairs].type != AT_NULL)
		pairs++;
	cr_assert_eq(s.auxv_size, 16 * (pairs + 1), "%s: auxv of %zu", name, s.auxv_size);
	for (size_t i = 0; i < s.size; i++)
		cr_assert_eq(s.bytes[i], e.byte[ROOM - s.size + i],
			     "%s: shift %u: byte at sp+%#zx is %#x, not %#x", name, in->shift,
			     i, s.bytes[i], e.byte[ROOM - s.size + i]);
	free(s.bytes);
}

#define LIST(...) ((char *const[]){__VA_ARGS__, NULL})

Test(stack, layout)
{
	const struct {
		const char *name;
		char *const *argv, *const *envp;
	} cases[] = {
		{"usual", LIST("true", "a", "bc"), LIST("HOME=/", "TERM=vt100")},
		{"no environment", LIST("true"), (char *const[]){NULL}},
		{"environment NULL", LIST("true"), NULL},
		{"argv empty: one empty string", (char *const[]){NULL}, LIST("A=1")},
		{"argv NULL", NULL, LIST("A=1")},
		{"nothing at all", NULL, NULL},
		{"empty strings", LIST("", "", ""), LIST("", "")},
		{"even and odd counts", LIST("a", "b"), LIST("c", "d")},
		{"equal strings are not shared", LIST("x", "x"), LIST("x")},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct segmap_stack_input in = input(cases[i].argv, cases[i].envp);

		compare(cases[i].name, &in);
	}
}

/* The kernel's random gap under the strings, with odd and even numbers of words. */
Test(stack, every_shift)
{
	char *const *const argvs[] = {LIST("one"), LIST("one", "two")};

	for (int odd = 0; odd < 2; odd++) {
		struct segmap_stack_input in = input(argvs[odd], LIST("HOME=/root"));

		for (in.shift = 0; in.shift < 8192; in.shift += 7)
			compare(odd ? "two arguments" : "one argument", &in);
		in.shift = 8191;
		compare("largest shift", &in);
	}
}

/* Every alignment of the strings' beginning. */
Test(stack, every_length)
{
	char name[64] = "";

	for (size_t length = 0; length < 40; length++) {
		struct segmap_stack_input in = input(LIST("a"), LIST("B=c"));

		memset(name, 'n', length);
		in.execfn = name;
		compare("path", &in);
		in = input(LIST(name), LIST(name));
		compare("argument and variable", &in);
		in = input(LIST("a"), NULL);
		in.platform = name;
		compare("platform", &in);
	}
}

/* As on riscv64. */
Test(stack, no_platform)
{
	struct segmap_stack_input in = input(LIST("a", "b"), LIST("C=d"));

	in.platform = NULL;
	compare("no platform", &in);
}

Test(stack, other_inputs)
{
	static const struct segmap_auxv nothing[] = {{AT_NULL, 0}};
	struct segmap_stack_input in = input(LIST("a", "b"), LIST("C=d"));

	in.auxv = nothing;
	compare("empty vector", &in);
	in = input(LIST("a"), NULL);
	in.stack_end = 0x7ffd12345000;
	compare("randomised end", &in);
	in.page_size = 65536;
	in.stack_end = 0x7ffd12340000;
	compare("64 KiB pages", &in);
	in.rlimit_stack = UINT64_MAX;
	compare("no limit", &in);
}

/* A bss over the stack comes after the strings and before everything else [D09c]. */
Test(stack, strings_lost_to_bss)
{
	static const struct {
		const char *name;
		uint64_t below_end, length;
	} cases[] = {
		{"last page: the end of the long one, and what follows", 0x1000, 0x1000},
		{"two pages: all strings", 0x2000, 0x2000},
		{"the page below: the beginning of the long one", 0x2000, 0x1000},
		{"far below", 0x10000, 0x1000},
	};
	static char block[5001];

	memset(block, 'x', sizeof(block) - 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct segmap_mapping bss = {.kind = SEGMAP_ANON_PRIVATE,
					     .addr = STACK_END - cases[i].below_end,
					     .length = cases[i].length};
		struct segmap_plan plan = {
			.object_count = 1, .mappings = &bss, .mapping_count = 1};
		struct segmap_stack_input in =
			input(LIST("a", block, "b"), LIST("HOME=/", "TERM=vt100"));

		in.plan = &plan;
		compare(cases[i].name, &in);
		in.shift = 4000; /* vector and random bytes in a page that was replaced */
		compare(cases[i].name, &in);
	}
}

/*
 * Where the mapping begins: 128 KiB below the page of the lowest string, not more than the
 * limit allows, but low enough for all that is written.
 */
Test(stack, mapping)
{
	static char block[100001];
	static const struct {
		const char *name;
		uint64_t page, rlimit, want; /* bytes of the mapping */
		size_t length;               /* of one more argument */
		unsigned shift;
	} cases[] = {
		{"usual", 4096, 8 << 20, 0x21000, 0, 0},
		{"shifted: the strings' page counts", 4096, 8 << 20, 0x21000, 0, 8191},
		{"no limit", 4096, UINT64_MAX, 0x21000, 0, 0},
		{"two pages of strings", 4096, 8 << 20, 0x22000, 5000, 0},
		{"100000 bytes of strings", 4096, 8 << 20, 0x39000, 100000, 0},
		{"limit of exactly that", 4096, 0x21000, 0x21000, 0, 0},
		{"limit of one byte less", 4096, 0x20fff, 0x20000, 0, 0},
		{"limit of 64 KiB", 4096, 0x10000, 0x10000, 0, 0},
		{"limit of a page", 4096, 0x1000, 0x1000, 0, 0},
		{"limit of nearly two", 4096, 0x1fff, 0x1000, 0, 0},
		{"limit of two, the second needed", 4096, 0x2000, 0x2000, 0, 4096},
		{"16 KiB pages", 16384, 8 << 20, 0x24000, 0, 0},
		{"64 KiB pages", 65536, 8 << 20, 0x30000, 0, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct segmap_stack_input in = input(LIST("a", block), LIST("B=c"));
		struct segmap_stack s;

		memset(block, 'x', cases[i].length);
		block[cases[i].length] = '\0';
		in.page_size = cases[i].page;
		in.stack_end = STACK_END & ~(cases[i].page - 1);
		in.rlimit_stack = cases[i].rlimit;
		in.shift = cases[i].shift;
		int r = segmap_stack_build(&s, &in, NULL);
		cr_expect_eq(r, 0, "%s: %d", cases[i].name, r);
		if (r < 0)
			continue;
		cr_expect_eq(in.stack_end - s.vma_start, cases[i].want, "%s: %#lx bytes",
			     cases[i].name, in.stack_end - s.vma_start);
		cr_expect_leq(s.vma_start, s.sp, "%s: the stack is not in its mapping",
			      cases[i].name);
		free(s.bytes);
	}
}
