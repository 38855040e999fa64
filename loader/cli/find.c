#include "find.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

char *find_program(const char *name)
{
	const char *next = getenv("PATH");

	if (strchr(name, '/'))
		return strdup(name);
	if (!next)
		next = "/bin:/usr/bin"; /* as execvp(3) has it */
	while (*next) {
		size_t length = strcspn(next, ":");
		char *path;

		if (asprintf(&path, "%.*s%s%s", (int)length, next, length ? "/" : "", name) < 0)
			return NULL;
		if (is_program(path))
			return path;
		free(path);
		next += length + (next[length] == ':');
	}
	return NULL;
}

static char *find_sibling(const char *name)
{
	char own[PATH_MAX], *path;
	ssize_t length = readlink("/proc/self/exe", own, sizeof(own));
	const char *slash = length > 0 ? memrchr(own, '/', (size_t)length) : NULL;

	if (!slash || asprintf(&path, "%.*s/%s", (int)(slash - own), own, name) < 0)
		return NULL;
	if (is_program(path))
		return path;
	free(path);
	return NULL;
}

char *find_segload(void)
{
	char *path = find_sibling("segload");

	return path ? path : find_program("segload");
}

char **split_command(const char *command, char *program, char *const *argv, char **words)
{
	size_t most = strlen(command) / 2 + 1, arguments = 0, n = 0;
	char *save = NULL;

	while (argv[arguments])
		arguments++;
	char *text = strdup(command);
	char **out = calloc(most + arguments + 2, sizeof(char *));
	if (!text || !out)
		goto none;
	for (char *word = strtok_r(text, " \t", &save); word;
	     word = strtok_r(NULL, " \t", &save))
		out[n++] = word;
	if (n == 0)
		goto none;
	out[n++] = program;
	for (size_t i = 1; i < arguments; i++)
		out[n++] = argv[i];
	*words = text;
	return out;
none:
	free(out);
	free(text);
	return NULL;
}
