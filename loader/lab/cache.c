/* Beside the table: private mappings and the page cache. */
#include "bench.h"
#include "groups.h"

#include <errno.h>
#include <segmap/faults.h>
#include <unistd.h>

static void two_processes(struct lab *lab)
{
	int file = lab_file(lab, 1);

	if (lab_fork(lab)) { /* the first process, with a mapping of its own */
		char *page = lab_map(lab, 1, MAP_PRIVATE, file);

		lab_read(lab, "the first process reads", page, 'a', 1);
		lab_keep_frame(lab, page);
		lab_signal(lab, 0);
		lab_await(lab, 1); /* the second one has read, and written */
		lab_read(lab, "the first one reads again", page, 'a', 0);
		lab_exclusive(lab, "whose page it is", page, true);
		lab_exit(lab);
	}
	if (lab_fork(lab)) { /* the second process */
		char *page = lab_map(lab, 1, MAP_PRIVATE, file);

		lab_await(lab, 0);
		lab_read(lab, "the second process reads", page, 'a', 1);
		lab_exclusive(lab, "whose page it is", page, false);
		lab_frame(lab, "the second one's page", page, LAB_SAME_FRAME);
		lab_mappers(lab, "entries for this frame", page, 2);
		lab_write(lab, "the second one writes", page, 'W', 1);
		lab_state(lab, "the second one's page", page, SEGMAP_PAGE_COPY);
		lab_frame(lab, "after its write", page, LAB_OTHER_FRAME);
		lab_signal(lab, 1);
		lab_exit(lab);
	}
	lab_wait(lab);
}

static void file_change(struct lab *lab)
{
	int file = lab_file(lab, 1);
	char *page = lab_map(lab, 1, MAP_PRIVATE, file);

	lab_read(lab, "a read", page, 'a', 1);
	lab_number(lab, "bytes that pwrite writes", LAB_KERNEL, pwrite(file, "F", 1, 0), 1);
	lab_read(lab, "after pwrite, before the copy", page, 'F', 0);
	lab_write(lab, "a write: the copy", page + 1, 'W', 1);
	lab_number(lab, "bytes that pwrite writes", LAB_KERNEL, pwrite(file, "G", 1, 0), 1);
	lab_read(lab, "after pwrite, after the copy", page, 'F', 0);
	lab_holds(lab, "the file", file, 0, 'G');
}

static void msync_shared(struct lab *lab)
{
	int file = lab_file(lab, 1);
	char *page = lab_map(lab, 1, MAP_SHARED, file);

	lab_write(lab, "a write to the mapping", page, 'W', 1);
	lab_holds(lab, "pread before msync", file, 0, 'W'); /* both use the page cache */
	errno = 0;
	msync(page, lab_page_size(), MS_SYNC);
	lab_errno(lab, "msync", errno, 0);
	lab_dirty(lab, "not on the disk after msync", file, 0);
	lab_holds(lab, "pread after msync", file, 0, 'W');
}

static void dontneed_copy(struct lab *lab)
{
	int file = lab_file(lab, 1);
	char *page = lab_map(lab, 1, MAP_PRIVATE, file);

	lab_write(lab, "a write", page, 'W', 1);
	lab_state(lab, "after the write", page, SEGMAP_PAGE_COPY);
	madvise(page, lab_page_size(), MADV_DONTNEED);
	lab_state(lab, "after MADV_DONTNEED", page, SEGMAP_PAGE_ABSENT);
	lab_read(lab, "the next read", page, 'a', 1);
	lab_state(lab, "after the read", page, SEGMAP_PAGE_FILE);
}

static void fault_around(struct lab *lab)
{
	enum { PAGES = 64, TOUCHED = 20 };
	uint64_t window = SEGMAP_FAULT_AROUND / lab_page_size();
	int file = lab_file(lab, PAGES);
	char *mapping = lab_map(lab, PAGES, MAP_PRIVATE, file);

	lab_present(lab, "pages after mmap", mapping, PAGES, 0, 0);
	lab_read(lab, "a read of one page", mapping + TOUCHED * lab_page_size(), 'a', 1);
	lab_present(lab, "pages after the read", mapping, PAGES, window > 1 ? 2 : 1,
		    window > 1 ? window : 1);
}

static void fault_around_write(struct lab *lab)
{
	enum { PAGES = 64, TOUCHED = 20 };
	int file = lab_file(lab, PAGES);
	char *mapping = lab_map(lab, PAGES, MAP_PRIVATE, file);

	lab_write(lab, "a write to one page", mapping + TOUCHED * lab_page_size(), 'W', 1);
	lab_present(lab, "pages after the write", mapping, PAGES, 1, 1);
}

static void mprotect_file(struct lab *lab)
{
	int file = lab_file(lab, 1);
	char *page = lab_map(lab, 1, MAP_PRIVATE, file);

	mprotect(page, lab_page_size(), PROT_READ);
	lab_read(lab, "a read", page, 'a', 1);
	mprotect(page, lab_page_size(), PROT_READ | PROT_WRITE);
	lab_state(lab, "made writable by mprotect", page, SEGMAP_PAGE_FILE);
	lab_read(lab, "a read after that", page, 'a', 0);
	lab_write(lab, "a write", page, 'W', 1);
	lab_state(lab, "after the write", page, SEGMAP_PAGE_COPY);
}

static void beyond_end(struct lab *lab)
{
	int file = lab_file(lab, 1);
	char *mapping = lab_map(lab, 2, MAP_PRIVATE, file);
	char *beyond = mapping + lab_page_size();

	lab_need(lab, "ftruncate",
		 ftruncate(file, 1)); /* the rest of its last page reads as zeros */
	lab_read(lab, "the file's byte", mapping, 'a', 1);
	lab_read(lab, "the byte after it", mapping + 1, '\0', 0);
	lab_read_dies(lab, "a read of the page after it", beyond, SIGBUS);
	lab_write_dies(lab, "a write to that page", beyond, SIGBUS);
}

static void read_only(struct lab *lab)
{
	int file = lab_file(lab, 1);
	char *page = lab_map(lab, 1, MAP_PRIVATE, file);

	mprotect(page, lab_page_size(), PROT_READ);
	lab_read(lab, "a read", page, 'a', 1);
	lab_write_dies(lab, "a write", page, SIGSEGV);
	lab_state(lab, "after all that", page, SEGMAP_PAGE_FILE);
	lab_holds(lab, "the file", file, 0, 'a');
}

const struct lab_experiment lab_cache[] = {
	{"two-processes", "", "private file",
	 "Two processes with private mappings have one page, until one of them writes.",
	 two_processes},
	{"file-change", "", "private file",
	 "A page that was not copied yet shows later changes of the file; a copy does not.",
	 file_change},
	{"msync-shared", "", "shared file",
	 "Others see a write before msync; msync only makes it last.", msync_shared},
	{"dontneed-copy", "", "private file",
	 "MADV_DONTNEED on a copied page brings the file's bytes back.", dontneed_copy},
	{"fault-around", "", "private file",
	 "A read brings its neighbours along: up to 64 KiB of cached pages by one fault.",
	 fault_around},
	{"fault-around-write", "", "private file", "A first write brings no neighbours along.",
	 fault_around_write},
	{"mprotect-file", "", "private file",
	 "To make a page writable does not copy it; to write to it does.", mprotect_file},
	{"beyond-end", "", "private file",
	 "A page that lies wholly beyond the end of the file gives SIGBUS.", beyond_end},
	{"read-only", "", "private file",
	 "A write to a mapping that is only for reading gives SIGSEGV, and copies nothing.",
	 read_only},
	{0},
};
