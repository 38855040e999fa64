/* SPDX-License-Identifier: MIT */
/*
 * Touches pages of its own in known ways, each a symbol of its own, and ends: which faults
 * there must be is in tests/integration/test-cli-faults.py. Every array has its own 64 KiB, so
 * that nothing comes along with a neighbour's fault that is not meant to.
 */
#include "tiny.h"

#include "arch_access.h"

#include <sys/mman.h>

#define APART __attribute__((aligned(65536), visibility("hidden")))

APART volatile char written[16 * PAGE_MAX] = {1};
APART volatile char read_then_written[16 * PAGE_MAX] = {1};
APART volatile char beside[16 * PAGE_MAX] = {1};
APART const volatile char only_read[16 * PAGE_MAX] = {1};
APART volatile char zero_then_written[16 * PAGE_MAX];
APART volatile char filled[16 * PAGE_MAX];
APART volatile char forked[16 * PAGE_MAX];
APART volatile char given_back[16 * PAGE_MAX];
APART volatile char by_kernel[16 * PAGE_MAX];
APART volatile char stored[16 * PAGE_MAX];
APART volatile char compared[16 * PAGE_MAX];

static void write_after_fork(void)
{
	int status;

	forked[0] = 1;
	long child = sys_fork();
	if (child == 0) {
		forked[0] = 2;
		sys(exit_group, 0, 0, 0, 0);
	}
	sys(wait4, child, &status, 0, 0);
	forked[0] = 3;
}

static void let_kernel_write(void)
{
	int pipe[2];

	sys(pipe2, pipe, 0, 0, 0);
	sys(write, pipe[1], "x", 1, 0);
	sys(read, pipe[0], by_kernel, 1, 0);
	sys(close, pipe[0], 0, 0, 0);
	sys(close, pipe[1], 0, 0, 0);
}

/* Says whether a page is in the page table: with a large folio more comes along with a fault
 * than its own 64 KiB. */
static void tell_present(const char *what, const volatile char *addr)
{
	uint64_t entry = 0;
	long fd = sys_open("/proc/self/pagemap");

	sys(pread64, fd, &entry, sizeof(entry), (uint64_t)addr / PAGE * sizeof(entry));
	sys(close, fd, 0, 0, 0);
	put(what);
	put(entry >> 63 ? " present\n" : " absent\n");
}

int start_c(struct start *start)
{
	(void)start;
	written[0] = 2;
	(void)read_then_written[0];
	read_then_written[1] = 2;
	(void)beside[0];
	tell_present("beside", beside + 5 * PAGE);
	beside[5 * PAGE] = 2;
	(void)only_read[0];
	(void)zero_then_written[0];
	zero_then_written[0] = 1;
	filled[0] = 1;
	write_after_fork();
	given_back[0] = 1;
	sys(madvise, given_back, PAGE, MADV_DONTNEED, 0);
	given_back[0] = 1;
	let_kernel_write();
	arch_odd_accesses(stored, compared);
	return 0;
}
