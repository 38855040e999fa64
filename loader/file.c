/* Stage 1, its system calls: the file is opened, asked about, and looked at again. */
#include "file.h"

#include "fail.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef AT_EXECVE_CHECK
#define AT_EXECVE_CHECK 0x10000
#endif

/* Asks the kernel whether FD may be executed, ETXTBSY included; before Linux 6.14, which cannot
 * be asked, only the permissions are looked at. Returns 0 or a positive errno. */
static int may_execute(int fd)
{
	char *const argv[] = {(char[]){"segmap"}, NULL};
	char *const envp[] = {NULL};
	char link[32];

	if (syscall(SYS_execveat, fd, "", argv, envp, AT_EMPTY_PATH | AT_EXECVE_CHECK) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS && errno != EPERM)
		return errno;
	if (syscall(SYS_faccessat2, fd, "", X_OK, AT_EMPTY_PATH | AT_EACCESS) == 0)
		return 0;
	if (errno != ENOSYS && errno != EPERM)
		return errno;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd); /* before Linux 5.8 */
	return faccessat(AT_FDCWD, link, X_OK, AT_EACCESS) == 0 ? 0 : errno;
}

/* execve needs no descriptor for the file: to lack one is not its answer. */
static int fail_open(struct segmap_error *err, const char *step)
{
	if (errno == EMFILE || errno == ENFILE)
		return fail(err, OPEN, SYSTEM, errno, .step = step);
	return fail(err, OPEN, ERRNO, errno, .step = step);
}

/* Opens PATH for reading without waiting for or waking up a FIFO or a device. [2] */
int file_open(const char *path, struct segmap_error *err)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return fail(err, OPEN, ERRNO, errno, .step = "stat");
	if (!S_ISREG(st.st_mode))
		return fail(err, NOT_REGULAR, ERRNO, EACCES, .value = {st.st_mode});
	/* openat: musl's open() adds a call that sets O_CLOEXEC once more */
	int fd = openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd >= 0)
		return fd;
	if (errno == EACCES && faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0)
		return fail(err, UNREADABLE, UNSUPPORTED, EACCES, .value = {st.st_mode});
	return fail_open(err, "open");
}

/* A descriptor that can be read, for one that may only name the file (O_PATH). */
static int duplicate(int fd)
{
	char link[32];
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || !(flags & O_PATH))
		return fcntl(fd, F_DUPFD_CLOEXEC, 3);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	return open(link, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

int file_take(int fd, struct segmap_error *err)
{
	int copy = duplicate(fd);

	return copy < 0 ? fail_open(err, "fcntl") : copy;
}

int file_look(struct segmap_image *image, bool inspect, struct segmap_error *err)
{
	struct stat st;

	if (fstat(image->fd, &st) < 0)
		return fail(err, OPEN, SYSTEM, errno, .step = "fstat");
	image->file_size = (uint64_t)st.st_size;
	image->modified = st.st_mtim;
	image->device = st.st_dev;
	image->inode = st.st_ino;
	image->mode = st.st_mode;
	image->owner = st.st_uid;
	image->group = st.st_gid;
	if (!S_ISREG(st.st_mode))
		return fail(err, NOT_REGULAR, ERRNO, EACCES, .value = {st.st_mode});
	int denied = inspect ? 0 : may_execute(image->fd);
	if (denied == ETXTBSY)
		return fail(err, BUSY, ERRNO, denied);
	if (denied)
		return fail(err, NOT_EXECUTABLE, ERRNO, denied, .value = {st.st_mode});
	return 0;
}

int segmap_image_check(const struct segmap_image *image, struct segmap_error *err)
{
	struct stat st;

	if (image->fd < 0)
		return 0;
	if (fstat(image->fd, &st) < 0)
		return fail(err, OPEN, SYSTEM, errno, .step = "fstat", .object = image->role);
	if ((uint64_t)st.st_size == image->file_size &&
	    st.st_mtim.tv_sec == image->modified.tv_sec &&
	    st.st_mtim.tv_nsec == image->modified.tv_nsec)
		return 0;
	return fail(err, CHANGED, ERRNO, ETXTBSY, .object = image->role,
		    .value = {image->file_size, (uint64_t)st.st_size});
}

ssize_t file_read_some(int fd, void *buffer, size_t least, size_t length, uint64_t offset)
{
	size_t got = 0;

	while (got < least) {
		ssize_t n =
			pread(fd, (char *)buffer + got, length - got, (off_t)(offset + got));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

ssize_t file_read_at(int fd, void *buffer, size_t length, uint64_t offset)
{
	return file_read_some(fd, buffer, length, length, offset);
}
