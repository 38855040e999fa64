/* SPDX-License-Identifier: MIT */
/*
 * What the fuzz targets have in common. A target is one function that is given bytes; built
 * with -Dfuzzing=true libFuzzer calls it, else replay.c does with files.
 */
#ifndef FUZZ_TARGET_H
#define FUZZ_TARGET_H

#include <segmap/plan.h>

#include <stddef.h>
#include <stdint.h>

/* The name and the type are libFuzzer's. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An invariant. It stays in a build without assertions. */
#define MUST(condition)                                                                        \
	do {                                                                                   \
		if (!(condition))                                                              \
			broken(__FILE__, __LINE__, #condition);                                \
	} while (0)

/* Says which invariant does not hold, and aborts. */
_Noreturn void broken(const char *file, int line, const char *condition);

/* A refusal R, which came with ERR: it has a reason, an errno, and words for both. */
void check_refusal(int r, const struct segmap_error *err);

/* Plans the load of PROGRAM with INTERP, which may be NULL, and checks all that must hold for
 * the plan or for the refusal, whatever the program headers. */
void check_plan(const struct segmap_image *program, const struct segmap_image *interp,
		const struct segmap_policy *policy);

/* Bytes that are used up from the left; behind the last one there are zeros. */
struct input {
	const uint8_t *data;
	size_t size;
};

/* A number of WIDTH bytes, at most 8, the lowest byte first. */
uint64_t input_take(struct input *input, size_t width);

#endif
