/* The address space as /proc/PID/maps and smaps tell it. */
#include "read.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_region_line(const char *line)
{
	return isxdigit((unsigned char)line[0]) && !isupper((unsigned char)line[0]);
}

/* The number that *TEXT begins with, and past it and the character behind it. */
static uint64_t take_number(const char **text, int base)
{
	char *end;
	uint64_t number = strtoull(*text, &end, base);

	*text = *end ? end + 1 : end;
	return number;
}

/* "00400000-00401000 r-xp 00000000 fd:00 123   /a name" */
static int add_region(struct segmap_regions *regions, const char *line)
{
	struct segmap_region region = {0};
	const char *p = line;

	region.start = take_number(&p, 16);
	region.end = take_number(&p, 16);
	if (strlen(p) < sizeof(region.perms))
		return -EPROTO;
	memcpy(region.perms, p, sizeof(region.perms) - 1);
	p += sizeof(region.perms);
	region.offset = take_number(&p, 16);
	region.major = (unsigned)take_number(&p, 16);
	region.minor = (unsigned)take_number(&p, 16);
	region.inode = take_number(&p, 10);
	struct segmap_region *items =
		reallocarray(regions->items, regions->count + 1, sizeof(*items));
	if (!items)
		return -ENOMEM;
	regions->items = items;
	region.name = strdup(p + strspn(p, " "));
	items[regions->count] = region;
	regions->count += region.name != NULL;
	return region.name ? 0 : -ENOMEM;
}

/* "VmFlags: rd ex mr mw me " */
static int add_flags(struct segmap_regions *regions, char *line)
{
	static const char label[] = "VmFlags:";
	char *text = line + sizeof(label) - 1;
	size_t length;

	if (regions->count == 0 || strncmp(line, label, sizeof(label) - 1) != 0)
		return 0;
	text += strspn(text, " ");
	length = strlen(text);
	while (length && text[length - 1] == ' ')
		text[--length] = '\0';
	char **flags = &regions->items[regions->count - 1].flags;
	if (!*flags)
		*flags = strdup(text);
	return *flags ? 0 : -ENOMEM;
}

int regions_parse(struct segmap_regions *regions, char *text)
{
	char *save = NULL;
	int r = 0;

	for (char *line = strtok_r(text, "\n", &save); r == 0 && line;
	     line = strtok_r(NULL, "\n", &save))
		r = is_region_line(line) ? add_region(regions, line) : add_flags(regions, line);
	return r;
}

int segmap_regions_read(struct segmap_regions *regions, pid_t pid, bool flags)
{
	struct segmap_bytes text;
	char path[64];

	*regions = (struct segmap_regions){0};
	snprintf(path, sizeof(path), "/proc/%d/%s", pid, flags ? "smaps" : "maps");
	int r = bytes_read(&text, path);
	if (r < 0)
		return r;
	regions->error = text.error;
	if (text.error)
		return 0;
	r = regions_parse(regions, text.data);
	bytes_free(&text);
	if (r < 0) {
		segmap_regions_free(regions);
		regions->error = -r;
	}
	return r == -ENOMEM ? r : 0;
}

void segmap_regions_free(struct segmap_regions *regions)
{
	for (size_t i = 0; i < regions->count; i++) {
		free(regions->items[i].name);
		free(regions->items[i].flags);
	}
	free(regions->items);
	*regions = (struct segmap_regions){0};
}

const struct segmap_region *segmap_regions_find(const struct segmap_regions *regions,
						uint64_t addr)
{
	for (size_t i = 0; i < regions->count; i++)
		if (addr >= regions->items[i].start && addr < regions->items[i].end)
			return &regions->items[i];
	return NULL;
}
