/* Filling a struct segmap_error and returning its errno, in one expression. */
#ifndef LOADER_FAIL_H
#define LOADER_FAIL_H

#include <segmap/error.h>

/* Copies FAILURE to ERR, which may be NULL, and returns -FAILURE->errnum. */
int segmap_error_set(struct segmap_error *err, const struct segmap_error *failure);

/* ERR is about the file PATH from now on. */
void segmap_error_set_path(struct segmap_error *err, const char *path);

/*
 * fail(err, REASON, VERDICT, errno, .index = 1, .value = {...}) is -errno, after ERR is filled.
 * The errno is named twice, so that an analyser sees that a constant one is not 0.
 */
/* clang-format off */
#define fail(err, reason_, verdict_, errnum_, ...)              \
	((void)segmap_error_set(err, &(const struct segmap_error){    \
		.reason = SEGMAP_REASON_##reason_,              \
		.verdict = SEGMAP_VERDICT_##verdict_,           \
		.errnum = (errnum_),                            \
		__VA_ARGS__                                     \
	}), -(errnum_))
/* clang-format on */

#endif
