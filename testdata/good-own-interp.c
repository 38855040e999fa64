/* SPDX-License-Identifier: MIT */
/* The program that own-interp starts: control comes here, with the stack the kernel made. */
#include "tiny.h"

extern const char __ehdr_start[] __attribute__((visibility("hidden")));

static int data = 5;
static int bss[5000];

int start_c(struct start *start)
{
	int *zero = bss, *five = &data;

	__asm__ volatile("" : "+r"(zero), "+r"(five)); /* the compiler knows these values */
	return check(all_zero(zero, sizeof(bss)) && *five == 5, "program: data and bss") |
	       check(start->argc >= 1 && start->argv[start->argc] == NULL,
		     "program: arguments") |
	       check(aux(start, AT_PHDR) == (uint64_t)__ehdr_start + 64, "program: AT_PHDR");
}
