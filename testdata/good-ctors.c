/* SPDX-License-Identifier: MIT */
/*
 * Constructors and destructors run once each, in the order of their priorities, and get main's
 * arguments; atexit functions run before the destructors. (A stray rdx at entry would be run
 * too.)
 */
#include "check.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char order[16];
static int constructor_argc;

static void ran(char c)
{
	strncat(order, &c, 1);
}

__attribute__((constructor(102))) static void second(void)
{
	ran('2');
}

__attribute__((constructor(101))) static void first(void)
{
	ran('1');
}

/* glibc and musl: glibc passes (argc, argv, envp); nobody promises it, so only glibc is
 * checked. */
__attribute__((constructor)) static void last(int argc)
{
#ifdef __GLIBC__
	constructor_argc = argc;
#else
	(void)argc;
#endif
	ran('3');
}

__attribute__((destructor)) static void first_destructor(void)
{
	ran('d');
}

__attribute__((destructor(101))) static void last_destructor(void)
{
	int ok = strcmp(order, "123xd") == 0;

	printf("%s destructors\n", ok ? "ok" : "FAIL");
	if (fflush(stdout) != 0 || !ok)
		_exit(1);
}

static void at_exit(void)
{
	ran('x');
}

int main(int argc, char **argv)
{
	(void)argv;
	check(strcmp(order, "123") == 0, "constructors");
#ifdef __GLIBC__
	check(constructor_argc == argc, "constructors get the arguments");
#else
	check(constructor_argc == 0 && argc > 0, "arguments");
#endif
	check(atexit(at_exit) == 0, "atexit");
	return check_failed;
}
