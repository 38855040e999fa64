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
