/* The order in which the agent's code has the registers of the place. */
#ifndef ARCH_SAVED_H
#define ARCH_SAVED_H

/* That of struct user_regs_struct: pc, then x1 to x31. */
enum agent_saved {
	SAVED_PC,
	SAVED_COUNT = 32,
};

#endif
