/* The last words of a process that dies in the stub. */
#ifndef LOADER_STEPS_H
#define LOADER_STEPS_H

#include "stub.h"

/* Fills in what the stub says where it cannot go on, since it has no strings of its own. The
 * name of the process must be there already. */
void segmap_steps_fill(struct stub_args *args);

#endif
