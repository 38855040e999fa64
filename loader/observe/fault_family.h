/* The watched processes: what is believed of their address spaces, and what forks have made
 * common to them. */
#ifndef OBSERVE_FAULT_FAMILY_H
#define OBSERVE_FAULT_FAMILY_H

#include "fault_space.h"

#include <segmap/faults.h>

struct family {
	pid_t first;           /* is known to the end, even if its first thread exits before */
	struct space **spaces; /* owned, each of them too */
	size_t space_count;
	unsigned *sharers; /* owned: processes that have a frame since a fork, by its number */
	size_t frame_count;
};

/* Puts in what is known of the first process from CONTEXT: step 0. Returns 0 or -ENOMEM. */
int family_begin(struct family *family, const struct segmap_fault_context *context);

/* Whether the HAPPENINGth happening comes before the FAULTth fault, and not after it. */
bool family_happens_next(const struct segmap_faults *faults, size_t fault, size_t happening);

/* The address space of PID; an empty one if it is new; NULL if there is no memory. */
struct space *family_take(struct family *family, pid_t pid);

/* Number of a new frame that COUNT processes have, from 1 on; 0 if there is no memory. */
size_t family_add_frame(struct family *family, unsigned count);

/* Takes in a mapping, a fork, an exec or an exit. Returns 0 or -ENOMEM. */
int family_happen(struct family *family, const struct segmap_happening *happening,
		  uint64_t step);

void family_free(struct family *family);

#endif
