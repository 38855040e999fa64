/* The kernel's page table interfaces, which the headers of older kernels do not have. */
#ifndef OBSERVE_PAGEMAP_H
#define OBSERVE_PAGEMAP_H

#include <linux/ioctl.h>
#include <stdint.h>

/* Bits of an entry of /proc/PID/pagemap: Documentation/admin-guide/mm/pagemap.rst. */
#define PAGEMAP_FRAME     ((UINT64_C(1) << 55) - 1)
#define PAGEMAP_EXCLUSIVE (UINT64_C(1) << 56)
#define PAGEMAP_FILE      (UINT64_C(1) << 61)
#define PAGEMAP_SWAPPED   (UINT64_C(1) << 62)
#define PAGEMAP_PRESENT   (UINT64_C(1) << 63)

/* PAGEMAP_SCAN, since Linux 6.7. */
enum {
	SCAN_IS_FILE = 1 << 2,
	SCAN_IS_PRESENT = 1 << 3,
	SCAN_IS_SWAPPED = 1 << 4,
	SCAN_IS_ZERO = 1 << 5,
};

struct scan_range {
	uint64_t start, end, categories;
};

struct scan_arguments {
	uint64_t size, flags;
	uint64_t start, end;
	uint64_t walk_end; /* out: where it stopped */
	uint64_t vec, vec_len;
	uint64_t max_pages;
	uint64_t category_inverted, category_mask, category_anyof_mask;
	uint64_t return_mask;
};

#define SCAN_IOCTL _IOWR('f', 16, struct scan_arguments)

#endif
