/* The parts of `segmap spawn`. */
#ifndef CLI_SPAWN_H
#define CLI_SPAWN_H

#include "subject.h"

#include <segmap/template.h>

enum spawn_way { SPAWN_TEMPLATE, SPAWN_EXECVE, SPAWN_WAYS };

struct spawn_options {
	struct subject_options subject;
	size_t starts, jobs;
	const char *symbol; /* NULL: the first instruction */
	bool show_output;
};

/* What has been measured of one way. */
struct spawn_figures {
	uint64_t *latencies; /* owned; ns from the call to the end, sorted at last */
	size_t count;
	uint64_t busy; /* ns of all rounds */
	size_t failed; /* ended with another status than 0 */
	int status;    /* of the first of these, as wait(2) gives it */
};

struct spawn_report {
	const struct spawn_options *options;
	const char *program; /* its path */
	char *const *argv;
	uint64_t load; /* ns, for the template */
	struct spawn_figures figures[SPAWN_WAYS];
};

/* "template", "posix_spawn". */
const char *spawn_way_name(enum spawn_way way);

/* Of a report's figures: starts a second, and the latency in ns that PERCENT of the starts
 * have at most. */
double spawn_rate(const struct spawn_figures *figures);
uint64_t spawn_percentile(const struct spawn_figures *figures, unsigned percent);

/* The columns of the table, for --output. */
extern const struct view_column spawn_columns[];
extern const size_t spawn_column_count;

/*
 * Starts the program in both ways, in turns, and waits for all. Returns 0, or the status to
 * exit with, after a complaint. The figures are the caller's, to be given to spawn_free.
 */
int spawn_run(struct spawn_report *report, const struct subject *subject);
void spawn_free(struct spawn_report *report);

/* 0, or -ENOMEM. */
int spawn_print_table(const struct spawn_report *report, FILE *out);
int spawn_print_json(const struct spawn_report *report, FILE *out);

#endif
