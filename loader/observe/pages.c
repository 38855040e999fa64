/*
 * The state of every page, from /proc/PID/pagemap.
 *
 * What is present is asked of PAGEMAP_SCAN in ranges, where the kernel has it, so that a
 * mapping costs what is in it and not what it could hold; only for those ranges are the entries
 * read one by one. Older kernels are asked for every entry, and cannot tell the zero page from
 * a page that a fork has left to two processes, unless the frame's flags may be read.
 */
#include "pagemap.h"

#include <segmap/pages.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
	RANGES = 256,  /* of one PAGEMAP_SCAN */
	ENTRIES = 512, /* of one read */
};

#define FLAG_ZERO_PAGE (UINT64_C(1) << 24) /* KPF_ZERO_PAGE of /proc/kpageflags */

struct reader {
	int pagemap, counts, flags; /* descriptors, or -1 */
	bool scans;                 /* the kernel has PAGEMAP_SCAN */
	size_t room;                /* of PAGES->items */
	struct segmap_pages *pages;
};

/* ---- mappings ---- */

static bool is_kernels(const char *name)
{
	return strncmp(name, "[vdso", 5) == 0 || strncmp(name, "[vvar", 5) == 0 ||
	       strcmp(name, "[vsyscall]") == 0;
}

/* Shared anonymous memory, System V's too, has a file inside the kernel that nobody can open.
 */
static bool is_shared_memory(const struct segmap_region *region)
{
	return region->inode == 0 || strcmp(region->name, "/dev/zero (deleted)") == 0 ||
	       strncmp(region->name, "/SYSV", 5) == 0;
}

enum segmap_kind segmap_region_kind(const struct segmap_region *region)
{
	bool shared = region->perms[3] == 's';

	if (is_kernels(region->name))
		return SEGMAP_KIND_KERNEL;
	if (shared && is_shared_memory(region))
		return SEGMAP_KIND_ANON_SHARED;
	if (region->inode == 0 || strcmp(region->name, "/dev/zero") == 0)
		return SEGMAP_KIND_ANON_PRIVATE;
	return shared ? SEGMAP_KIND_FILE_SHARED : SEGMAP_KIND_FILE_PRIVATE;
}

/* ---- one page ---- */

static enum segmap_page_state private_state(enum segmap_kind kind, uint64_t entry)
{
	if (kind == SEGMAP_KIND_FILE_PRIVATE)
		return entry & PAGEMAP_FILE ? SEGMAP_PAGE_FILE : SEGMAP_PAGE_COPY;
	return SEGMAP_PAGE_ANON;
}

static enum segmap_page_state state_of(enum segmap_kind kind, uint64_t entry)
{
	if (entry & PAGEMAP_SWAPPED)
		return SEGMAP_PAGE_SWAPPED;
	switch (kind) {
	case SEGMAP_KIND_KERNEL:
		return SEGMAP_PAGE_KERNEL;
	case SEGMAP_KIND_FILE_SHARED:
		return SEGMAP_PAGE_FILE;
	case SEGMAP_KIND_ANON_SHARED:
		return SEGMAP_PAGE_SHARED;
	default:
		return private_state(kind, entry);
	}
}

/* The NUMBERth word of a file of words, if it can be read. */
static bool read_word(int fd, uint64_t number, uint64_t *word)
{
	return fd >= 0 && pread(fd, word, sizeof(*word), (off_t)(number * sizeof(*word))) ==
				  (ssize_t)sizeof(*word);
}

/* Without PAGEMAP_SCAN: an anonymous page that others have too may be the zero page. */
static void tell_zero(const struct reader *r, struct segmap_page *page)
{
	uint64_t flags;

	if (r->scans || page->exclusive || page->state != SEGMAP_PAGE_ANON)
		return;
	if (!page->frame || !read_word(r->flags, page->frame, &flags))
		page->state = SEGMAP_PAGE_UNKNOWN;
	else if (flags & FLAG_ZERO_PAGE)
		page->state = SEGMAP_PAGE_ZERO;
}

