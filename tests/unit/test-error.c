/*
 * Messages: each reason has its words, no placeholder is left in them, and nothing in the error
 * can make them overflow or end wrongly.
 */
#include <criterion/criterion.h>
#include <ctype.h>
#include <errno.h>
#include <segmap/error.h>
#include <string.h>

#include "fail.h"

enum {
	REASONS = SEGMAP_REASON_COUNT,
	VERDICTS = SEGMAP_VERDICT_SYSTEM + 1,
};

static const uint64_t value_sets[][4] = {
	{0, 0, 0, 0},
	{1, 2, 4096, 8},
	{UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX},
	{0x1010, 0x401000, 0x1000, 0x7ffffffff000},
};

static struct segmap_error example(enum segmap_reason reason, enum segmap_verdict verdict)
{
	return (struct segmap_error){
		.reason = reason,
		.verdict = verdict,
		.errnum = ENOEXEC,
		.index = 7,
		.step = "mmap",
		.value = {0x1010, 0x401000, 0x1000, 0x7ffffffff000},
		.path = "/lib/ld.so",
	};
}

/* One part of a message: ended, on one line, nothing unexpanded, no stray blanks. */
static void check_part(const char *name, const char *part, const char *text, size_t size)
{
	size_t length = strnlen(text, size);

	cr_expect_lt(length, size, "%s: %s is not ended", name, part);
	if (length == size)
		return;
	cr_expect_null(strpbrk(text, "{}"), "%s: %s: '%s'", name, part, text);
	cr_expect_null(strstr(text, "(null)"), "%s: %s: '%s'", name, part, text);
	cr_expect_null(strstr(text, "  "), "%s: %s: '%s'", name, part, text);
	cr_expect(!length ||
			  (text[0] != ' ' && (text[length - 1] != ' ' || length == size - 1)),
		  "%s: %s: '%s'", name, part, text);
	for (size_t i = 0; i < length; i++)
		cr_expect(!iscntrl((unsigned char)text[i]), "%s: %s: byte %#x", name, part,
			  (unsigned char)text[i]);
}

static void check_text(const struct segmap_error *err)
{
	const char *name = segmap_reason_name(err->reason);
	struct segmap_error_text text;

	memset(&text, 'Z', sizeof(text)); /* whatever is not filled would stay */
	segmap_error_describe(err, &text);
	check_part(name, "cause", text.cause, sizeof(text.cause));
	check_part(name, "evidence", text.evidence, sizeof(text.evidence));
	check_part(name, "kernel", text.kernel, sizeof(text.kernel));
	check_part(name, "hint", text.hint, sizeof(text.hint));
	cr_expect(text.cause[0], "%s: no cause", name);
}

Test(error, every_reason_in_words)
{
	for (int reason = 0; reason < REASONS; reason++) {
		for (int verdict = 0; verdict < VERDICTS; verdict++) {
			struct segmap_error err = example((enum segmap_reason)reason,
							  (enum segmap_verdict)verdict);

			for (size_t i = 0; i < sizeof(value_sets) / sizeof(*value_sets); i++) {
				memcpy(err.value, value_sets[i], sizeof(err.value));
				err.object = SEGMAP_PROGRAM;
				check_text(&err);
				err.object = SEGMAP_INTERPRETER;
				check_text(&err);
			}
		}
	}
}

/* Every reason but those that need none has numbers to show, or a sentence of its own. */
Test(error, evidence)
{
	for (int reason = SEGMAP_REASON_NONE + 1; reason < REASONS; reason++) {
		struct segmap_error err = example((enum segmap_reason)reason, 0);
		struct segmap_error_text text;

		segmap_error_describe(&err, &text);
		cr_expect(text.evidence[0] || reason == SEGMAP_REASON_MEMORY, "%s: no evidence",
			  segmap_reason_name(err.reason));
	}
}

Test(error, names_are_unique_words)
{
	for (int i = 0; i < REASONS; i++) {
		const char *name = segmap_reason_name((enum segmap_reason)i);

		cr_assert_not_null(name, "reason %d", i);
		cr_expect(name[0] &&
				  strspn(name, "abcdefghijklmnopqrstuvwxyz-") == strlen(name),
			  "reason %d: '%s'", i, name);
		for (int k = 0; k < i; k++)
			cr_expect_str_neq(name, segmap_reason_name((enum segmap_reason)k),
					  "reasons %d and %d", i, k);
	}
	for (int i = 0; i < VERDICTS; i++)
		for (int k = 0; k < i; k++)
			cr_expect_str_neq(segmap_verdict_name((enum segmap_verdict)i),
					  segmap_verdict_name((enum segmap_verdict)k));
	cr_expect_str_eq(segmap_reason_name(SEGMAP_REASON_NOT_ELF), "not-elf");
	cr_expect_str_eq(segmap_reason_name(SEGMAP_REASON_INCONGRUENT), "incongruent");
	cr_expect_str_eq(segmap_verdict_name(SEGMAP_VERDICT_ERRNO), "errno");
	cr_expect_str_eq(segmap_verdict_name(SEGMAP_VERDICT_KILLS), "kills");
	cr_expect_str_eq(segmap_verdict_name(SEGMAP_VERDICT_UNSUPPORTED), "unsupported");
	cr_expect_str_eq(segmap_verdict_name(SEGMAP_VERDICT_SYSTEM), "system");
}

