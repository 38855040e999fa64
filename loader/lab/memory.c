/* Beside the table: anonymous pages and copies. */
#include "bench.h"
#include "groups.h"

#include <unistd.h>

static void write_after_read(struct lab *lab)
{
	bool zero = lab_has_zero_page(lab);
	int file = lab_file(lab, 1);
	char *page = lab_map(lab, 1, MAP_PRIVATE, file);
	char *anon = lab_map(lab, 1, MAP_PRIVATE, -1);

	lab_read(lab, "file: a read", page, 'a', 1);
	lab_write(lab, "file: a write after it", page, 'W', 1);
	lab_state(lab, "file: after both", page, SEGMAP_PAGE_COPY);
	lab_read(lab, "anonymous: a read", anon, '\0', 1);
	lab_write(lab, "anonymous: a write after it", anon, 'W', zero ? 1 : 0);
	lab_state(lab, "anonymous: after both", anon, SEGMAP_PAGE_ANON);
}

static void zero_page(struct lab *lab)
{
	enum { PAGES = 3 };
	bool zero = lab_has_zero_page(lab);
	char *mapping = lab_map(lab, PAGES, MAP_PRIVATE, -1);

	for (int i = 0; i < PAGES; i++) {
		char *page = mapping + (size_t)i * lab_page_size();

		lab_read(lab, "a read", page, '\0', 1);
		lab_state(lab, "after it", page, zero ? SEGMAP_PAGE_ZERO : SEGMAP_PAGE_ANON);
		if (i == 0)
			lab_keep_frame(lab, page);
		else
			lab_frame(lab, "beside the first page", page,
				  zero ? LAB_SAME_FRAME : LAB_OTHER_FRAME);
	}
}

static void dontneed_anon(struct lab *lab)
{
	char *page = lab_map(lab, 1, MAP_PRIVATE, -1);

	lab_write(lab, "a write", page, 'W', 1);
	madvise(page, lab_page_size(), MADV_DONTNEED);
	lab_state(lab, "after MADV_DONTNEED", page, SEGMAP_PAGE_ABSENT);
	lab_read(lab, "the next read", page, '\0', 1);
}

static void mremap_copy(struct lab *lab)
{
	int file = lab_file(lab, 1);
	char *page = lab_map(lab, 1, MAP_PRIVATE, file);
	char *place = lab_map(lab, 1, MAP_PRIVATE, -1);
	size_t size = lab_page_size();

	lab_write(lab, "a write", page, 'W', 1);
	lab_keep_frame(lab, page);
	char *moved = mremap(page, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, place);
	lab_number(lab, "bytes from where it was to be", LAB_KERNEL, moved - place, 0);
	lab_state(lab, "at the new address", place, SEGMAP_PAGE_COPY);
	lab_frame(lab, "the page there", place, LAB_SAME_FRAME);
	lab_read(lab, "a read there", place, 'W', 0);
	lab_write(lab, "a write there", place, 'X', 0);
	lab_mapped(lab, "the old address", getpid(), page, false);
}

static void fork_copies(struct lab *lab)
{
	int file = lab_file(lab, 1);
	char *page = lab_map(lab, 1, MAP_PRIVATE, file);

	lab_write(lab, "the parent's write", page, 'P', 1);
	lab_exclusive(lab, "before fork", page, true);
	lab_keep_frame(lab, page);
	if (lab_fork(lab)) {
		lab_state(lab, "in the child, at first", page, SEGMAP_PAGE_COPY);
		lab_exclusive(lab, "whose copy it is", page, false);
		lab_frame(lab, "the child's page", page, LAB_SAME_FRAME);
		lab_mappers(lab, "entries for this frame", page, 2);
		lab_write(lab, "the child's write", page, 'C', 1);
		lab_exclusive(lab, "whose copy it is now", page, true);
		lab_frame(lab, "the child's own copy", page, LAB_OTHER_FRAME);
		lab_exit(lab);
	}
	lab_wait(lab);
	lab_read(lab, "the parent's read", page, 'P', 0);
	lab_holds(lab, "the file", file, 0, 'a');
}

static void last_owner(struct lab *lab)
{
	char *page = lab_map(lab, 1, MAP_PRIVATE, -1);

	lab_write(lab, "the parent's write", page, 'P', 1);
	lab_keep_frame(lab, page);
	if (lab_fork(lab)) {
		lab_exclusive(lab, "while there is a child", page, false);
		lab_exit(lab); /* it has never written */
	}
	lab_wait(lab);
	lab_exclusive(lab, "after the child's end", page, true);
	lab_write(lab, "the parent's next write", page, 'Q', 1);
	lab_frame(lab, "the page written to", page, LAB_SAME_FRAME);
	lab_write(lab, "one write more", page, 'R', 0);
}

const struct lab_experiment lab_memory[] = {
	{"write-after-read", "", "private",
	 "A read and then a write are two faults, and two pages one after the other.",
	 write_after_read},
	{"zero-page", "", "private anonymous",
	 "Pages that were only read are all one frame: the zero page.", zero_page},
	{"dontneed-anon", "", "private anonymous",
	 "MADV_DONTNEED on anonymous memory gives zeros.", dontneed_anon},
	{"mremap-copy", "", "private file",
	 "mremap moves a copied page as it is: no fault, no other copy.", mremap_copy},
	{"fork-copies", "", "private file",
	 "Fork shares pages that were copied before, until one of the two writes.",
	 fork_copies},
	{"last-owner", "", "private anonymous",
	 "The last one to have a page writes to it without a copy, though by a fault.",
	 last_owner},
	{0},
};
