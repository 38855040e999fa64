/* The sums over all mappings of a process that the kernel makes: /proc/PID/smaps_rollup. */
#include "read.h"

#include <segmap/pages.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int segmap_pss_read(pid_t pid, uint64_t *pss)
{
	struct segmap_bytes text;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
	int r = bytes_read(&text, path);
	if (r < 0)
		return r;
	if (text.error)
		return -text.error;
	const char *line = strstr(text.data, "\nPss:");
	if (line)
		*pss = strtoull(line + sizeof("\nPss:") - 1, NULL, 10) * 1024;
	bytes_free(&text);
	return line ? 0 : -EPROTO;
}
