/*
 * The pages of a process as its page tables have them: /proc/PID/pagemap, and where it is
 * permitted /proc/kpagecount. Looking changes nothing: no page is touched, and what is absent
 * costs nothing, however large its mapping.
 */
#ifndef SEGMAP_PAGES_H
#define SEGMAP_PAGES_H

#include <segmap/process.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* What a page table entry says of one page. */
enum segmap_page_state {
	SEGMAP_PAGE_ABSENT,  /* not in the page table: the next access is a fault */
	SEGMAP_PAGE_FILE,    /* the page cache's own page of a file */
	SEGMAP_PAGE_COPY,    /* a private copy of a file's page: in a private file mapping, and
				anonymous */
	SEGMAP_PAGE_ZERO,    /* the shared zero page */
	SEGMAP_PAGE_ANON,    /* a page of its own in private anonymous memory */
	SEGMAP_PAGE_SHARED,  /* a page of shared anonymous memory */
	SEGMAP_PAGE_SWAPPED, /* swapped out, or being migrated */
	SEGMAP_PAGE_KERNEL,  /* the kernel's own, as in [vdso] and [vvar] */
	SEGMAP_PAGE_UNKNOWN, /* present; whether it is the zero page cannot be told here */
	SEGMAP_PAGE_STATE_COUNT,
};

/* The kinds of mapping, and the kernel's own mappings, which are none of the four. */
enum segmap_kind {
	SEGMAP_KIND_FILE_PRIVATE,
	SEGMAP_KIND_ANON_PRIVATE,
	SEGMAP_KIND_FILE_SHARED,
	SEGMAP_KIND_ANON_SHARED,
	SEGMAP_KIND_KERNEL, /* [vdso], [vvar], [vsyscall] */
	SEGMAP_KIND_COUNT,
};

struct segmap_page {
	uint64_t addr;
	uint64_t frame;    /* number of the page frame; 0 if unknown */
	uint64_t mapcount; /* page table entries that have this frame; 0 if unknown */
	enum segmap_page_state state;
	bool exclusive; /* mapped by this page table entry alone, as pagemap has it */
};

struct segmap_pages {
	struct segmap_page *items; /* owned; those that are not absent, by address */
	size_t count;
	uint64_t page_size; /* bytes */
	int error;          /* positive errno if pagemap could not be read: nothing is known */
	int frames_error;   /* positive errno if the frames are not told: EPERM for a user */
	int counts_error;   /* positive errno if /proc/kpagecount could not be read */
};

/*
 * Reads the state of every page in REGIONS, the mappings of the stopped process PID. What could
 * not be read is in PAGES->error and the like. On success *PAGES is the caller's, to be given
 * to segmap_pages_free. Returns 0 or -ENOMEM.
 * Source of the rules: Documentation/admin-guide/mm/pagemap.rst of the kernel.
 */
int segmap_pages_read(struct segmap_pages *pages, pid_t pid,
		      const struct segmap_regions *regions);
void segmap_pages_free(struct segmap_pages *pages);

/* The page that ADDR is in, or NULL if it is absent. */
const struct segmap_page *segmap_pages_find(const struct segmap_pages *pages, uint64_t addr);

/* Its state; absent also if it is in no mapping. */
enum segmap_page_state segmap_pages_state(const struct segmap_pages *pages, uint64_t addr);

/* Where in PAGES the first page at or above ADDR is; PAGES->count if there is none. */
size_t segmap_pages_from(const struct segmap_pages *pages, uint64_t addr);

/*
 * The proportional set size of PID in *PSS, in bytes: what smaps_rollup says, where each page
 * counts by the part that is this process's. The kernel rounds it down to KiB. Errors: negative
 * errno of reading that file.
 */
int segmap_pss_read(pid_t pid, uint64_t *pss);

/* Of a mapping: which of the four kinds it is. */
enum segmap_kind segmap_region_kind(const struct segmap_region *region);

/* "file-private", "anon-private", "file-shared", "anon-shared", "kernel". */
const char *segmap_kind_name(enum segmap_kind kind);

/* '.', 'f', 'C', '0', 'A', 's', 'w', 'k', '?'. */
char segmap_page_letter(enum segmap_page_state state);

/* "absent", "file", "copy", "zero", "anon", "shared", "swapped", "kernel", "unknown". */
const char *segmap_page_state_name(enum segmap_page_state state);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