static int add_page(struct reader *r, const struct segmap_page *page)
{
	struct segmap_pages *pages = r->pages;

	if (pages->count == r->room) {
		size_t room = r->room ? r->room * 2 : 256;
		struct segmap_page *items = reallocarray(pages->items, room, sizeof(*items));

		if (!items)
			return -ENOMEM;
		pages->items = items;
		r->room = room;
	}
	pages->items[pages->count++] = *page;
	return 0;
}

static int add_entry(struct reader *r, enum segmap_kind kind, uint64_t addr, uint64_t entry,
		     bool zero)
{
	bool present = entry & PAGEMAP_PRESENT;
	struct segmap_page page = {
		.addr = addr,
		.frame = present ? entry & PAGEMAP_FRAME : 0,
		.state = zero ? SEGMAP_PAGE_ZERO : state_of(kind, entry),
		.exclusive = entry & PAGEMAP_EXCLUSIVE,
	};

	if (!present && !(entry & PAGEMAP_SWAPPED))
		return 0;
	if (present && !page.frame && kind != SEGMAP_KIND_KERNEL)
		r->pages->frames_error = EPERM;
	if (page.frame && !read_word(r->counts, page.frame, &page.mapcount))
		page.mapcount = 0;
	tell_zero(r, &page);
	return add_page(r, &page);
}

/* ---- ranges ---- */

/* The entries of [START, END), one by one. False for ZERO leaves that to tell_zero. */
static int read_entries(struct reader *r, enum segmap_kind kind, uint64_t start, uint64_t end,
			bool zero)
{
	const uint64_t page_size = r->pages->page_size;
	uint64_t entries[ENTRIES];
	int error = 0;

	for (uint64_t at = start; error == 0 && at < end;) {
		uint64_t left = (end - at) / page_size;
		size_t want = (left < ENTRIES ? left : ENTRIES) * sizeof(*entries);
		ssize_t got = pread(r->pagemap, entries, want,
				    (off_t)(at / page_size * sizeof(*entries)));

		if (got < (ssize_t)sizeof(*entries)) {
			/* [vsyscall] is beyond the last entry: nothing there. */
			r->pages->error = got < 0 ? errno : r->pages->error;
			return 0;
		}
		size_t count = (size_t)got / sizeof(*entries);
		for (size_t i = 0; error == 0 && i < count; i++)
			error = add_entry(r, kind, at + i * page_size, entries[i], zero);
		at += count * page_size;
	}
	return error;
}

/* Only what is present. -ENOTTY if the kernel cannot. */
static int scan(struct reader *r, const struct segmap_region *region)
{
	enum segmap_kind kind = segmap_region_kind(region);
	struct scan_range ranges[RANGES];
	struct scan_arguments arguments = {
		.size = sizeof(arguments),
		.start = region->start,
		.end = region->end,
		.vec = (uintptr_t)ranges,
		.vec_len = RANGES,
		.category_anyof_mask = SCAN_IS_PRESENT | SCAN_IS_SWAPPED,
		.return_mask = SCAN_IS_PRESENT | SCAN_IS_SWAPPED | SCAN_IS_ZERO,
	};
	int error = 0;

	while (error == 0 && arguments.start < region->end) {
		int count = ioctl(r->pagemap, SCAN_IOCTL, &arguments);

		if (count < 0)
			return -errno;
		for (int i = 0; error == 0 && i < count; i++)
			error = read_entries(r, kind, ranges[i].start, ranges[i].end,
					     ranges[i].categories & SCAN_IS_ZERO);
		if (arguments.walk_end <= arguments.start)
			break;
		arguments.start = arguments.walk_end;
	}
	return error;
}

static int read_region(struct reader *r, const struct segmap_region *region)
{
	if (r->scans) {
		int error = scan(r, region);

		if (error == 0 || error == -ENOMEM)
			return error;
		if (error != -ENOTTY && error != -EINVAL && error != -EFAULT) {
			r->pages->error = -error;
			return 0;
		}
		/* Two errors are this region's alone: [vsyscall] is not in user memory. */
		r->scans = error != -ENOTTY;
	}
	return read_entries(r, segmap_region_kind(region), region->start, region->end, false);
}

