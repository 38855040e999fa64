/* SPDX-License-Identifier: MIT */
/* Initialised data: has the values of the file, can be written, and keeps what was written. */
#include "check.h"

#include <stdbool.h>

static int table[5000] = {[0] = 11, [2500] = 22, [4999] = 33};
static char text[] = "initialised";
static char *pointer = text; /* in a PIE this is a relocation, written before main */
static const int constant = 44;

static bool table_holds(int first, int middle, int last)
{
	/* volatile: the compiler knows the initial values and would not look. */
	volatile int *t = table;

	return t[0] == first && t[2500] == middle && t[4999] == last && t[1] == 0;
}

int main(void)
{
	check(table_holds(11, 22, 33), "initial values");
	check(*(volatile const int *)&constant == 44, "constant");
	check(pointer[0] == 'i' && pointer == text, "pointer");
	for (int i = 0; i < 5000; i++)
		table[i] += i + 1;
	check(table[0] == 12 && table[2500] == 2523 && table[4999] == 5033, "written");
	text[0] = 'I';
	check(*pointer == 'I', "written through a pointer");
	return check_failed;
}
