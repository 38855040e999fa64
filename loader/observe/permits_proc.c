/* Trials of what /proc tells. */
#include "pagemap.h"
#include "permits.h"
#include "read.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/* A page that is there. */
static char *own_page(void)
{
	char *page = mmap(NULL, (size_t)sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (page == MAP_FAILED)
		return NULL;
	*page = 1;
	return page;
}

/* A file that must have WORD in it. */
static int try_file(const char *path, const char *word)
{
	struct segmap_bytes text;

	if (bytes_read(&text, path) < 0)
		return TRIAL_UNKNOWN + ENOMEM;
	int error = text.error;
	if (!error && !strstr(text.data, word))
		error = ENODATA;
	bytes_free(&text);
	return error;
}

int try_proc(void)
{
	return try_file("/proc/self/maps", "[stack]");
}

/* Process 1 is another user's, or one may see all. */
int try_proc_others(void)
{
	int error = try_proc();

	return error ? TRIAL_UNKNOWN + error : try_file("/proc/1/stat", "1 (");
}

int try_smaps(void)
{
	int error = try_file("/proc/self/smaps", "VmFlags:");

	return error ? error : try_file("/proc/self/smaps_rollup", "Pss:");
}

/* ---- page tables ---- */

static int read_own_entry(uint64_t *entry)
{
	char *page = own_page();
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t number = (uintptr_t)page / (uint64_t)sysconf(_SC_PAGESIZE);

	if (fd < 0)
		return errno;
	if (!page)
		return TRIAL_UNKNOWN + ENOMEM;
	ssize_t size = pread(fd, entry, sizeof(*entry), (off_t)(number * sizeof(*entry)));
	int error = size < 0 ? errno : 0;
	close(fd);
	return size == (ssize_t)sizeof(*entry) ? 0 : error ? error : ENODATA;
}

int try_pagemap(void)
{
	uint64_t entry = 0;
	int error = read_own_entry(&entry);

	return error || (entry & PAGEMAP_PRESENT) ? error : ENODATA;
}

int try_pagemap_scan(void)
{
	struct scan_range range;
	char *page = own_page();
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || !page)
		return TRIAL_UNKNOWN + (fd < 0 ? errno : ENOMEM);
	struct scan_arguments arguments = {
		.size = sizeof(arguments),
		.start = (uintptr_t)page,
		.end = (uintptr_t)page + (uint64_t)sysconf(_SC_PAGESIZE),
		.vec = (uintptr_t)&range,
		.vec_len = 1,
		.category_mask = SCAN_IS_PRESENT,
		.return_mask = SCAN_IS_PRESENT,
	};
	int count = ioctl(fd, SCAN_IOCTL, &arguments);
	int error = count < 0 ? errno : 0;
	close(fd);
	return count == 1 ? 0 : error ? error : ENODATA;
}

int try_frames(void)
{
	uint64_t entry = 0;
	int error = read_own_entry(&entry);

	if (error)
		return TRIAL_UNKNOWN + error % TRIAL_UNKNOWN;
	return entry & PAGEMAP_FRAME ? 0 : EPERM;
}

/* What these files say of the frame of a page of one's own, or else of the first frame. */
static int try_words(const char *path)
{
	uint64_t entry = 0, word;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return errno;
	if (read_own_entry(&entry) != 0)
		entry = 0;
	off_t at = (off_t)((entry & PAGEMAP_FRAME) * sizeof(word));
	ssize_t size = pread(fd, &word, sizeof(word), at);
	int error = size < 0 ? errno : 0;
	close(fd);
	return size == (ssize_t)sizeof(word) ? 0 : error ? error : ENODATA;
}

int try_kpagecount(void)
{
	return try_words("/proc/kpagecount");
}

int try_kpageflags(void)
{
	return try_words("/proc/kpageflags");
}

/* The first mapping of a file that this process has. */
int try_map_files(void)
{
	struct segmap_regions regions;
	int error = ENOENT;

	if (segmap_regions_read(&regions, getpid(), false) < 0 || regions.error)
		return TRIAL_UNKNOWN + ENOENT;
	for (size_t i = 0; i < regions.count; i++) {
		char path[96];

		if (regions.items[i].name[0] != '/')
			continue;
		snprintf(path, sizeof(path), "/proc/self/map_files/%jx-%jx",
			 (uintmax_t)regions.items[i].start, (uintmax_t)regions.items[i].end);
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		error = fd < 0 ? errno : 0;
		break;
	}
	segmap_regions_free(&regions);
	return error;
}
