/* How the stub dies: not without a word. Included by the stub's parts only, under its rules. */
#ifndef LOADER_STUB_DIE_H
#define LOADER_STUB_DIE_H

#include "stub.h"

#include "arch_stub.h"

#include <stdbool.h>

#define STUB        __attribute__((section("segmap_stub")))
#define STUB_HELPER static inline __attribute__((always_inline))

STUB_HELPER bool failed(uint64_t result)
{
	return result >= (uint64_t)-4095;
}

STUB_HELPER uint64_t append(char *line, uint64_t used, const char *text)
{
	while (*text)
		line[used++] = *text++;
	return used;
}

/* In decimal; errno has at most four digits. */
STUB_HELPER uint64_t append_number(char *line, uint64_t used, uint64_t number)
{
	for (uint64_t ten = 1000; ten; ten /= 10)
		if (number >= ten || ten == 1)
			line[used++] = (char)('0' + number / ten % 10);
	return used;
}

/* Dies as a process does that execve cannot load any more, but not without a word. */
STUB static _Noreturn __attribute__((noinline)) void die(const struct stub_args *a,
							 enum stub_step step, uint64_t number)
{
	char line[STEP_START + STEP_TEXT + STEP_ERROR + 8];
	uint64_t used = append(line, 0, a->step_start);

	used = append(line, used, a->steps[step]);
	if (number)
		used = append_number(line, append(line, used, a->step_error), number);
	line[used++] = '\n';
	sys3(__NR_write, 2, (uint64_t)line, used);
	arch_die();
}

/* The RESULT of a system call that must not fail. */
STUB_HELPER uint64_t check(const struct stub_args *a, enum stub_step step, uint64_t result)
{
	if (failed(result))
		die(a, step, -result);
	return result;
}

#endif
