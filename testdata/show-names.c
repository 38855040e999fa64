/* SPDX-License-Identifier: MIT */
/* Prints addresses of each sort of memory, one a line, and what they are the addresses of. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>

enum { BSS_SIZE = 3 * 4096 };

int some_data[4] = {1, 2, 3, 4};
static char some_bss[BSS_SIZE];
static const int some_constant = 5;

static void show(const char *name, const volatile void *addr)
{
	printf("%s %p\n", name, (void *)addr);
}

/* The address behind its call: a place that is no symbol's beginning. */
__attribute__((noinline)) static const void *inside(void)
{
	return __builtin_return_address(0);
}

int main(void)
{
	const char *heap = malloc(100);
	const int line = __LINE__ + 4; /* of the call of inside */
	int local = line;

	show("main", (const void *)main);
	show("main+", inside());
	show("some_data", &some_data[2]);
	show("some_bss", some_bss + sizeof(some_bss) - 1);
	show("some_constant", &some_constant);
	show("heap", heap);
	show("stack", &local);
	show("vdso", (const void *)getauxval(AT_SYSINFO_EHDR));
	show("malloc", (const void *)malloc);
	printf("line %d\n", line);
	return heap == NULL;
}
