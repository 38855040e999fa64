/*
 * How much fits: exec.md 1.1, step 4. One string of 131072 bytes; all strings and pointers in
 * the larger of 128 KiB and a quarter of RLIMIT_STACK, 6 MiB at most; and RLIMIT_STACK itself.
 */
#include <criterion/criterion.h>
#include <elf.h>
#include <errno.h>
#include <segmap/stack.h>
#include <stdlib.h>
#include <string.h>

#define KIB (UINT64_C(1) << 10)
#define MIB (UINT64_C(1) << 20)

enum {
	STRING_MAX = 131072, /* bytes with the NUL */
	ARG_MAX_BYTES = 131072,
	LISTED = 900000, /* strings in a list here at most */
};

static const uint8_t random_bytes[16];
static const struct segmap_auxv no_vector[] = {{AT_NULL, 0}};

static struct segmap_stack_input input(char *const *argv, char *const *envp, uint64_t rlimit)
{
	return (struct segmap_stack_input){
		.page_size = 4096,
		.stack_end = 0x7ffffffff000,
		.rlimit_stack = rlimit,
		.execfn = "", /* one byte */
		.platform = "x86_64",
		.argv = argv,
		.envp = envp,
		.random = random_bytes,
		.auxv = no_vector,
	};
}

static int build(const struct segmap_stack_input *in, struct segmap_error *err)
{
	struct segmap_stack untouched, s;

	memset(&s, 0x5a, sizeof(s));
	untouched = s;
	memset(err, 0, sizeof(*err));
	int r = segmap_stack_build(&s, in, err);
	if (r == 0)
		free(s.bytes);
	else
		cr_expect_eq(memcmp(&s, &untouched, sizeof(s)), 0,
			     "a refusal has changed the output");
	cr_expect_eq(r, -err->errnum, "%d returned, %d noted", r, err->errnum);
	return r;
}

static char *string_of(size_t length)
{
	char *string = malloc(length + 1);

	cr_assert_not_null(string);
	memset(string, 'x', length);
	string[length] = '\0';
	return string;
}

Test(stack_limits, one_string)
{
	char *const longest = string_of(STRING_MAX - 1), *const too_long =
								 string_of(STRING_MAX);
	char *const fine[] = {(char[]){"a"}, NULL};
	char *const most[] = {longest, NULL}, *const over[] = {too_long, NULL};
	const struct {
		const char *name;
		char *const *argv, *const *envp;
		bool refused;
	} cases[] = {
		{"longest argument", most, fine, false},
		{"longest variable", fine, most, false},
		{"both", most, most, false},
		{"argument too long by one", over, fine, true},
		{"variable too long by one", fine, over, true},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct segmap_stack_input in = input(cases[i].argv, cases[i].envp, 8 * MIB);
		struct segmap_error err;
		int r = build(&in, &err);

		cr_expect_eq(r, cases[i].refused ? -E2BIG : 0, "%s: %d", cases[i].name, r);
		if (!cases[i].refused)
			continue;
		cr_expect(err.reason == SEGMAP_REASON_ARG_TOO_LONG &&
				  err.verdict == SEGMAP_VERDICT_ERRNO,
			  "%s: %s", cases[i].name, segmap_reason_name(err.reason));
		cr_expect(err.value[0] == STRING_MAX + 1 && err.value[1] == STRING_MAX,
			  "%s: %lu of %lu", cases[i].name, err.value[0], err.value[1]);
	}
	free(longest);
	free(too_long);
}

/* Variables that take BYTES in all, pointers and terminators included: at most 100000 each. */
static char **environment_of(uint64_t bytes)
{
	char **list = calloc(bytes / 100000 + 2, sizeof(*list));
	size_t n = 0;

	cr_assert_not_null(list);
	while (bytes) {
		uint64_t take = bytes > 100000 + 64 ? 100000 : bytes;

		cr_assert(take >= 9 && take - 9 < STRING_MAX);
		list[n++] = string_of(take - 9);
		bytes -= take;
	}
	return list;
}

static void free_list(char **list)
{
	for (char **s = list; *s; s++)
		free(*s);
	free(list);
}

/* LIMIT bytes are allowed under RLIMIT, and not one more. */
static void check_total(const char *name, uint64_t rlimit, uint64_t limit, uint64_t extra,
			enum segmap_reason reason)
{
	char *const argv[] = {(char[]){"a"}, NULL};
	char **envp = environment_of(limit + extra - 1 - (2 + 8)); /* AT_EXECFN, argv */
	struct segmap_stack_input in = input(argv, envp, rlimit);
	struct segmap_error err;
	int r = build(&in, &err);

