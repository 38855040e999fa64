/*
 * How to attach gdb. It finds out by itself where the program is: from AT_ENTRY and AT_BASE in
 * the auxiliary vector, which are right. But it must be told the file, since where the exe link
 * cannot be set that names segload, and must not ask about this difference.
 */
#include "attach.h"
#include "text.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_traced(void)
{
	FILE *file = fopen("/proc/self/status", "re");
	char line[256];
	long tracer = 0;

	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, "TracerPid:", 10) == 0)
			tracer = strtol(line + 10, NULL, 10);
	if (file)
		fclose(file);
	return tracer != 0;
}

#ifdef SEGLOAD_LIVED
int __lsan_is_turned_off(void);

/* The leak checker of a sanitizer build is itself a tracer, and there can be only one. */
int __lsan_is_turned_off(void)
{
	return is_traced();
}
#endif

/* For a shell, except that control characters do not get to the terminal. */
static void put_word(const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789/._-+=:,@%";
	bool quoted = word[strspn(word, plain)];

	if (quoted)
		fputc('\'', stderr);
	for (size_t n; *word; word += n) {
		char part[PATH_MAX];

		n = *word == '\'' ? 1 : strcspn(word, "'");
		snprintf(part, sizeof(part), "%.*s", (int)n, word);
		put_text(stderr, *word == '\'' ? "'\\''" : part);
	}
	if (quoted)
		fputc('\'', stderr);
}

void attach_tell(void *data, const char *program)
{
	char path[PATH_MAX];

	(void)data;
	if (is_traced())
		return;
	fprintf(stderr,
		"segload: stops at the entry; to debug it: "
		"gdb -iex 'set exec-file-mismatch off' -p %d",
		getpid());
	if (strcmp(program, "-") != 0) {
		fputc(' ', stderr);
		put_word(realpath(program, path) ? path : program);
	}
	fputc('\n', stderr);
}
