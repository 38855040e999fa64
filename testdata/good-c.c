/* SPDX-License-Identifier: MIT */
/* A plain C program. Built in every way a C program is linked, it covers the four kinds of ELF
 * file. */
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
	if (printf("ok main\n") < 0)
		return EXIT_FAILURE;
	return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