/* The words themselves, for one of each kind of placeholder; cli.md has the form. */
Test(error, words)
{
	struct segmap_error err = example(SEGMAP_REASON_INCONGRUENT, SEGMAP_VERDICT_KILLS);
	struct segmap_error_text text;
	char whole[2048];

	err.errnum = EINVAL;
	segmap_error_describe(&err, &text);
	cr_expect_str_eq(text.cause,
			 "refused: segment 7: file offset and address differ modulo "
			 "the page size");
	cr_expect_str_eq(text.evidence,
			 "header 7: offset 0x1010 vaddr 0x401000: 0x10 != 0x0 (page 0x1000)",
			 "%s", text.evidence);
	cr_expect_str_eq(text.kernel,
			 "execve(2): EINVAL after the point of no return, the process "
			 "is killed with SIGSEGV");
	segmap_error_format(&err, whole, sizeof(whole));
	cr_expect_str_eq(
		whole,
		"refused: segment 7: file offset and address differ modulo the page size\n"
		"  header 7: offset 0x1010 vaddr 0x401000: 0x10 != 0x0 (page 0x1000)\n"
		"  execve(2): EINVAL after the point of no return, the process is killed "
		"with SIGSEGV\n"
		"  hint: the linker or a patching tool has moved the bytes\n",
		"%s", whole);
}

Test(error, placeholders)
{
	static const struct {
		struct segmap_error err;
		const char *evidence;
	} cases[] = {
		{{.reason = SEGMAP_REASON_NOT_ELF, .value = {0x0a0b2123, 17}},
		 "the first 4 bytes are 23 21 0b 0a, not 7f 45 4c 46; the file has 17 of the "
		 "header's 64 bytes"},
		{{.reason = SEGMAP_REASON_NOT_REGULAR, .value = {040755}},
		 "st_mode 040755: only a regular file (S_IFREG, 0100000) can be executed"},
		{{.reason = SEGMAP_REASON_PHNUM, .value = {1171, 1170}},
		 "e_phnum 1171: must be 1 to 1170"},
		{{.reason = SEGMAP_REASON_READ,
		  .errnum = EIO,
		  .step = "pread",
		  .value = {0x40, 56}},
		 "pread of 56 bytes at offset 0x40: Input/output error"},
		{{.reason = SEGMAP_REASON_READ, .errnum = EIO, .value = {0, 56}},
		 "? of 56 bytes at offset 0x0: Input/output error"},
		{{.reason = SEGMAP_REASON_PAGE_SIZE, .value = {8192, 0x15000}},
		 "pages of 8192 bytes: there are those of 4096, 16384, 65536"},
		{{.reason = SEGMAP_REASON_PAGE_SIZE, .value = {8192, 0x1000}},
		 "pages of 8192 bytes: there are those of 4096"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct segmap_error_text text;

		segmap_error_describe(&cases[i].err, &text);
		cr_expect_str_eq(text.evidence, cases[i].evidence, "row %zu: '%s'", i,
				 text.evidence);
	}
}

/* What execve would do, in each case; nothing is said where the file is not at fault. */
Test(error, what_the_kernel_would_do)
{
	static const struct {
		enum segmap_verdict verdict;
		int errnum;
		const char *kernel;
	} cases[] = {
		{SEGMAP_VERDICT_ERRNO, ENOEXEC,
		 "execve(2): fails with ENOEXEC (Exec format error)"},
		{SEGMAP_VERDICT_ERRNO, ELIBBAD,
		 "execve(2): fails with ELIBBAD (Accessing a corrupted shared library)"},
		{SEGMAP_VERDICT_ERRNO, 9999, "execve(2): fails with ? (Unknown error 9999)"},
		{SEGMAP_VERDICT_KILLS, EEXIST,
		 "execve(2): EEXIST after the point of no return, the process is killed with "
		 "SIGSEGV"},
		{SEGMAP_VERDICT_UNSUPPORTED, EACCES, "execve(2): would run it"},
		{SEGMAP_VERDICT_SYSTEM, ENOMEM, ""},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct segmap_error err = example(SEGMAP_REASON_PHNUM, cases[i].verdict);
		struct segmap_error_text text;

		err.errnum = cases[i].errnum;
		segmap_error_describe(&err, &text);
		cr_expect_str_eq(text.kernel, cases[i].kernel, "row %zu: '%s'", i, text.kernel);
	}
}

/* Not every kernel has a 32-bit mode. */
Test(error, unsupported_where_there_is_a_mode)
{
	struct segmap_error err = example(SEGMAP_REASON_COMPAT, SEGMAP_VERDICT_UNSUPPORTED);
	struct segmap_error_text text;

	segmap_error_describe(&err, &text);
	cr_expect_str_eq(text.kernel,
			 "execve(2): would run it, where the kernel has a 32-bit mode");
}

/* The interpreter is named, or nobody would know whose header it is. */
Test(error, interpreter_is_named)
{
	struct segmap_error err = example(SEGMAP_REASON_PHNUM, SEGMAP_VERDICT_ERRNO);
	struct segmap_error_text text;

	err.object = SEGMAP_INTERPRETER;
	segmap_error_describe(&err, &text);
	cr_expect(strstr(text.cause, "interpreter") && strstr(text.cause, "/lib/ld.so"), "'%s'",
		  text.cause);
	err.object = SEGMAP_PROGRAM;
	segmap_error_describe(&err, &text);
	cr_expect_null(strstr(text.cause, "/lib/ld.so"), "'%s'", text.cause);
}

/* No length of path or buffer goes wrong. */
Test(error, truncation)
{
	char path[600], small[300];

	memset(path, 'p', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	for (int reason = 0; reason < REASONS; reason++) {
		struct segmap_error err =
			example((enum segmap_reason)reason, SEGMAP_VERDICT_ERRNO);

		err.object = SEGMAP_INTERPRETER;
		memcpy(err.value, value_sets[2], sizeof(err.value));
		segmap_error_set_path(&err, path);
		cr_expect_eq(strnlen(err.path, sizeof(err.path)), sizeof(err.path) - 1);
		check_text(&err);
		for (size_t size = 1; size < sizeof(small); size++) {
			memset(small, 'Z', sizeof(small));
			segmap_error_format(&err, small, size);
			cr_assert_lt(strnlen(small, size), size, "%s: %zu bytes: not ended",
				     segmap_reason_name(err.reason), size);
			for (size_t i = size; i < sizeof(small); i++)
				cr_assert_eq(small[i], 'Z', "%s: %zu bytes: wrote byte %zu",
					     segmap_reason_name(err.reason), size, i);
		}
	}
}

/* The step is a string too, and some sentences have it before other words. */
Test(error, long_step)
{
	static char step[1000];

	memset(step, 's', sizeof(step) - 1);
	for (int reason = 0; reason < REASONS; reason++) {
		for (size_t length = 300; length < sizeof(step); length += 7) {
			struct segmap_error err =
				example((enum segmap_reason)reason, SEGMAP_VERDICT_ERRNO);

			err.step = step + sizeof(step) - 1 - length;
			check_text(&err);
		}
	}
}

/* True if TEXT is valid UTF-8; enough of a check for characters of two bytes. */
static bool is_utf8(const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < 0x80)
			continue;
		if ((c & 0xe0) != 0xc0 || ((unsigned char)text[1] & 0xc0) != 0x80)
			return false;
		text++;
	}
	return true;
}

