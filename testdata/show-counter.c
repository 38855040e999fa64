/* SPDX-License-Identifier: MIT */
/* Increments a global variable that has an initial value in the file, and prints it. */
#include "tiny.h"

static volatile unsigned long counter = 41;

int start_c(struct start *start)
{
	(void)start;
	counter++;
	put_number(counter);
	put("\n");
	return 0;
}
