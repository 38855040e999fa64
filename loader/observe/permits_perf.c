/* Trials of what the kernel tells of page faults. */
#include "permits.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { RING = 512 * 1024 }; /* bytes of records, beside the page that describes them */

/* Counts this process's own page faults. */
static int open_event(bool kernel)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_PAGE_FAULTS,
		.sample_period = 1,
		.sample_type =
			PERF_SAMPLE_IP | PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_ADDR,
		.exclude_kernel = !kernel,
		.exclude_hv = 1,
	};

	return (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

static uint64_t count_of(int event)
{
	uint64_t count = 0;

	return read(event, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

static char *untouched_page(void)
{
	char *page = mmap(NULL, (size_t)sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return page == MAP_FAILED ? NULL : page;
}

int try_perf_user(void)
{
	volatile char *page = untouched_page();
	int event = open_event(false);

	if (event < 0)
		return errno;
	if (!page)
		return TRIAL_UNKNOWN + ENOMEM;
	uint64_t before = count_of(event);
	*page = 1;
	return count_of(event) > before ? 0 : ENODATA;
}

/* The kernel writes a byte into a page that is not there. */
int try_perf_kernel(void)
{
	char *page = untouched_page(), byte = 1;
	int event = open_event(true), ends[2];

	if (event < 0)
		return errno;
	if (!page || pipe2(ends, O_CLOEXEC) < 0 || write(ends[1], &byte, 1) != 1)
		return TRIAL_UNKNOWN + ENOMEM;
	uint64_t before = count_of(event);
	if (read(ends[0], page, 1) != 1)
		return TRIAL_UNKNOWN + EIO;
	return count_of(event) > before ? 0 : ENODATA;
}

int try_perf_ring(void)
{
	int event = open_event(false);

	if (event < 0)
		return TRIAL_UNKNOWN + errno;
	void *ring = mmap(NULL, RING + (size_t)sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE,
			  MAP_SHARED, event, 0);
	return ring == MAP_FAILED ? errno : 0;
}

int try_tracefs(void)
{
	static const char *const paths[] = {
		"/sys/kernel/tracing/events/exceptions/page_fault_user/id",
		"/sys/kernel/debug/tracing/events/exceptions/page_fault_user/id",
	};
	int error = 0;

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		char id[16];
		int fd = open(paths[i], O_RDONLY | O_CLOEXEC);

		if (fd >= 0 && read(fd, id, sizeof(id)) > 0)
			return 0;
		if (!error || errno == EACCES)
			error = errno;
	}
	return error;
}
