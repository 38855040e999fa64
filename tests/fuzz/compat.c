/* SPDX-License-Identifier: MIT */
/* Programs for the kernel's 32-bit mode, which not every kernel has. */
#include "compat_program.h"
#include "fuzz.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* With an errno of its own there is none. */
static bool has_mode(void)
{
	int fd = memfd_create("program", MFD_CLOEXEC), status;
	char *argv[] = {(char[]){"program"}, NULL};
	bool made = fd >= 0 && write(fd, &compat_program, sizeof(compat_program)) ==
				       sizeof(compat_program);
	pid_t pid = made ? fork() : -1;

	if (pid == 0) {
		fexecve(fd, argv, argv + 1);
		_exit(errno == ENOEXEC ? 1 : 2);
	}
	if (fd >= 0)
		close(fd);
	if (pid < 0)
		return true;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return !WIFEXITED(status) || WEXITSTATUS(status) != 1;
}

static bool is_for_mode(const struct place *place)
{
	unsigned char header[20] = {0};
	int fd = open(place->path[PROGRAM], O_RDONLY | O_CLOEXEC);
	bool ok = fd >= 0 && pread(fd, header, sizeof(header), 0) == (ssize_t)sizeof(header);

	if (fd >= 0)
		close(fd);
	return ok && header[19] == 0 && (header[18] == EM_386 || header[18] == 6);
}

bool is_compat(const struct place *place, const struct run *kernel)
{
	static int mode = -1;

	if (!is_for_mode(place))
		return false;
	if (mode < 0)
		mode = has_mode();
	return kernel->ending != FAILS || (!mode && kernel->error == ENOEXEC);
}
