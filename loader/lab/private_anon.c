/* Private anonymous memory: bss, heap and stack of programs. */
#include "bench.h"
#include "groups.h"

#include <unistd.h>

static void private_anon_read(struct lab *lab)
{
	bool zero = lab_has_zero_page(lab);
	char *page = lab_map(lab, 1, MAP_PRIVATE, -1);

	lab_state(lab, "after mmap", page, SEGMAP_PAGE_ABSENT);
	lab_read(lab, "a read", page, '\0', 1);
	lab_state(lab, "after the read", page, zero ? SEGMAP_PAGE_ZERO : SEGMAP_PAGE_ANON);
	lab_read(lab, "a second read", page, '\0', 0);
}

static void private_anon_write(struct lab *lab)
{
	char *page = lab_map(lab, 2, MAP_PRIVATE, -1);

	lab_state(lab, "after mmap", page, SEGMAP_PAGE_ABSENT);
	lab_write(lab, "the first write", page, 'W', 1);
	lab_state(lab, "after the write", page, SEGMAP_PAGE_ANON);
	lab_exclusive(lab, "whose page it is", page, true);
	lab_mappers(lab, "entries for this frame", page, 1);
	lab_write(lab, "the second write", page, 'X', 0);
	lab_read(lab, "the rest of the page", page + 1, '\0', 0);
	lab_state(lab, "the next page", page + lab_page_size(), SEGMAP_PAGE_ABSENT);
}

static void private_anon_fork(struct lab *lab)
{
	char *page = lab_map(lab, 1, MAP_PRIVATE, -1);

	lab_write(lab, "the parent's write", page, 'P', 1);
	lab_keep_frame(lab, page);
	if (lab_fork(lab)) {
		lab_read(lab, "the child's read", page, 'P', 0);
		lab_frame(lab, "the child's page", page, LAB_SAME_FRAME);
		lab_write(lab, "the child's write", page, 'C', 1);
		lab_frame(lab, "the child's copy", page, LAB_OTHER_FRAME);
		lab_exit(lab);
	}
	lab_wait(lab);
	lab_read(lab, "the parent's next read", page, 'P', 0);
	lab_frame(lab, "the parent's page", page, LAB_SAME_FRAME);
}

static void private_anon_file(struct lab *lab)
{
	char *page = lab_map(lab, 1, MAP_PRIVATE, -1);

	lab_write(lab, "a write", page, 'W', 1);
	lab_named(lab, "the file behind it", page, "");
	madvise(page, lab_page_size(), MADV_DONTNEED); /* nobody else has the byte */
	lab_read(lab, "a read after it was given up", page, '\0', 1);
}

static void private_anon_exec(struct lab *lab)
{
	char *page = lab_map_away(lab, MAP_PRIVATE, -1);

	lab_write(lab, "the parent's write", page, 'P', 1);
	pid_t child = lab_exec(lab, page, 'C');
	lab_mapped(lab, "in the child, after exec", child, page, false);
	lab_kill(lab);
	lab_mapped(lab, "in the parent", getpid(), page, true);
	lab_read(lab, "the parent's read", page, 'P', 0);
}

const struct lab_experiment lab_private_anon[] = {
	{"private-anon-read", "private anonymous", "read",
	 "A read maps the zero page, which all have in common.", private_anon_read},
	{"private-anon-write", "private anonymous", "first write",
	 "The first write gets a page of its own, filled with zeros.", private_anon_write},
	{"private-anon-fork", "private anonymous", "write after fork",
	 "After fork both have one page, until the child's write makes it a copy.",
	 private_anon_fork},
	{"private-anon-file", "private anonymous", "the file afterwards",
	 "There is no file: what is given up is nowhere else.", private_anon_file},
	{"private-anon-exec", "private anonymous", "after exec",
	 "Exec drops the memory of the process that calls it, and of no other.",
	 private_anon_exec},
	{0},
};