/* A name that is cut is cut between characters: JSON takes no half ones. */
Test(error, no_half_characters)
{
	for (size_t shift = 0; shift < 2; shift++) {
		struct segmap_error err = example(SEGMAP_REASON_PHNUM, SEGMAP_VERDICT_ERRNO);
		struct segmap_error_text text;
		char path[600] = "/";

		while (strlen(path) < 500)
			strcat(path + shift, "\xc3\xa9");
		err.object = SEGMAP_INTERPRETER;
		segmap_error_set_path(&err, path + shift);
		cr_expect(is_utf8(err.path), "shift %zu: path cut inside a character", shift);
		segmap_error_describe(&err, &text);
		cr_expect(is_utf8(text.cause), "shift %zu: cause cut inside a character",
			  shift);
	}
}

Test(error, set)
{
	const struct segmap_error failure =
		example(SEGMAP_REASON_INCONGRUENT, SEGMAP_VERDICT_KILLS);
	struct segmap_error err;

	segmap_error_set(NULL, &failure); /* no error wanted */
	segmap_error_set_path(NULL, "x");
	cr_expect_eq(fail(NULL, PHNUM, ERRNO, EINVAL), -EINVAL);
	memset(&err, 'Z', sizeof(err));
	segmap_error_set(&err, &failure);
	cr_expect_eq(memcmp(&err, &failure, sizeof(err)), 0);
	segmap_error_set_path(&err, "other");
	cr_expect_str_eq(err.path, "other");
	cr_expect_eq(fail(&err, PHNUM, ERRNO, EINVAL, .value = {1, 2}), -EINVAL);
	cr_expect_eq(err.reason, SEGMAP_REASON_PHNUM);
	cr_expect_eq(err.index, -1, "a reason that is about no header has no index");
	cr_expect_eq(err.path[0], '\0');
}
