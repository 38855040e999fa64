/* The parts of `segmap compare`. */
#ifndef CLI_COMPARE_H
#define CLI_COMPARE_H

#include "command.h"

#include <jansson.h>
#include <segmap/compare.h>

struct compare_options {
	bool aslr, json, verbose, noheadings, raw, color;
	unsigned timeout;   /* seconds */
	const char *loader; /* of --loader, or NULL for segload */
};

/* The two sides, and which is which. */
enum { BY_EXECVE, BY_LOADER, SIDES };

/* All that a comparison has learnt, for those who print it. */
struct compare_report {
	const struct compare_options *options;
	const char *program; /* its path */
	char *const *argv;
	const char *loader; /* its path, or the words of --loader */
	const struct segmap_observation *sides[SIDES];
	bool timed_out[SIDES];
	const struct segmap_comparison *comparison;
};

/* cmd_compare.c: runs ARGV twice or more and gives what was learnt to SHOW, which returns 0 or
 * -ENOMEM. Returns the exit status, after a complaint. */
typedef int compare_show(void *data, const struct compare_report *report);
int compare_run(const struct compare_options *options, char **argv, compare_show *show,
		void *data);

/* "first-instruction", "program-entry", "nowhere": where both were when they were compared. */
const char *report_place(const struct compare_report *report);

/* compare_table.c and compare_json.c: 0, or -ENOMEM. */
int compare_print_table(const struct compare_report *report);

/* What --json prints. */
json_t *compare_json(const struct compare_report *report);
int compare_print_json(const struct compare_report *report);

#endif
