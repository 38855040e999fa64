/* What the kernel itself has counted. */
#include "read.h"

#include <segmap/faults.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Fields 10 and 12 of /proc/PID/stat; the second, a name in parentheses, can hold anything. */
static bool parse(const char *text, struct segmap_fault_counts *counts)
{
	const char *end = strrchr(text, ')');

	return end && sscanf(end + 1, " %*c %*d %*d %*d %*d %*d %*u %" SCNu64 " %*u %" SCNu64,
			     &counts->minor, &counts->major) == 2;
}

int segmap_fault_counts_read(struct segmap_fault_counts *out, pid_t pid)
{
	struct segmap_fault_counts counts = {0};
	struct segmap_bytes text;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	int r = bytes_read(&text, path);
	if (r < 0)
		return r;
	counts.error = text.error;
	if (text.error == 0 && !parse(text.data, &counts))
		counts.error = EPROTO;
	bytes_free(&text);
	*out = counts;
	return 0;
}
