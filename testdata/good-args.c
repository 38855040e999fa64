/* SPDX-License-Identifier: MIT */
/*
 * Prints its arguments and environment, one a line, for the caller to compare. Quotes no
 * string: the caller chooses what it passes. Without a libc, because a libc may add to the
 * environment or drop what looks odd.
 */
#include "tiny.h"

int start_c(struct start *start)
{
	put("argc ");
	put_number((uint64_t)start->argc);
	put("\n");
	for (long i = 0; i < start->argc; i++) {
		put("argv ");
		put(start->argv[i]);
		put("\n");
	}
	for (char **e = start_envp(start); *e; e++) {
		put("envp ");
		put(*e);
		put("\n");
	}
	return start->argv[start->argc] != NULL;
}
