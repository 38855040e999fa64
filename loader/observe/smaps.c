/* The kernel's own sum of copies, from /proc/PID/smaps. */
#include "read.h"

#include <segmap/contents.h>
#include <segmap/pages.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The number of KiB behind LABEL at the beginning of LINE, or 0. */
static uint64_t take_size(const char *line, const char *label)
{
	uint64_t kib = 0;

	if (strncmp(line, label, strlen(label)) == 0)
		sscanf(line + strlen(label), "%" SCNu64, &kib);
	return kib;
}

static uint64_t sum_anonymous(const struct segmap_regions *regions, char *text)
{
	const struct segmap_region *region = regions->items;
	size_t seen = 0; /* regions that have begun in TEXT */
	uint64_t kib = 0;
	char *save = NULL;

	for (char *line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		uint64_t addr;

		if (seen < regions->count && sscanf(line, "%" SCNx64 "-", &addr) == 1 &&
		    addr == regions->items[seen].start && strchr(line, '-'))
			region = &regions->items[seen++];
		else if (seen && segmap_region_kind(region) == SEGMAP_KIND_FILE_PRIVATE)
			kib += take_size(line, "Anonymous:") + take_size(line, "Swap:");
	}
	return kib;
}

int segmap_anonymous_read(pid_t pid, uint64_t *bytes)
{
	struct segmap_regions regions;
	struct segmap_bytes text;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/smaps", pid);
	int r = segmap_regions_read(&regions, pid, false);
	if (r < 0)
		return r;
	r = bytes_read(&text, path);
	if (r == 0 && (regions.error || text.error))
		r = -(regions.error ? regions.error : text.error);
	if (r == 0)
		*bytes = sum_anonymous(&regions, text.data) * 1024;
	bytes_free(&text);
	segmap_regions_free(&regions);
	return r;
}
