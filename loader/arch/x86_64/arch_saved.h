/* The order in which the agent's code has the registers of the place. */
#ifndef ARCH_SAVED_H
#define ARCH_SAVED_H

enum agent_saved {
	SAVED_RAX,
	SAVED_RBX,
	SAVED_RCX,
	SAVED_RBP,
	SAVED_R8,
	SAVED_R9,
	SAVED_R10,
	SAVED_R11,
	SAVED_R12,
	SAVED_R13,
	SAVED_R14,
	SAVED_R15,
	SAVED_FLAGS,
	SAVED_PC,
	SAVED_COUNT,
};

#endif
