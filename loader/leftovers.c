#include "leftovers.h"

#include "fail.h"
#include "self.h"
#include "status.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	LOWEST = 128, /* numbers that are tried, and PER_FD more for each descriptor */
	PER_FD = 16,
};

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

/* A descriptor about which nothing can be learnt may not be left to the program. Returns 1 if
 * there is one of this number, 0, or a negative errno. */
static int add_if_cloexec(struct segmap_leftovers *l, int fd)
{
	int flags = fcntl(fd, F_GETFD);

	if (flags < 0)
		return errno == EBADF ? 0 : -errno;
	return flags & FD_CLOEXEC && segmap_leftovers_add_fd(l, fd) < 0 ? -ENOMEM : 1;
}

/*
 * Since Linux 6.2 the directory's size is the number of descriptors: then the lowest numbers
 * are tried until all are found, in less time than the directory takes, of which the kernel
 * makes every entry anew for a new process. Returns 1 then; 0 if some are elsewhere; or a
 * negative errno.
 */
static int scan_lowest(struct segmap_leftovers *l)
{
	struct stat st;
	off_t found = 0, count;
	int r = 0;

	if (stat("/proc/self/fd", &st) < 0 || st.st_size == 0)
		return 0;
	count = st.st_size;
	for (int fd = 0; r >= 0 && found < count && fd < count * PER_FD + LOWEST; fd++) {
		r = add_if_cloexec(l, fd);
		found += r > 0;
	}
	return r < 0 ? r : found == count;
}

/* Without /proc every number up to the limit is tried. */
static int scan_numbers(struct segmap_leftovers *l)
{
	struct rlimit limit;
	int r = 0;

	getrlimit(RLIMIT_NOFILE, &limit);
	for (int fd = 0; r >= 0 && (rlim_t)fd < limit.rlim_cur; fd++)
		r = add_if_cloexec(l, fd);
	return r < 0 ? r : 0;
}

static int scan_descriptors(struct segmap_leftovers *l)
{
	size_t before = l->fd_count;
	struct dirent *entry;
	int r = scan_lowest(l);

	if (r)
		return r < 0 ? r : 0;
	l->fd_count = before;
	DIR *dir = opendir("/proc/self/fd");
	if (!dir)
		return scan_numbers(l);
	while (r >= 0 && (errno = 0, entry = readdir(dir))) {
		int fd = (int)strtol(entry->d_name, NULL, 10);

		if (entry->d_name[0] != '.' && fd != dirfd(dir))
			r = add_if_cloexec(l, fd);
	}
	if (r >= 0)
		r = -errno; /* of readdir; 0 at the end */
	closedir(dir);
	return r;
}

/* Would this disposition have the kernel empty the queue? */
static bool discards(int n, bool ignored)
{
	return ignored || n == SIGCHLD || n == SIGCONT || n == SIGURG || n == SIGWINCH;
}

/* The kernel's own view: libc hides two of the signals. */
static int scan_signals(struct segmap_leftovers *l)
{
	struct action {
		uint64_t handler, flags, restorer, mask;
	};

	for (int n = 1; n <= 64; n++) {
		struct action action = {0}; /* not every CPU's has a restorer, and four words */
		uint64_t bit = UINT64_C(1) << (n - 1);
		bool ignored;

		if (syscall(SYS_rt_sigaction, n, NULL, &action, sizeof(uint64_t)) < 0)
			return -errno;
		ignored = action.handler == (uint64_t)(uintptr_t)SIG_IGN;
		if ((ignored || !action.handler) && !action.flags && !action.restorer &&
		    !action.mask)
			continue;
		l->signals |= bit;
		if (discards(n, ignored))
			l->queued |= bit;
	}
	return 0;
}

/* Which signals wait for this thread alone; a system call tells only of both together. */
static void scan_queue(struct segmap_leftovers *l)
{
	FILE *file = fopen("/proc/thread-self/status", "re");
	char line[256];

	while (file && fgets(line, sizeof(line), file))
		status_field(line, "SigPnd:", &l->own);
	if (file)
		fclose(file);
}

static int scan_timers(struct segmap_leftovers *l)
{
	int fd = openat(AT_FDCWD, "/proc/self/timers", O_RDONLY | O_CLOEXEC), r = 0;
	char line[128];

	if (fd < 0) /* some kernels do not have it */
		return errno == ENOMEM ? -ENOMEM : 0;
	if (read(fd, line, 1) == 0) { /* as mostly: no reason to begin with stdio */
		close(fd);
		return 0;
	}
	FILE *file = lseek(fd, 0, SEEK_SET) == 0 ? fdopen(fd, "r") : NULL;
	if (!file) {
		r = -errno;
		close(fd);
		return r;
	}
	while (r == 0 && fgets(line, sizeof(line), file))
		if (line[0] == 'I' && line[1] == 'D')
			r = append(&l->timers, &l->timer_count,
				   (int32_t)strtol(line + 3, NULL, 10));
	fclose(file);
	return r;
}

int segmap_leftovers_read(struct segmap_leftovers *l, struct segmap_error *err)
{
	const char *step = "rt_sigaction";
	int r = scan_signals(l);

	if (r == 0)
		r = scan_timers(l);
	if (r == 0) {
		step = "descriptors in /proc/self/fd";
		r = scan_descriptors(l);
	}
	if (r == -ENOMEM)
		return fail(err, MEMORY, SYSTEM, ENOMEM);
	if (r < 0)
		return fail(err, SELF, SYSTEM, -r, .step = step);
	if (l->timer_count) /* the signals of a timer go with it */
		l->queued = ~UINT64_C(0);
	if (l->queued)
		scan_queue(l);
	return 0;
}

void segmap_leftovers_free(struct segmap_leftovers *l)
{
	free(l->fds);
	free(l->timers);
}

/* Is a new page there before it is touched? That is what MCL_FUTURE does, and nothing tells. */
static bool locks_what_it_maps(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *probe =
		mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned char there = 0;

	if (probe == MAP_FAILED)
		return false;
	mincore(probe, page, &there);
	munmap(probe, page);
	return there & 1;
}

void segmap_habits_suspend(struct segmap_habits *habits, unsigned long unpersona, bool pristine)
{
	habits->personality = self_personality();
	habits->current = habits->personality;
	if (habits->personality & unpersona)
		habits->restore_personality =
			personality(habits->personality & ~unpersona) >= 0;
	if (habits->restore_personality)
		habits->current &= ~unpersona;
	/* Locked on fault only: mappings that are there already stay as they are, which no
	 * other call can do. */
	if (!pristine && locks_what_it_maps())
		habits->restore_locking = mlockall(MCL_FUTURE | MCL_ONFAULT) == 0;
}

void segmap_habits_restore(const struct segmap_habits *habits)
{
	if (habits->restore_locking)
		mlockall(MCL_FUTURE);
	if (habits->restore_personality)
		personality(habits->personality);
}
