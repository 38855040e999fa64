/*
 * Experiments on mappings: each is a short C function that says what it predicts, does it, and
 * asks page tables, counters and the bytes themselves. It runs in a child of its own, so that
 * none disturbs another or its caller.
 */
#ifndef LAB_LAB_H
#define LAB_LAB_H

#include <stdbool.h>
#include <stddef.h>

/* What can be asked. */
enum lab_witness {
	LAB_PAGE_TABLE, /* /proc/PID/pagemap */
	LAB_GETRUSAGE,  /* its counters of minor and major faults, added */
	LAB_PERF,       /* perf's counter of page faults in user mode */
	LAB_FRAMES,     /* frame numbers in pagemap */
	LAB_MAPPERS,    /* /proc/kpagecount */
	LAB_BYTES,      /* of the mapping, or of the file by pread(2) */
	LAB_MAPS,       /* /proc/PID/maps */
	LAB_CACHESTAT,  /* cachestat(2): dirty pages of a file */
	LAB_KERNEL,     /* what a system call answered, or which signal came */
	LAB_WITNESS_COUNT,
};

enum lab_verdict {
	LAB_AGREES,
	LAB_DISAGREES,
	LAB_UNKNOWN, /* could not be asked */
	LAB_VERDICT_COUNT,
};

enum { LAB_TEXT = 24, LAB_REASON = 96, LAB_OBSERVATIONS = 40 };

/* One prediction, and what was seen. */
struct lab_observation {
	char what[LAB_REASON];
	enum lab_witness witness;
	char predicted[LAB_TEXT];
	char observed[LAB_TEXT]; /* "" if it is unknown */
	char why[LAB_REASON];    /* it is unknown, or "" */
	enum lab_verdict verdict;
};

struct lab;

struct lab_experiment {
	const char *name;    /* "private-file-write"; its function is called the same */
	const char *mapping; /* row of the table of mappings, or "" beside the table */
	const char *event;   /* its column, or what the experiment is about */
	const char *title;   /* one sentence */
	void (*run)(struct lab *lab);
};

struct lab_result {
	const struct lab_experiment *experiment;
	enum lab_verdict verdict;
	char note[LAB_REASON];    /* on this machine, which changes what is predicted; or "" */
	char missing[LAB_REASON]; /* why there is no verdict, or "" */
	struct lab_observation observations[LAB_OBSERVATIONS];
	size_t count;
};

/* All experiments: groups, each ended by one without a name; the list is ended by NULL. */
extern const struct lab_experiment *const lab_groups[];

/* C functions as text, ended by one without a name: the source that was compiled. */
struct lab_code {
	const char *function;
	const char *text;
};
extern const struct lab_code lab_codes[];

/*
 * Runs EXPERIMENT in a child and waits for its end. Observations whose witness may be missing
 * (perf, frames, mappers, cachestat) can be unknown in an experiment that agrees; if any other
 * is, the experiment is without a verdict. Returns 0, or a negative errno if there can be no
 * child.
 */
int lab_run(const struct lab_experiment *experiment, struct lab_result *result);

/* The text of EXPERIMENT's function and of those it calls beside the bench's, or NULL. */
const char *lab_code_of(const struct lab_experiment *experiment);

/* "page table", "agree": the words for them. */
const char *lab_witness_name(enum lab_witness witness);
const char *lab_verdict_name(enum lab_verdict verdict);

/* May WITNESS be missing without harm to the verdict? */
bool lab_witness_is_extra(enum lab_witness witness);

#endif
