/* Trials of what a process can do to its own memory, and to what the kernel knows of it. */
#include "arch.h"
#include "permits.h"
#include "read.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/prctl.h>
#include <linux/userfaultfd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef AT_RSEQ_FEATURE_SIZE
#define AT_RSEQ_FEATURE_SIZE 27
#endif
#ifndef UFFD_FEATURE_WP_ASYNC
#define UFFD_FEATURE_WP_ASYNC (1 << 15)
#endif
#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif

int try_zero_page(void)
{
	return segmap_zero_page_is_used() ? 0 : ENODATA;
}

/* ---- the layout that the kernel knows of ---- */

/* The fields of /proc/self/stat, by their numbers in proc(5). */
enum {
	START_CODE = 26,
	END_CODE,
	START_STACK,
	START_DATA = 45,
	END_DATA,
	START_BRK,
	ARG_START,
	ARG_END,
	ENV_START,
	ENV_END,
	FIELDS
};

static int read_fields(uint64_t fields[FIELDS])
{
	struct segmap_bytes text;

	if (bytes_read(&text, "/proc/self/stat") < 0)
		return ENOMEM;
	if (text.error)
		return text.error;
	char *at = strrchr(text.data, ')'); /* the name before it may have blanks */
	for (int i = 2; at && *at && i < FIELDS - 1;) {
		at = strchr(at, ' ');
		if (at)
			fields[++i] = strtoull(++at, NULL, 10);
	}
	bytes_free(&text);
	return at ? 0 : EPROTO;
}

/* The same layout once more, with EXE as the file of /proc/self/exe, or -1. */
static int set_layout(int exe)
{
	uint64_t f[FIELDS] = {0};
	int error = read_fields(f);
	uint64_t brk = (uintptr_t)sbrk(0);
	const struct prctl_mm_map map = {
		.start_code = f[START_CODE],
		.end_code = f[END_CODE],
		.start_data = f[START_DATA],
		.end_data = f[END_DATA],
		.start_brk = f[START_BRK],
		.brk = brk,
		.start_stack = f[START_STACK],
		.arg_start = f[ARG_START],
		.arg_end = f[ARG_END],
		.env_start = f[ENV_START],
		.env_end = f[ENV_END],
		.exe_fd = (uint32_t)exe,
	};

	if (error)
		return TRIAL_UNKNOWN + error;
	return prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof(map), 0) < 0 ? errno : 0;
}

int try_set_mm(void)
{
	return set_layout(-1);
}

/* EBUSY comes after the check of capabilities: the program is still mapped. */
int try_exe_link(void)
{
	int exe = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int error = exe < 0 ? TRIAL_UNKNOWN + errno : set_layout(exe);

	return error == EBUSY ? 0 : error;
}

/* ---- what the kernel has put there ---- */

/* Calls that libc makes through the vdso would crash afterwards. */
int try_vdso_move(void)
{
	uint64_t vdso = getauxval(AT_SYSINFO_EHDR);
	struct segmap_regions regions;

	if (!vdso)
		return TRIAL_UNKNOWN + ENOENT;
	if (segmap_regions_read(&regions, getpid(), false) < 0 || regions.error)
		return TRIAL_UNKNOWN + ENOENT;
	const struct segmap_region *region = segmap_regions_find(&regions, vdso);
	if (!region)
		return TRIAL_UNKNOWN + ENOENT;
	size_t size = region->end - region->start;
	void *from = (void *)(uintptr_t)region->start;
	void *room = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (room == MAP_FAILED)
		return TRIAL_UNKNOWN + ENOMEM;
	return mremap(from, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, room) == MAP_FAILED
		       ? errno
		       : 0;
}

/* What libc has registered is given up, and registered again. */
int try_rseq(void)
{
	enum { UNREGISTER = 1, SIZE = 32 };
	char *area = (char *)__builtin_thread_pointer() + __rseq_offset;
	unsigned size = (unsigned)getauxval(AT_RSEQ_FEATURE_SIZE);

	size = size > SIZE ? size : SIZE;
	if (__rseq_size == 0) /* libc was told not to; is there such a call? */
		return syscall(SYS_rseq, NULL, 0, 0, 0) < 0 && errno == ENOSYS
			       ? ENOSYS
			       : TRIAL_UNKNOWN + ENODATA;
	if (syscall(SYS_rseq, area, size, UNREGISTER, ARCH_RSEQ_SIGNATURE) < 0)
		return errno;
	return syscall(SYS_rseq, area, size, 0, ARCH_RSEQ_SIGNATURE) < 0 ? errno : 0;
}

/* Half of all memory, of which nothing is used. */
int try_overcommit(void)
{
	size_t size = (size_t)sysconf(_SC_PHYS_PAGES) / 2 * (size_t)sysconf(_SC_PAGESIZE);
	void *memory =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return memory == MAP_FAILED ? errno : 0;
}

int try_uffd_async(void)
{
	struct uffdio_api api = {.api = UFFD_API, .features = UFFD_FEATURE_WP_ASYNC};
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);

	if (fd < 0)
		return errno;
	return ioctl(fd, UFFDIO_API, &api) < 0 ? errno : 0;
}
