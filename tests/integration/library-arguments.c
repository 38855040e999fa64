/* The strings: none, many, and just as many as execve takes. */
#include "trial.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <segmap/exec.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static void compare(const char *name, char *const *argv, char *const *envp)
{
	static const char *const programs[] = {"good-args", "good-args-static-pie",
					       "good-args-pie"};

	for (size_t i = 0; i < 3; i++) {
		struct trial trial = {
			.path = testdata(programs[i]), .argv = argv, .envp = envp};
		struct sight kernel, ours;

		see(&kernel, &trial, BY_KERNEL);
		see(&ours, &trial, BY_LIBRARY);
		cr_expect_eq(ours.status, kernel.status, "%s, %s: %s: %s", programs[i], name,
			     status_text(ours.status), ours.said);
		const char *inside = first_difference(kernel.inside, ours.inside);
		cr_expect_null(inside, "%s, %s: %s", programs[i], name, inside);
		sight_free(&kernel);
		sight_free(&ours);
	}
}

/* COUNT strings of LENGTH bytes (the NUL not counted), the last of LAST; owned as a whole. */
static char **many(size_t count, size_t length, size_t last)
{
	char **list = calloc(count + 1, sizeof(*list));
	char *text = malloc((length > last ? length : last) + 1 + last + 1);

	memset(text, 'x', length);
	text[length] = '\0';
	memset(text + length + 1, 'y', last);
	text[length + 1 + last] = '\0';
	for (size_t i = 0; i < count; i++)
		list[i] = i + 1 < count ? text : text + length + 1;
	return list;
}

Test(library, unusual_arguments, .timeout = 600)
{
	char *none[] = {NULL}, *empty[] = {(char[]){""}, (char[]){""}, NULL};
	char *bytes[] = {(char[]){"a\n\x01\xff"}, (char[]){"--"}, (char[]){"-E"}, NULL};
	char **deep = many(20000, 12, 3);

	compare("no argument", none, NULL);
	compare("no environment", NULL, none);
	compare("neither", none, none);
	compare("empty strings", empty, empty);
	compare("odd bytes", bytes, bytes);
	compare("a deep environment", NULL, deep);
	compare("many arguments", deep, NULL);
	free(deep);
}

/* ---- E2BIG ---- */

enum shape {
	ONE_STRING, /* of N bytes */
	TOTAL,      /* strings of 100,000 bytes, and one that makes it N */
	POINTERS,   /* N strings of one byte */
};

struct edge {
	const char *name;
	enum shape shape;
	bool environment;
	rlim_t stack;
	size_t most; /* surely too much */
};

static const struct edge edges[] = {
	{"one argument", ONE_STRING, false, 8 << 20, 1 << 18},
	{"one variable", ONE_STRING, true, 8 << 20, 1 << 18},
	{"all arguments", TOTAL, false, 8 << 20, 4 << 20},
	{"all variables", TOTAL, true, 8 << 20, 4 << 20},
	{"pointers", POINTERS, false, 8 << 20, 1 << 19},
	{"pointers to variables", POINTERS, true, 8 << 20, 1 << 19},
	{"all arguments, a small stack", TOTAL, false, 1 << 20, 4 << 20},
	{"all arguments, a large stack", TOTAL, false, 64 << 20, 16 << 20},
	{"all arguments, no limit", TOTAL, false, RLIM_INFINITY, 16 << 20},
	{"pointers, a small stack", POINTERS, false, 400 << 10, 1 << 19},
};

static void limit_stack(const void *data)
{
	const struct edge *e = data;
	struct rlimit limit;

	getrlimit(RLIMIT_STACK, &limit);
	limit.rlim_cur = e->stack;
	must(setrlimit(RLIMIT_STACK, &limit) == 0, "RLIMIT_STACK");
}

static char **make_strings(enum shape shape, size_t n)
{
	const size_t each = 100000;

	if (shape == ONE_STRING)
		return many(1, 0, n);
	if (shape == POINTERS)
		return many(n, 1, 1);
	return many(n / each + 1, each - 1, n % each);
}

static bool accepts(const struct edge *e, enum way way, size_t n)
{
	char *none[] = {NULL};
	char **strings = make_strings(e->shape, n);
	struct trial trial = {
		.path = testdata("good-asm"),
		.argv = e->environment ? none : strings,
		.envp = e->environment ? strings : none,
		.prepare = limit_stack,
		.data = e,
	};
	struct sight s;

	see(&s, &trial, way);
	bool runs = s.status == 0;
	const char *why = way == BY_KERNEL ? strerror(E2BIG) : "segmap_execve";
	cr_expect(runs || (s.status == 98 << 8 && strstr(s.said, why) &&
			   (way == BY_KERNEL || shared->result == -E2BIG)),
		  "%s, %zu: %s '%.200s'", e->name, n, status_text(s.status), s.said);
	sight_free(&s);
	free(strings);
	return runs;
}

/* The most that execve takes; by halves, from "surely" on both sides. */
static size_t find_edge(const struct edge *e)
{
	size_t low = 1, high = e->most;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (accepts(e, BY_KERNEL, middle))
			low = middle;
		else
			high = middle;
	}
	return low;
}

Test(library, too_many_strings_for_execve_are_too_many, .timeout = 600)
{
	for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
		size_t n = find_edge(&edges[i]);

		cr_expect(n > 1000, "%s: execve takes only %zu", edges[i].name, n);
		cr_expect(accepts(&edges[i], BY_LIBRARY, n), "%s: execve takes %zu, we do not",
			  edges[i].name, n);
		cr_expect_not(accepts(&edges[i], BY_LIBRARY, n + 1),
			      "%s: execve does not take %zu, we do", edges[i].name, n + 1);
	}
}