static void open_files(struct reader *r, pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/pagemap", pid);
	r->pagemap = open(path, O_RDONLY | O_CLOEXEC);
	r->pages->error = r->pagemap < 0 ? errno : 0;
	r->counts = open("/proc/kpagecount", O_RDONLY | O_CLOEXEC);
	r->pages->counts_error = r->counts < 0 ? errno : 0;
	r->flags = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
}

static void close_files(const struct reader *r)
{
	const int files[] = {r->pagemap, r->counts, r->flags};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (files[i] >= 0)
			close(files[i]);
}

int segmap_pages_read(struct segmap_pages *out, pid_t pid, const struct segmap_regions *regions)
{
	struct segmap_pages pages = {.page_size = (uint64_t)sysconf(_SC_PAGESIZE)};
	struct reader r = {.scans = true, .pages = &pages};
	int error = 0;

	open_files(&r, pid);
	for (size_t i = 0; error == 0 && pages.error == 0 && i < regions->count; i++)
		error = read_region(&r, &regions->items[i]);
	close_files(&r);
	if (error < 0)
		segmap_pages_free(&pages);
	else
		*out = pages;
	return error;
}

void segmap_pages_free(struct segmap_pages *pages)
{
	free(pages->items);
	*pages = (struct segmap_pages){0};
}

/* ---- asking ---- */

size_t segmap_pages_from(const struct segmap_pages *pages, uint64_t addr)
{
	size_t low = 0, high = pages->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (pages->items[middle].addr < addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct segmap_page *segmap_pages_find(const struct segmap_pages *pages, uint64_t addr)
{
	uint64_t page = pages->page_size ? addr - addr % pages->page_size : addr;
	size_t i = segmap_pages_from(pages, page);

	return i < pages->count && pages->items[i].addr == page ? &pages->items[i] : NULL;
}

enum segmap_page_state segmap_pages_state(const struct segmap_pages *pages, uint64_t addr)
{
	const struct segmap_page *page = segmap_pages_find(pages, addr);

	return page ? page->state : SEGMAP_PAGE_ABSENT;
}

const char *segmap_kind_name(enum segmap_kind kind)
{
	static const char *const names[SEGMAP_KIND_COUNT] = {
		[SEGMAP_KIND_FILE_PRIVATE] = "file-private",
		[SEGMAP_KIND_ANON_PRIVATE] = "anon-private",
		[SEGMAP_KIND_FILE_SHARED] = "file-shared",
		[SEGMAP_KIND_ANON_SHARED] = "anon-shared",
		[SEGMAP_KIND_KERNEL] = "kernel",
	};

	return names[kind];
}

char segmap_page_letter(enum segmap_page_state state)
{
	static const char letters[] = {
		[SEGMAP_PAGE_ABSENT] = '.',  [SEGMAP_PAGE_FILE] = 'f',
		[SEGMAP_PAGE_COPY] = 'C',    [SEGMAP_PAGE_ZERO] = '0',
		[SEGMAP_PAGE_ANON] = 'A',    [SEGMAP_PAGE_SHARED] = 's',
		[SEGMAP_PAGE_SWAPPED] = 'w', [SEGMAP_PAGE_KERNEL] = 'k',
		[SEGMAP_PAGE_UNKNOWN] = '?',
	};

	return letters[state];
}

const char *segmap_page_state_name(enum segmap_page_state state)
{
	static const char *const names[SEGMAP_PAGE_STATE_COUNT] = {
		[SEGMAP_PAGE_ABSENT] = "absent",   [SEGMAP_PAGE_FILE] = "file",
		[SEGMAP_PAGE_COPY] = "copy",       [SEGMAP_PAGE_ZERO] = "zero",
		[SEGMAP_PAGE_ANON] = "anon",       [SEGMAP_PAGE_SHARED] = "shared",
		[SEGMAP_PAGE_SWAPPED] = "swapped", [SEGMAP_PAGE_KERNEL] = "kernel",
		[SEGMAP_PAGE_UNKNOWN] = "unknown",
	};

	return names[state];
}
