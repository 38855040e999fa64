/* SPDX-License-Identifier: MIT */
/*
 * What the tests use of Criterion, under its names, for cross builds: each
 * test is a process of its own, and the results are TAP. A test of a failed cr_expect goes on,
 * one of a failed cr_assert ends.
 */
#ifndef CRITERION_CRITERION_H
#define CRITERION_CRITERION_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct stand_in_test {
	const char *suite, *name;
	void (*run)(void);
	double timeout; /* seconds; 0: what is usual */
	void (*init)(void);
	void (*fini)(void);
	bool disabled;
	struct stand_in_test *next;
};

void stand_in_add(struct stand_in_test *test);

/* What was wanted; what the test says of it is logged. */
void stand_in_failed(const char *file, int line, const char *what);
void stand_in_log(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void stand_in_abort(void);
_Noreturn void stand_in_skip(void);

#define Test(suite_, name_, ...)                                                               \
	static void suite_##_##name_##_run(void);                                              \
	static struct stand_in_test suite_##_##name_##_test = {                                \
		.suite = #suite_, .name = #name_, .run = suite_##_##name_##_run, __VA_ARGS__}; \
	__attribute__((constructor)) static void suite_##_##name_##_add(void)                  \
	{                                                                                      \
		stand_in_add(&suite_##_##name_##_test);                                        \
	}                                                                                      \
	static void suite_##_##name_##_run(void)

#define STAND_IN(good_, what_, fatal_, ...)                                                    \
	do {                                                                                   \
		if (!(good_)) {                                                                \
			stand_in_failed(__FILE__, __LINE__, what_);                            \
			__VA_OPT__(stand_in_log(__VA_ARGS__);)                                 \
			if (fatal_)                                                            \
				stand_in_abort();                                              \
		}                                                                              \
	} while (0)

#define STAND_IN_COMPARE(a_, op_, b_, fatal_, ...)                                             \
	STAND_IN((a_)op_(b_), #a_ " " #op_ " " #b_, fatal_, __VA_ARGS__)
#define STAND_IN_STRINGS(a_, op_, b_, fatal_, ...)                                             \
	STAND_IN(strcmp(a_, b_) op_ 0, "the strings " #a_ " " #op_ " " #b_, fatal_, __VA_ARGS__)

#define cr_expect(good_, ...)     STAND_IN(good_, #good_, false, __VA_ARGS__)
#define cr_assert(good_, ...)     STAND_IN(good_, #good_, true, __VA_ARGS__)
#define cr_expect_not(good_, ...) STAND_IN(!(good_), "not " #good_, false, __VA_ARGS__)
#define cr_assert_not(good_, ...) STAND_IN(!(good_), "not " #good_, true, __VA_ARGS__)
#define cr_assert_fail(...)       STAND_IN(false, "not to come here", true, __VA_ARGS__)

#define cr_expect_eq(a_, b_, ...)  STAND_IN_COMPARE(a_, ==, b_, false, __VA_ARGS__)
#define cr_expect_neq(a_, b_, ...) STAND_IN_COMPARE(a_, !=, b_, false, __VA_ARGS__)
#define cr_expect_lt(a_, b_, ...)  STAND_IN_COMPARE(a_, <, b_, false, __VA_ARGS__)
#define cr_expect_leq(a_, b_, ...) STAND_IN_COMPARE(a_, <=, b_, false, __VA_ARGS__)
#define cr_expect_gt(a_, b_, ...)  STAND_IN_COMPARE(a_, >, b_, false, __VA_ARGS__)
#define cr_expect_geq(a_, b_, ...) STAND_IN_COMPARE(a_, >=, b_, false, __VA_ARGS__)
#define cr_assert_eq(a_, b_, ...)  STAND_IN_COMPARE(a_, ==, b_, true, __VA_ARGS__)
#define cr_assert_neq(a_, b_, ...) STAND_IN_COMPARE(a_, !=, b_, true, __VA_ARGS__)
#define cr_assert_lt(a_, b_, ...)  STAND_IN_COMPARE(a_, <, b_, true, __VA_ARGS__)
#define cr_assert_leq(a_, b_, ...) STAND_IN_COMPARE(a_, <=, b_, true, __VA_ARGS__)
#define cr_assert_gt(a_, b_, ...)  STAND_IN_COMPARE(a_, >, b_, true, __VA_ARGS__)
#define cr_assert_geq(a_, b_, ...) STAND_IN_COMPARE(a_, >=, b_, true, __VA_ARGS__)

#define cr_expect_null(a_, ...)     STAND_IN_COMPARE(a_, ==, NULL, false, __VA_ARGS__)
#define cr_expect_not_null(a_, ...) STAND_IN_COMPARE(a_, !=, NULL, false, __VA_ARGS__)
#define cr_assert_null(a_, ...)     STAND_IN_COMPARE(a_, ==, NULL, true, __VA_ARGS__)
#define cr_assert_not_null(a_, ...) STAND_IN_COMPARE(a_, !=, NULL, true, __VA_ARGS__)

#define cr_expect_str_eq(a_, b_, ...)  STAND_IN_STRINGS(a_, ==, b_, false, __VA_ARGS__)
#define cr_expect_str_neq(a_, b_, ...) STAND_IN_STRINGS(a_, !=, b_, false, __VA_ARGS__)
#define cr_expect_str_empty(a_, ...)   STAND_IN_STRINGS(a_, ==, "", false, __VA_ARGS__)
#define cr_assert_str_eq(a_, b_, ...)  STAND_IN_STRINGS(a_, ==, b_, true, __VA_ARGS__)

#define cr_log_info(...)  stand_in_log(__VA_ARGS__)
#define cr_log_warn(...)  stand_in_log(__VA_ARGS__)
#define cr_log_error(...) stand_in_log(__VA_ARGS__)

#define cr_skip_test(...)                                                                      \
	do {                                                                                   \
		stand_in_log("skipped: " __VA_ARGS__);                                         \
		stand_in_skip();                                                               \
	} while (0)

#endif
