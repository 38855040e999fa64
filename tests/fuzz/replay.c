/* SPDX-License-Identifier: MIT */
/*
 * Runs a fuzz target over files, without libFuzzer: for a corpus as an ordinary test, for other
 * compilers, and for AFL++, which gives it one file at a time.
 *
 *   TARGET FILE|DIRECTORY...
 */
#include "target.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The file's name is printed first: it is the last line if the target does not return. */
static int replay_file(const char *path, size_t *count)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r = -1;

	printf("%s\n", path);
	fflush(stdout);
	if (fd < 0 || fstat(fd, &st) < 0)
		goto done;
	uint8_t *data = malloc((size_t)st.st_size + 1);
	if (data && read(fd, data, (size_t)st.st_size) == st.st_size) {
		LLVMFuzzerTestOneInput(data, (size_t)st.st_size);
		(*count)++;
		r = 0;
	}
	free(data);
done:
	if (r < 0)
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return r;
}

static int replay(const char *path, size_t *count)
{
	struct dirent **list;
	int n = scandir(path, &list, NULL, alphasort), r = 0;

	if (n < 0)
		return replay_file(path, count);
	for (int i = 0; i < n; i++) {
		char *file = NULL;

		if (list[i]->d_name[0] != '.' &&
		    (asprintf(&file, "%s/%s", path, list[i]->d_name) < 0 ||
		     replay_file(file, count) < 0))
			r = -1;
		free(file);
		free(list[i]);
	}
	free(list);
	return r;
}

int main(int argc, char **argv)
{
	size_t count = 0;
	int r = 0;

	for (int i = 1; i < argc; i++)
		r |= replay(argv[i], &count);
	printf("%zu inputs replayed\n", count);
	return r == 0 && count > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
