/* The parts of `segmap faults`. */
#ifndef CLI_FAULTS_H
#define CLI_FAULTS_H

#include "subject.h"

#include <jansson.h>
#include <segmap/faults.h>

struct faults_options {
	struct subject_options subject;
	bool summary, follow, at_exec;
	bool has_limit;
	size_t limit; /* lines of the timeline; 0 is all */
};

struct faults_images;

struct faults_sum {
	uint64_t count, around;
};

/* All that has been learnt, for those who print it. */
struct faults_report {
	const struct faults_options *options;
	const struct subject *subject;
	pid_t pid;
	uint64_t page_size;
	bool zero_page;  /* this machine has one */
	int watch_error; /* negative errno: faults could not be watched, nothing is known */
	struct segmap_faults faults;
	struct segmap_regions entry, exit;
	struct segmap_pages entry_pages, exit_pages;
	bool has_exit; /* it was stopped when it was about to end */
	struct segmap_fault_counts before, after;
	struct faults_images *images;
	struct faults_sum sums[SEGMAP_FAULT_CLASS_COUNT];
};

/* Whoever shows what has been seen. */
struct faults_viewer {
	/* Called when the program is at its first instruction, before it is watched; or NULL.
	 * Returns 0 or a negative errno. */
	int (*begin)(void *data, const struct faults_report *report);
	/* Called when it has ended. Returns the status to exit with, 0 for the program's own.
	 */
	int (*show)(void *data, const struct faults_report *report);
	void *data;
	bool unwatched; /* go on also where faults cannot be watched */
};

/* cmd_faults.c: runs ARGV to its end and shows it to VIEWER. Returns the exit status, after a
 * complaint; if the program was killed by a signal, this process dies by the same one. */
int faults_run(const struct faults_options *options, char **argv,
	       const struct faults_viewer *viewer);

/* How the events of the process go with what getrusage says. */
struct faults_agreement {
	uint64_t events;    /* of the first process */
	uint64_t refused;   /* of these, that getrusage does not count */
	uint64_t counted;   /* by getrusage; if WHY is NULL */
	const char *why;    /* it cannot be compared */
	uint64_t missing;   /* that events cannot have: faults in kernel mode */
	bool missing_known; /* that is the reason of the difference */
	bool agree, execs;  /* there was an exec while it was watched */
};

void faults_agree(const struct faults_report *report, struct faults_agreement *out);

/* faults_images.c: whose names are whose. A process that came from a fork has its parent's,
 * until it executes something else. */

/* Names for the first process, whose mappings are to be given to faults_images_look. */
int faults_images_open(struct faults_images **images, pid_t pid, const char *program);
int faults_images_look(struct faults_images *images, const struct segmap_regions *regions);

/* Takes in what happened to mappings meanwhile. Returns 0 or -ENOMEM. */
int faults_images_replay(struct faults_images *images, const struct segmap_faults *faults);
void faults_images_free(struct faults_images *images);

/* The name of ADDR for the process PID at TIME. */
void faults_images_find(const struct faults_images *images, pid_t pid, uint64_t time,
			uint64_t addr, bool lines, struct segmap_name *out);

/* faults_text.c: texts are owned by the caller, NULL if there is no memory. */
char *faults_time_text(uint64_t nanoseconds);
const char *faults_cause_text(const struct segmap_fault *fault);
char *faults_done_text(const struct segmap_fault *fault);
char *faults_name_text(const struct segmap_name *name);

/* The name of the address of FAULT. */
void faults_find_where(const struct faults_report *report, const struct segmap_fault *fault,
		       struct segmap_name *name);

/* "counter by main+0x12": the address, and by which instruction. */
char *faults_where_text(const struct faults_report *report, const struct segmap_fault *fault);

/* Who has started the program: "segload", "execve" or the words of --loader. */
const char *faults_by(const struct faults_report *report);

/* Why faults in kernel mode are not among the events, or NULL. */
const char *faults_kernel_why(const struct faults_report *report);

/* faults_table.c and faults_json.c: 0, -ENOMEM, or -EINVAL for columns that there are not. */
bool faults_check_columns(const struct faults_options *options);
int faults_print_table(const struct faults_report *report, FILE *out);

/* What --json prints; NULL if out of memory. */
json_t *faults_json(const struct faults_report *report);
int faults_print_json(const struct faults_report *report, FILE *out);

#endif
