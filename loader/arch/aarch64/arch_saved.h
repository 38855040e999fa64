/* The order in which the agent's code has the registers of the place. */
#ifndef ARCH_SAVED_H
#define ARCH_SAVED_H

/* x0 to x30 come first. */
enum agent_saved {
	SAVED_PC = 31,
	SAVED_FLAGS,
	SAVED_COUNT,
};

#endif
