#include "leftovers.h"

#include "fail.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static int append(int32_t **list, size_t *count, int32_t value)
{
	int32_t *more = reallocarray(*list, *count + 1, sizeof(**list));

	if (!more)
		return -ENOMEM;
	*list = more;
	more[(*count)++] = value;
	return 0;
}

int segmap_leftovers_add_fd(struct segmap_leftovers *leftovers, int fd)
{
	return append(&leftovers->fds, &leftovers->fd_count, fd);
}

static int add_if_cloexec(struct segmap_leftovers *l, int fd)
{
	int flags = fcntl(fd, F_GETFD);

	return flags >= 0 && (flags & FD_CLOEXEC) ? segmap_leftovers_add_fd(l, fd) : 0;
}

/* Without /proc every number up to the limit is tried. */
static int scan_numbers(struct segmap_leftovers *l)
{
	struct rlimit limit;
	int r = 0;

	getrlimit(RLIMIT_NOFILE, &limit);
	for (int fd = 0; r == 0 && (rlim_t)fd < limit.rlim_cur; fd++)
		r = add_if_cloexec(l, fd);
	return r;
}

static int scan_descriptors(struct segmap_leftovers *l)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	int r = 0;

	if (!dir)
		return scan_numbers(l);
	while (r == 0 && (entry = readdir(dir))) {
		int fd = (int)strtol(entry->d_name, NULL, 10);

		if (entry->d_name[0] != '.' && fd != dirfd(dir))
			r = add_if_cloexec(l, fd);
	}
	closedir(dir);
	return r;
}

/* The kernel's own view: libc hides two of the signals. */
static void scan_signals(struct segmap_leftovers *l)
{
	struct {
		uint64_t handler, flags, restorer, mask;
	} action;

	for (int n = 1; n <= 64; n++) {
		if (syscall(SYS_rt_sigaction, n, NULL, &action, sizeof(uint64_t)) < 0)
			continue;
		if (action.handler > (uint64_t)SIG_IGN || action.flags || action.mask)
			l->signals |= UINT64_C(1) << (n - 1);
	}
}

static int scan_timers(struct segmap_leftovers *l)
{
	FILE *file = fopen("/proc/self/timers", "re");
	char line[128];
	int r = 0;

	if (!file)
		return 0;
	while (r == 0 && fgets(line, sizeof(line), file))
		if (line[0] == 'I' && line[1] == 'D')
			r = append(&l->timers, &l->timer_count,
				   (int32_t)strtol(line + 3, NULL, 10));
	fclose(file);
	return r;
}

int segmap_leftovers_read(struct segmap_leftovers *l, struct segmap_error *err)
{
	scan_signals(l);
	if (scan_timers(l) < 0 || scan_descriptors(l) < 0)
		return fail(err, MEMORY, SYSTEM, ENOMEM);
	return 0;
}

void segmap_leftovers_free(struct segmap_leftovers *l)
{
	free(l->fds);
	free(l->timers);
}
