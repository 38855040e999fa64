/* All that a load could change in the process that asks for it. */
#ifndef TESTS_STATE_H
#define TESTS_STATE_H

#include <stdbool.h>
#include <stdint.h>

struct process_state {
	char maps[1 << 17];
	bool open[1024];
	uint64_t actions[64][4];
	uint64_t mask;
	int personality;
	bool locks;
	char name[16];
};

/* Takes down this process without asking malloc for anything. */
void process_state_read(struct process_state *state);

/* In the child of a trial: gives up, with NAME and the difference, unless A and B are the same.
 */
void must_be_same(const char *name, const struct process_state *a,
		  const struct process_state *b);

#endif
