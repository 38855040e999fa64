/*
 * Several processes that run the same program, side by side: which of their pages are one
 * frame, and which have parted. A computation only; nothing is read or changed.
 */
#ifndef SEGMAP_SHARING_H
#define SEGMAP_SHARING_H

#include <segmap/pages.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* What has become of one page of a mapping in all of the copies. */
enum segmap_sharing {
	SEGMAP_SHARING_ABSENT,  /* in no copy's page table */
	SEGMAP_SHARING_ONE,     /* one frame, in all copies */
	SEGMAP_SHARING_SOME,    /* one frame, in some copies; absent in the others */
	SEGMAP_SHARING_PARTED,  /* more than one frame */
	SEGMAP_SHARING_UNKNOWN, /* there, but whether it is one frame cannot be told */
	SEGMAP_SHARING_COUNT,
};

/* One of the processes. All is borrowed. */
struct segmap_copy {
	const struct segmap_regions *regions;
	const struct segmap_pages *pages;
	uint64_t pss;  /* bytes, as its smaps_rollup has it */
	int pss_error; /* positive errno if that is not known */
};

/* A page that is there in one copy at least. */
struct segmap_shared_page {
	uint64_t addr; /* in the mapping as SEGMAP_SHARED_REGION has it */
	size_t copies; /* that have it */
	size_t frames; /* that it has in them; 0 if unknown */
	enum segmap_sharing sharing;
	enum segmap_page_state state; /* in the first copy that has it */
};

/* A mapping that the copies have in common. */
struct segmap_shared_region {
	const struct segmap_region *region; /* of the first copy that has it */
	size_t copies;                      /* that have it */
	uint64_t start; /* where it would begin if the first copy's were as large as the
			   largest */
	uint64_t pages; /* of the largest */
	uint64_t counts[SEGMAP_SHARING_COUNT]; /* of its pages: adds up to PAGES */
	size_t first, count;                   /* in the account's pages */
};

/* Page frames and page table entries; the zero page and the kernel's own pages ([vdso]) are
 * memory that no process is charged for, and are not among them. */
struct segmap_sharing_memory {
	uint64_t mapped;  /* pages in memory if each copy had all of its own */
	uint64_t frames;  /* frames in fact; each unknown page counts as one */
	uint64_t unknown; /* pages whose frame cannot be told from another's */
	uint64_t pss;     /* bytes, of all copies */
	int pss_error;    /* positive errno if it is not known of one of them */
};

/* What the counts of page table entries say (/proc/kpagecount). */
struct segmap_sharing_counts {
	uint64_t checked; /* pages that are one frame in all copies, and have a count */
	uint64_t
		fewer; /* of these: with fewer entries than there are copies, a contradiction */
	uint64_t elsewhere; /* of these: with more: others map it too */
	uint64_t pss;       /* bytes that PSS ought to be by these counts */
	bool pss_known;     /* every page has a count */
};

struct segmap_sharing_account {
	size_t copies;
	uint64_t page_size;                   /* bytes */
	struct segmap_shared_region *regions; /* owned; by address in the first copy */
	size_t region_count;
	struct segmap_shared_page *pages; /* owned; by region, then by address */
	size_t page_count;
	uint64_t counts[SEGMAP_SHARING_COUNT]; /* of all regions */
	struct segmap_sharing_memory memory;
	struct segmap_sharing_counts mapcounts;
	int error;        /* positive errno if the pages of one copy could not be read */
	int frames_error; /* positive errno if frames are not told; the states decide then */
	int counts_error; /* positive errno if the counts are not told */
};

/*
 * Lays COUNT copies side by side. Mappings belong together if they have the same address, file,
 * offset and protection, or else, where addresses are random, the same but the address, in
 * their order. Pages are one if their frames are. Where frames are not told: a page of the page
 * cache is one wherever the same place of the same file is mapped; so is the zero page; a page
 * that is exclusive is its copy's own; and of any other nothing is known.
 *
 * On success *ACCOUNT is the caller's, to be given to segmap_sharing_free, and has pointers
 * into COPIES' regions. Returns 0 or -ENOMEM.
 */
int segmap_sharing_compute(struct segmap_sharing_account *account,
			   const struct segmap_copy *copies, size_t count);
void segmap_sharing_free(struct segmap_sharing_account *account);

/* "absent", "one", "some", "parted", "unknown". */
const char *segmap_sharing_name(enum segmap_sharing sharing);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
