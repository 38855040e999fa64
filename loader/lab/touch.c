/* One access to memory between two looks at the counters of page faults. */
#include "inside.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { WARM_UPS = 8 };

struct sample {
	struct rusage usage;
	uint64_t perf;
};

/* A counter of this process's own; a forked child opens another. Negative errno if there is
 * none. Only faults in user mode: all that a user may count where perf_event_paranoid is 2. */
static int open_counter(void)
{
	static int fd;
	static pid_t owner;
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_PAGE_FAULTS,
		.exclude_kernel = 1,
		.exclude_hv = 1,
	};

	if (owner == getpid())
		return fd;
	if (owner && fd >= 0)
		close(fd);
	fd = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0)
		fd = -errno;
	owner = getpid();
	return fd;
}

__attribute__((noinline)) static void take(struct sample *sample, int counter)
{
	getrusage(RUSAGE_SELF, &sample->usage);
	if (counter >= 0 && read(counter, &sample->perf, sizeof(sample->perf)) < 0)
		sample->perf = 0;
}

/* A sanitizer's own look at ADDR would take faults, too. */
__attribute__((noinline, no_sanitize("address", "undefined"))) static void
access_page(volatile char *addr, bool write, char *byte)
{
	if (write)
		*addr = *byte;
	else
		*byte = *addr;
}

__attribute__((noinline)) static struct lab_faults measure(char *addr, bool write, char *byte,
							   int counter)
{
	struct sample before, after;

	take(&after, counter); /* so that its memory is there */
	take(&before, counter);
	access_page(addr, write, byte);
	take(&after, counter);
	return (struct lab_faults){
		.rusage = (uint64_t)(after.usage.ru_minflt - before.usage.ru_minflt +
				     after.usage.ru_majflt - before.usage.ru_majflt),
		.perf = counter < 0 ? 0 : after.perf - before.perf,
		.perf_error = counter < 0 ? -counter : 0,
	};
}

struct lab_faults lab_touch(char *addr, bool write, char *byte)
{
	static char warm; /* static memory is as cold as the stack after a fork */
	char dummy = 0;
	int counter = open_counter();

	for (int i = 0; i < WARM_UPS; i++)
		if (measure(&warm, true, &dummy, counter).rusage == 0)
			break;
	return measure(addr, write, byte, counter);
}
