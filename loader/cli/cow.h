/* The parts of `segmap cow`. */
#ifndef CLI_COW_H
#define CLI_COW_H

#include "subject.h"

#include <segmap/account.h>
#include <segmap/contents.h>

struct cow_options {
	struct subject_options subject;
	const char *at; /* of --at, or NULL */
	bool all;       /* nothing folded */
};

/* A look, with what it has to be freed. */
struct cow_look {
	struct segmap_regions regions;
	struct segmap_pages pages;
	const char
		*title; /* "AT ENTRY": heading of its strips; NULL for one that is not shown */
	const char *name; /* "entry", for JSON */
};

/* All that was seen of one process. */
struct cow_process {
	pid_t pid;
	struct cow_look looks[SEGMAP_LOOKS_MAX];
	size_t look_count;
	bool has_exit; /* the last look was at its end; else it ended without leaving time */
	struct segmap_account account;
	struct segmap_contents *contents; /* one for each copy of the account */
	uint64_t anonymous;               /* bytes, as smaps has them */
	int anonymous_error;              /* positive errno if they are not known */
};

/* For those who print it. */
struct cow_report {
	const struct cow_options *options;
	const struct subject *subject;
	const struct cow_process *process;
	enum segmap_main main;
	int faults_error;                   /* positive errno: why there is no second witness */
	const struct segmap_faults *faults; /* or NULL */
	FILE *out;
};

extern const struct view_column cow_columns[];
extern const size_t cow_column_count;

/* cow_table.c and cow_json.c: 0, -ENOMEM, or -EINVAL for columns that there are not. */
int cow_print_table(const struct cow_report *report);
int cow_print_json(const struct cow_report *report);

/* ---- cow_strip.c: pages as letters ---- */

/* A walk over the pages of a strip, line by line, at all looks that are shown at once. */
struct cow_walk {
	const struct cow_process *process;
	const struct segmap_strip *strip;
	uint64_t addr; /* of the next page */
	size_t width;  /* characters for each look on a line */
};

struct cow_line {
	uint64_t start, end;
	char *text[SEGMAP_LOOKS_MAX]; /* owned; one for each look, NULL for one not shown */
};

/*
 * The next line: one letter a page, or where that is too long `f*120`. Returns 1, 0 at the end,
 * or -ENOMEM.
 */
int cow_walk_next(struct cow_walk *walk, struct cow_line *line);
void cow_line_free(struct cow_line *line);

/* How many pages of STRIP have each letter at LOOK: 256 counts, added to those in COUNTS. */
void cow_count_letters(const struct cow_process *process, const struct segmap_strip *strip,
		       size_t look, uint64_t counts[256]);

#endif
