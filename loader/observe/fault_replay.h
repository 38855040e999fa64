/* Replaying faults: what is known at the moment of one of them. */
#ifndef OBSERVE_FAULT_REPLAY_H
#define OBSERVE_FAULT_REPLAY_H

#include "fault_space.h"

#include <segmap/faults.h>

/* One fault, before it is decided. */
struct moment {
	struct segmap_fault *fault;
	const struct known_region *region; /* NULL if there is none */
	enum segmap_kind kind;             /* of the region */
	enum segmap_page_state before;     /* absent too if the page is another mapping's */
	bool predicted;                    /* BEFORE is not certain */
	unsigned sharers;                  /* processes that have the page since a fork */
	bool changed;     /* the mapping's protection has changed since the page was there */
	bool elsewhere;   /* another thread has just taken a fault at the page */
	bool grows;       /* the mapping grew down to the address by this fault */
	bool loading;     /* exec itself, which only writes: arguments, and the tail of bss */
	bool last;        /* of the process, which SIGSEGV or SIGBUS ends */
	bool repeats;     /* a later fault is at the same page */
	bool after_known; /* AFTER is the page at exit */
	bool zero_page;   /* this machine has a shared zero page */
	enum segmap_page_state after;
};

/* What has become of the page. */
struct outcome {
	enum segmap_fault_class class;
	enum segmap_page_state state;
	enum segmap_access access; /* unknown if it is neither seen nor follows */
};

/* The rules: a pure function of the moment. */
struct outcome fault_decide(const struct moment *moment);

#endif
