#include "read.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { READ_AT_LEAST = BUFSIZ };

static int make_room(struct segmap_bytes *bytes, size_t *room)
{
	if (*room - bytes->size > READ_AT_LEAST)
		return 0;
	size_t more = *room ? *room * 2 : (size_t)4 * READ_AT_LEAST;
	char *data = realloc(bytes->data, more);

	if (!data)
		return -ENOMEM;
	bytes->data = data;
	*room = more;
	return 0;
}

int bytes_read_fd(struct segmap_bytes *bytes, int fd)
{
	size_t room = 0;
	ssize_t n;

	*bytes = (struct segmap_bytes){0};
	do {
		if (make_room(bytes, &room) < 0) {
			bytes_free(bytes);
			return -ENOMEM;
		}
		n = read(fd, bytes->data + bytes->size, room - bytes->size - 1);
		bytes->size += n > 0 ? (size_t)n : 0;
	} while (n > 0 || (n < 0 && errno == EINTR));
	int error = n < 0 ? errno : 0;
	if (error) {
		bytes_free(bytes);
		bytes->error = error;
	} else {
		bytes->data[bytes->size] = '\0';
	}
	return 0;
}

int bytes_read(struct segmap_bytes *bytes, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		*bytes = (struct segmap_bytes){.error = errno};
		return 0;
	}
	int r = bytes_read_fd(bytes, fd);
	close(fd);
	return r;
}

int bytes_read_link(struct segmap_bytes *bytes, const char *path)
{
	char target[PATH_MAX + 1];
	ssize_t n = readlink(path, target, sizeof(target) - 1);

	*bytes = (struct segmap_bytes){.error = n < 0 ? errno : 0};
	if (n < 0)
		return 0;
	target[n] = '\0';
	bytes->data = strdup(target);
	bytes->size = (size_t)n;
	return bytes->data ? 0 : -ENOMEM;
}

void bytes_free(struct segmap_bytes *bytes)
{
	free(bytes->data);
	*bytes = (struct segmap_bytes){0};
}
