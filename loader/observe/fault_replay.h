/* Replaying faults: what is known, and what is known at the moment of one of them. */
#ifndef OBSERVE_FAULT_REPLAY_H
#define OBSERVE_FAULT_REPLAY_H

#include "fault_family.h"

#include <segmap/faults.h>

struct replay {
	struct segmap_faults *faults;
	const struct segmap_fault_context *context;
	struct family family;
	size_t *order;    /* owned: faults by process, page and time */
	bool *consumed;   /* owned: happenings that have been looked at before their turn */
	size_t happening; /* the next one */
	uint64_t step;
	uint64_t last_exec; /* time of the last one of the context's process */
	size_t last_fault;  /* its last one */
};

/* The page that ADDR is in. */
uint64_t replay_page_of(const struct replay *r, uint64_t addr);

/* The first fault after the one at INDEX that is at PAGE too, or NULL. */
const struct segmap_fault *replay_next_at(const struct replay *r, pid_t pid, uint64_t page,
					  size_t index);

/* What is believed of PAGE. */
enum segmap_page_state replay_state_at(const struct space *space, uint64_t page);

/* Whether the page at exit is what has become of the one at FAULT in REGION; then its state. */
bool replay_find_after(const struct replay *r, const struct segmap_fault *fault,
		       const struct segmap_region *region, uint64_t page,
		       enum segmap_page_state *state);

/* The page at ADDR is STATE from now on: by FAULT, or as far as can be predicted. */
int replay_set_page(struct replay *r, struct space *space, uint64_t addr,
		    enum segmap_page_state state, const struct segmap_fault *fault);

/* Maps the neighbours of the page that FAULT, the one at INDEX, has mapped; counts them. */
int replay_map_around(struct replay *r, struct space *space, struct segmap_fault *fault,
		      size_t index, const struct segmap_region *region,
		      enum segmap_page_state state);

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
