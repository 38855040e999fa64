#include "steps.h"

#include <stdio.h>
#include <string.h>

void segmap_steps_fill(struct stub_args *args)
{
	static const char texts[STEP_COUNT][STEP_TEXT] = {
		[STEP_MASK] = "setting the mask of signals",
		[STEP_RSEQ] = "unregistering restartable sequences",
		[STEP_HANDLERS] = "resetting signal handlers",
		[STEP_UNMAP] = "unmapping the loader",
		[STEP_MOVE] = "moving a segment to its place",
		[STEP_PLACE] = "finding a place for the program",
		[STEP_EMPTY] = "an empty segment has no address",
		[STEP_ENTRY] = "the entry is outside the address space",
		[STEP_VDSO] = "mapping the vdso",
		[STEP_STACK] = "protecting the stack",
		[STEP_CLOSE] = "closing a descriptor",
		[STEP_CREDENTIALS] = "giving up privileges",
		[STEP_BASES] = "clearing the segment bases",
	};

	memcpy(args->steps, texts, sizeof(texts));
	snprintf(args->step_error, sizeof(args->step_error), ": error ");
	snprintf(args->step_start, sizeof(args->step_start),
		 "segmap: %s: killed after the point of no return: ", args->name);
}
