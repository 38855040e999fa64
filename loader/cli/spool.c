#include "spool.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x10
#endif

static int copy(int from, int to)
{
	static char buffer[65536];

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

int spool_input(int *fd)
{
	struct stat st;

	if (fstat(*fd, &st) < 0)
		return -errno;
	if (S_ISREG(st.st_mode))
		return 0;
	int memory = memfd_create("segload", MFD_CLOEXEC | MFD_EXEC);
	if (memory < 0 && errno == EINVAL) /* before Linux 6.3 */
		memory = memfd_create("segload", MFD_CLOEXEC);
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
