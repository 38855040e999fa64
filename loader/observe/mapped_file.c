/*
 * From a mapping to its file.
 *
 * A path in /proc/PID/maps is a name from the view of that process, and what has this name now
 * need not be what is mapped. Nor do maps and stat(2) agree on device numbers everywhere: btrfs
 * and overlayfs show others in the one than in the other. So a file is told by what maps itself
 * says of it: it is mapped here for a moment, and the line in our own maps is compared.
 */
#include "mapped_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

bool file_id_equal(const struct file_id *a, const struct file_id *b)
{
	return a->major == b->major && a->minor == b->minor && a->inode == b->inode;
}

struct file_id file_id_of_region(const struct segmap_region *region)
{
	return (struct file_id){region->major, region->minor, region->inode};
}

bool file_id_of_fd(struct file_id *id, int fd)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	struct segmap_regions own = {0};
	const struct segmap_region *region = NULL;
	void *page = mmap(NULL, size, PROT_NONE, MAP_PRIVATE, fd, 0);

	if (page == MAP_FAILED)
		return false;
	if (segmap_regions_read(&own, getpid(), false) == 0)
		region = segmap_regions_find(&own, (uintptr_t)page);
	if (region)
		*id = file_id_of_region(region);
	munmap(page, size);
	bool found = region;
	segmap_regions_free(&own);
	return found;
}

/* Opens PATH as what it is for PID, only to name it. A link in it must not lead out of that
 * process's root into ours. */
static int open_seen_by(pid_t pid, const char *path)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
	char start[PATH_MAX + 64];

	if (path[0] != '/') {
		snprintf(start, sizeof(start), "/proc/%d/cwd/%s", pid, path);
		return open(start, O_PATH | O_CLOEXEC);
	}
	snprintf(start, sizeof(start), "/proc/%d/root", pid);
	int root = open(start, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0) /* may not be asked: the same as ours, perhaps */
		return open(path, O_PATH | O_CLOEXEC);
	int fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
	close(root);
	if (fd >= 0)
		return fd;
	snprintf(start, sizeof(start), "/proc/%d/root%s", pid, path); /* before Linux 5.6 */
	return open(start, O_PATH | O_CLOEXEC);
}

/* Opens for reading what is open at PATH_FD, which it closes, if it is a regular file: nothing
 * else is to be woken up. Returns a descriptor, or -1 with errno. */
static int open_file(int path_fd)
{
	char link[32];
	struct stat st;
	int fd = -1;

	if (path_fd < 0)
		return -1;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", path_fd);
	if (fstat(path_fd, &st) == 0 && S_ISREG(st.st_mode))
		fd = open(link, O_RDONLY | O_CLOEXEC);
	else
		errno = EACCES;
	int error = errno;
	close(path_fd);
	errno = error;
	return fd;
}

/* Takes FD, which may be -1. */
static struct segmap_image *image_at(int fd)
{
	struct segmap_image *image = NULL;
	struct segmap_error err;
	char link[32];

	if (fd < 0)
		return NULL;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (segmap_image_inspect(&image, link, SEGMAP_PROGRAM, &err) < 0)
		image = NULL;
	close(fd);
	return image;
}

struct segmap_image *image_seen_by(pid_t pid, const char *path)
{
	return image_at(open_file(open_seen_by(pid, path)));
}

/* maps writes a line end in a name as "\012", and nothing else so. */
static void unescape(char out[PATH_MAX], const char *name)
{
	size_t n = 0;

	while (*name && n < PATH_MAX - 1) {
		bool line_end = strncmp(name, "\\012", 4) == 0;

		out[n] = *name;
		if (line_end)
			out[n] = '\n';
		n++;
		name += line_end ? 4 : 1;
	}
	out[n] = '\0';
}

/* FD if it is the file ID, else -1; takes FD, which may be -1. */
static int accept_same(int fd, const struct file_id *id)
{
	struct file_id found;

	if (fd < 0 || (file_id_of_fd(&found, fd) && file_id_equal(&found, id)))
		return fd;
	close(fd);
	errno = ESTALE;
	return -1;
}

struct segmap_image *image_of_region(pid_t pid, const struct segmap_region *region, int *error)
{
	const struct file_id id = file_id_of_region(region);
	char path[PATH_MAX];

	unescape(path, region->name);
	int fd = accept_same(open_file(open_seen_by(pid, path)), &id);
	/* A program whose file has been deleted is still there as its exe; any file is in
	 * map_files, for those who may look there. */
	if (fd < 0) {
		snprintf(path, sizeof(path), "/proc/%d/exe", pid);
		fd = accept_same(open_file(open(path, O_PATH | O_CLOEXEC)), &id);
	}
	if (fd < 0) {
		snprintf(path, sizeof(path), "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, pid,
			 region->start, region->end);
		fd = accept_same(open_file(open(path, O_PATH | O_CLOEXEC)), &id);
	}
	*error = fd < 0 ? errno : 0;
	return image_at(fd);
}
