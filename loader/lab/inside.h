/* The inside of the bench. */
#ifndef LAB_INSIDE_H
#define LAB_INSIDE_H

#include "bench.h"

#include <segmap/tracee.h>
#include <semaphore.h>

/* What the processes of an experiment have in common. */
struct lab_common {
	struct lab_result result;
	sem_t turns[LAB_TURNS];
	uint64_t kept_frame; /* 0: none, or not permitted */
	bool ended;          /* the experiment's function has returned */
};

struct lab {
	struct lab_common *common;   /* a shared anonymous mapping */
	struct segmap_tracee tracee; /* of lab_exec */
};

/* run.c: a prediction and what came of it; OBSERVED is NULL if WHY not is known. */
void lab_add(struct lab *lab, enum lab_witness witness, const char *what, const char *predicted,
	     const char *observed, const char *why);

/* The same for a range: whether OBSERVED is in PREDICTED is known already. */
void lab_add_range(struct lab *lab, enum lab_witness witness, const char *what,
		   const char *predicted, const char *observed, bool inside);

/* touch.c: faults of one access, by both counters. */
struct lab_faults {
	uint64_t rusage, perf;
	int perf_error; /* positive errno if perf did not count */
};

/* Reads or writes *ADDR, and counts. */
struct lab_faults lab_touch(char *addr, bool write, char *byte);

/* pages.c: what the page table of this process says of ADDR's page. */
struct lab_entry {
	struct segmap_page page; /* with the state absent, if it is that */
	int frames_error;        /* positive errno: frames are not told */
	int counts_error;        /* the same for mapcount */
};

/* Returns 0 or a negative errno. */
int lab_entry_read(struct lab_entry *entry, const char *addr);

#endif
