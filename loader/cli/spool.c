#include "spool.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x10
#endif

static int copy(int from, int to)
{
	static char buffer[65536] __attribute__((section(".bss.zz"))); /* as the arena */

	for (;;) {
		ssize_t n = read(from, buffer, sizeof(buffer));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		for (ssize_t done = 0; done < n;) {
			ssize_t w = write(to, buffer + done, (size_t)(n - done));

			if (w < 0 && errno != EINTR)
				return -errno;
			done += w > 0 ? w : 0;
		}
	}
}

/* Beyond the standard streams: where one of them is closed, messages would be written into the
 * program. */
static int make_memory(void)
{
	int fd = memfd_create("segload", MFD_CLOEXEC | MFD_EXEC);

	if (fd < 0 && errno == EINVAL) /* before Linux 6.3 */
		fd = memfd_create("segload", MFD_CLOEXEC);
	if (fd < 0 || fd > STDERR_FILENO)
		return fd;
	int moved = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	close(fd);
	return moved;
}

int spool_input(int *fd)
{
	struct stat st;

	if (fstat(*fd, &st) < 0)
		return -errno;
	if (S_ISREG(st.st_mode))
		return 0;
	int memory = make_memory();
	if (memory < 0)
		return -errno;
	int r = copy(*fd, memory);
	if (r < 0) {
		close(memory);
		return r;
	}
	*fd = memory;
	return 0;
}
