/* SPDX-License-Identifier: MIT */
/* Prints /proc/self/status, then the fields of /proc/self/stat, numbered as in proc(5), one a
 * line. */
#include "tiny.h"

static char buffer[1 << 16];

int start_c(struct start *start)
{
	char *at = buffer, *end = buffer;

	(void)start;
	if (slurp("/proc/self/status", buffer, sizeof(buffer)) <= 0)
		return 1;
	put(buffer);
	if (slurp("/proc/self/stat", buffer, sizeof(buffer)) <= 0)
		return 1;
	for (char *p = buffer; *p; p++)
		if (*p == ')')
			end = p; /* the name may contain blanks */
	for (unsigned field = 1; *at; field++) {
		char *next = field == 2 ? end : at;

		while (*next && *next != ' ' && *next != '\n')
			next++;
		put("stat ");
		put_number(field);
		put(" ");
		put_bytes(at, (size_t)(next - at));
		put("\n");
		at = *next == ' ' ? next + 1 : next + (*next != 0);
	}
	return 0;
}
