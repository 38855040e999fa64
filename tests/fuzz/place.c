/* SPDX-License-Identifier: MIT */
/* A folder with the files of a case. Both loaders are given the same two inodes by the same two
 * names, so that /proc/PID/maps can be compared as it is. */
#include "fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const names[] = {"program", "interp"};

static bool make_file(struct place *place, enum which which)
{
	const char *name = names[which];

	stpcpy(stpcpy(stpcpy(place->path[which], place->directory), "/"), name);
	int fd = open(place->path[which], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);

	if (fd < 0)
		return false;
	bool ok = fchmod(fd, 0755) == 0;
	place->size[which] = 0;
	return close(fd) == 0 && ok;
}

/* A copy of segload beside the files: the user without rights may not reach the original. */
static bool copy_segload(struct place *place, const char *segload)
{
	struct stat st;
	int from = open(segload, O_RDONLY | O_CLOEXEC);

	stpcpy(stpcpy(place->segload, place->directory), "/segload");
	int to = open(place->segload, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	bool ok = from >= 0 && to >= 0 && fstat(from, &st) == 0 && fchmod(to, 0755) == 0 &&
		  sendfile(to, from, NULL, (size_t)st.st_size) == st.st_size;

	if (from >= 0)
		close(from);
	return to >= 0 && close(to) == 0 && ok;
}

bool place_open(struct place *place, const char *parent, const char *segload)
{
	snprintf(place->directory, sizeof(place->directory), "%.200s/segmap-fuzz.XXXXXX",
		 parent);
	place->null = open("/dev/null", O_RDWR | O_CLOEXEC);
	place->out = memfd_create("out", MFD_CLOEXEC);
	place->err = memfd_create("err", MFD_CLOEXEC);
	return place->null >= 0 && place->out >= 0 && place->err >= 0 &&
	       mkdtemp(place->directory) && chmod(place->directory, 0755) == 0 &&
	       make_file(place, PROGRAM) && make_file(place, INTERPRETER) &&
	       copy_segload(place, segload);
}

static bool write_all(int fd, const struct file *file)
{
	for (size_t done = 0; done < file->size;) {
		ssize_t n = pwrite(fd, file->bytes + done, file->size - done, (off_t)done);

		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

/* In place: a file that is cut and grows again costs the file system more than one whose bytes
 * change. */
bool place_put(struct place *place, enum which which, const struct file *file)
{
	int fd = open(place->path[which], O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	bool ok = write_all(fd, file);
	if (ok && place->size[which] != (off_t)file->size)
		ok = ftruncate(fd, (off_t)file->size) == 0;
	place->size[which] = ok ? (off_t)file->size : -1;
	return close(fd) == 0 && ok;
}

void place_close(struct place *place)
{
	unlink(place->path[PROGRAM]);
	unlink(place->path[INTERPRETER]);
	unlink(place->segload);
	rmdir(place->directory);
	close(place->null);
	close(place->out);
	close(place->err);
}