	cr_expect_eq(err.reason, reason, "%s%s: %d, %s", name, extra ? " and one byte" : "", r,
		     segmap_reason_name(err.reason));
	if (reason == SEGMAP_REASON_ARGS_TOO_BIG)
		cr_expect(r == -E2BIG && err.verdict == SEGMAP_VERDICT_ERRNO &&
				  err.value[0] == limit + 1 && err.value[1] == limit,
			  "%s: %d, %lu of %lu", name, r, err.value[0], err.value[1]);
	free_list(envp);
}

Test(stack_limits, total)
{
	static const struct {
		const char *name;
		uint64_t rlimit, limit;
		enum segmap_reason at_limit; /* other limits may be narrower */
	} cases[] = {
		{"RLIMIT_STACK 8 MiB", 8 * MIB, 2 * MIB, SEGMAP_REASON_NONE},
		{"RLIMIT_STACK 1 MiB", 1 * MIB, 256 * KIB, SEGMAP_REASON_NONE},
		{"RLIMIT_STACK 512 KiB", 512 * KIB, 128 * KIB, SEGMAP_REASON_NONE},
		{"RLIMIT_STACK 512 KiB and 4", 512 * KIB + 4, 128 * KIB + 1,
		 SEGMAP_REASON_NONE},
		{"RLIMIT_STACK 512 KiB and 3", 512 * KIB + 3, 128 * KIB, SEGMAP_REASON_NONE},
		{"RLIMIT_STACK 200 KiB", 200 * KIB, 128 * KIB, SEGMAP_REASON_NONE},
		{"RLIMIT_STACK 24 MiB", 24 * MIB, 6 * MIB, SEGMAP_REASON_NONE},
		{"RLIMIT_STACK 24 MiB less 4", 24 * MIB - 4, 6 * MIB - 1, SEGMAP_REASON_NONE},
		{"RLIMIT_STACK 32 MiB", 32 * MIB, 6 * MIB, SEGMAP_REASON_NONE},
		{"no RLIMIT_STACK", UINT64_MAX, 6 * MIB, SEGMAP_REASON_NONE},
		{"RLIMIT_STACK 64 KiB", 64 * KIB, 128 * KIB, SEGMAP_REASON_STACK_LIMIT},
		{"RLIMIT_STACK 0", 0, 128 * KIB, SEGMAP_REASON_STACK_LIMIT},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		check_total(cases[i].name, cases[i].rlimit, cases[i].limit, 0,
			    cases[i].at_limit);
		check_total(cases[i].name, cases[i].rlimit, cases[i].limit, 1,
			    SEGMAP_REASON_ARGS_TOO_BIG);
	}
}

/*
 * The rows of the kernel's unit test of bprm_stack_limits() that a caller can bring about:
 * counts of pointers and a limit, and the bytes that remain for strings. Each string is "", a
 * byte.
 */
Test(stack_limits, kernel_unit_test)
{
	static const struct {
		size_t argc, envc;
		uint64_t rlimit, limit;
	} cases[] = {
		{1, 0, 0, ARG_MAX_BYTES},
		{0, 0, 0, ARG_MAX_BYTES},
		{ARG_MAX_BYTES / 8, 0, 0, ARG_MAX_BYTES},
		{0, ARG_MAX_BYTES / 8 - 1, 0, ARG_MAX_BYTES},
		{ARG_MAX_BYTES / 8 + 1, 0, 0, ARG_MAX_BYTES},
		{0, ARG_MAX_BYTES / 8, 0, ARG_MAX_BYTES},
		{ARG_MAX_BYTES / 8 - 1, 0, 0, ARG_MAX_BYTES},
		{0, ARG_MAX_BYTES / 8 - 2, 0, ARG_MAX_BYTES},
		{ARG_MAX_BYTES / 8, 0, ARG_MAX_BYTES * 4, ARG_MAX_BYTES},
		{0, ARG_MAX_BYTES / 8 - 1, ARG_MAX_BYTES * 4, ARG_MAX_BYTES},
		{ARG_MAX_BYTES / 8 + 1, 0, ARG_MAX_BYTES * 4, ARG_MAX_BYTES},
		{0, ARG_MAX_BYTES / 8, ARG_MAX_BYTES * 4, ARG_MAX_BYTES},
		{ARG_MAX_BYTES / 8 - 1, 0, ARG_MAX_BYTES * 4, ARG_MAX_BYTES},
		{0, ARG_MAX_BYTES / 8 - 2, ARG_MAX_BYTES * 4, ARG_MAX_BYTES},
		{ARG_MAX_BYTES / 8, 0, (ARG_MAX_BYTES + 8) * 4, ARG_MAX_BYTES + 8},
		{0, ARG_MAX_BYTES / 8 - 1, (ARG_MAX_BYTES + 8) * 4, ARG_MAX_BYTES + 8},
		{0, 0, 24 * MIB, 6 * MIB},
		{0, 0, 24 * MIB + 32, 6 * MIB},
		{0, 0, 32 * MIB, 6 * MIB},
		/* and ours: pointers and strings that just fit, and just do not */
		{14563, 0, ARG_MAX_BYTES * 4, ARG_MAX_BYTES},
		{14564, 0, ARG_MAX_BYTES * 4, ARG_MAX_BYTES},
		{7000, 7563, ARG_MAX_BYTES * 4, ARG_MAX_BYTES},
		{7000, 7564, ARG_MAX_BYTES * 4, ARG_MAX_BYTES},
		{0, 699049, UINT64_MAX, 6 * MIB},
		{0, 699050, UINT64_MAX, 6 * MIB},
	};
	static char *list[2][LISTED];
	static char empty[] = "";

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		size_t argc = cases[i].argc ? cases[i].argc : 1;
		uint64_t want = (argc + cases[i].envc) * 8 + argc + cases[i].envc + 1;
		struct segmap_stack_input in = input(list[0], list[1], cases[i].rlimit);
		struct segmap_error err;

		for (size_t n = 0; n < LISTED; n++) {
			list[0][n] = n < cases[i].argc ? empty : NULL;
			list[1][n] = n < cases[i].envc ? empty : NULL;
		}
		int r = build(&in, &err);
		bool big = err.reason == SEGMAP_REASON_ARGS_TOO_BIG;
		cr_expect_eq(big, want > cases[i].limit, "row %zu: %d, %s", i, r,
			     segmap_reason_name(err.reason));
		if (big)
			cr_expect(r == -E2BIG && err.value[0] == want &&
					  err.value[1] == cases[i].limit,
				  "row %zu: %d, %lu of %lu", i, r, err.value[0], err.value[1]);
	}
}

