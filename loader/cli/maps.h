/* The parts of `segmap maps`. */
#ifndef CLI_MAPS_H
#define CLI_MAPS_H

#include "subject.h"

#include <jansson.h>
#include <segmap/names.h>
#include <segmap/pages.h>

struct maps_options {
	struct subject_options subject;
	pid_t pid;          /* of -p, or 0 */
	bool all;           /* fold nothing */
	const char *symbol; /* of --at, or NULL */
};

/* All that was learnt, for those who print it. */
struct maps_report {
	const struct maps_options *options;
	char *program;     /* owned: its path; NULL if it cannot be learnt */
	char *const *argv; /* NULL with -p */
	const char *by;    /* "execve", "segload", the words of --loader; NULL with -p */
	const char *at;    /* "first-instruction", "program-entry", "symbol", "running" */
	pid_t pid;
	struct segmap_regions regions;
	struct segmap_pages pages;
	struct segmap_names *names; /* owned */
};

/* The first part of REGION that is of a segment, or else the first, with the bytes of all. */
struct segmap_part maps_part(const struct maps_report *report,
			     const struct segmap_region *region);

/* How many pages of REGION there are in each state; false if that is not known. */
bool maps_count_pages(const struct maps_report *report, const struct segmap_region *region,
		      uint64_t counts[SEGMAP_PAGE_STATE_COUNT]);

/* The sections of REGION, *COUNT of them; the caller frees the array. NULL if out of memory. */
struct segmap_section *maps_sections(const struct maps_report *report,
				     const struct segmap_region *region, size_t *count);

/* maps_table.c and maps_json.c: 0, -ENOMEM, or -EINVAL after a complaint. */
bool maps_columns_valid(const struct view_options *view);
int maps_print_table(const struct maps_report *report, FILE *out);

/* What --json prints; NULL if out of memory. */
json_t *maps_json(const struct maps_report *report);
int maps_print_json(const struct maps_report *report, FILE *out);

#endif
