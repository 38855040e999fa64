/* SPDX-License-Identifier: MIT */
/* For the programs that have a libc: say `ok what` or `FAIL what`, and remember the failures.
 */
#ifndef TESTDATA_CHECK_H
#define TESTDATA_CHECK_H

#include <stdio.h>

static int check_failed;

static inline void check(int ok, const char *what)
{
	printf("%s %s\n", ok ? "ok" : "FAIL", what);
	if (!ok)
		check_failed = 1;
}

#endif