/* RLIMIT_STACK, where it is narrow: strings that do not fit are E2BIG, the vector is death. */
Test(stack_limits, rlimit_stack)
{
	static const struct {
		const char *name;
		uint64_t rlimit;
		size_t length; /* of the argument */
		unsigned shift;
		int result;
		enum segmap_verdict verdict;
	} cases[] = {
		{"two pages of strings, room for one", 4096, 5000, 0, -E2BIG,
		 SEGMAP_VERDICT_ERRNO},
		{"two pages of strings, room for nearly two", 8191, 5000, 0, -E2BIG,
		 SEGMAP_VERDICT_ERRNO},
		{"two pages of strings, room for two", 8192, 5000, 0, 0, SEGMAP_VERDICT_ERRNO},
		{"strings fill their page, the rest does not fit", 4096, 4080, 0, -EFAULT,
		 SEGMAP_VERDICT_KILLS},
		{"the same with two pages", 8192, 4080, 0, 0, SEGMAP_VERDICT_ERRNO},
		{"the random gap needs another page", 4096, 1, 4096, -EFAULT,
		 SEGMAP_VERDICT_KILLS},
		{"strings of a page and a byte, with the 8 at the top", 4096, 4088, 0, -E2BIG,
		 SEGMAP_VERDICT_ERRNO},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *const argument = string_of(cases[i].length);
		char *const argv[] = {argument, NULL};
		struct segmap_stack_input in = input(argv, NULL, cases[i].rlimit);
		struct segmap_error err;

		in.shift = cases[i].shift;
		int r = build(&in, &err);
		cr_expect_eq(r, cases[i].result, "%s: %d", cases[i].name, r);
		if (r < 0)
			cr_expect(err.reason == SEGMAP_REASON_STACK_LIMIT &&
					  err.verdict == cases[i].verdict,
				  "%s: %s, %s", cases[i].name, segmap_reason_name(err.reason),
				  segmap_verdict_name(err.verdict));
		free(argument);
	}
}

/* The kernel makes the first page of the stack without asking for the limit: seen to run with
 * RLIMIT_STACK 0, 1 and 4095 when strings and vector fit that page. */
Test(stack_limits, first_page_is_free)
{
	static const uint64_t rlimits[] = {0, 1, 4095};
	char *const argv[] = {(char[]){"a"}, NULL};

	for (size_t i = 0; i < sizeof(rlimits) / sizeof(*rlimits); i++) {
		struct segmap_stack_input in = input(argv, NULL, rlimits[i]);
		struct segmap_stack s;
		int r = segmap_stack_build(&s, &in, NULL);

		cr_expect_eq(r, 0, "RLIMIT_STACK %lu: %d", rlimits[i], r);
		if (r < 0)
			continue;
		cr_expect_eq(s.vma_start, in.stack_end - 4096, "RLIMIT_STACK %lu: %#lx",
			     rlimits[i], s.vma_start);
		free(s.bytes);
	}
}
