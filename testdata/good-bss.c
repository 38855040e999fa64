/* SPDX-License-Identifier: MIT */
/* A bss of 3 MiB and an odd bit: all zeros at the start, writable to its last byte. */
#include "check.h"

#include <stddef.h>

#define SIZE ((3UL << 20) + 123)

static unsigned char bss[SIZE];

int main(void)
{
	size_t wrong = 0;

	for (size_t i = 0; i < SIZE; i++)
		wrong += bss[i] != 0;
	check(wrong == 0, "bss is zero");
	for (size_t i = 0; i < SIZE; i++)
		bss[i] = (unsigned char)(i % 251);
	for (size_t i = 0; i < SIZE; i++)
		wrong += bss[i] != i % 251;
	check(wrong == 0, "bss keeps what is written");
	return check_failed;
}
