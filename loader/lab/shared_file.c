/* Shared mappings of a file: input and output by memory, and memory of unrelated processes. */
#include "bench.h"
#include "groups.h"

#include <unistd.h>

static void shared_file_read(struct lab *lab)
{
	int file = lab_file(lab, 1);
	char *page = lab_map(lab, 1, MAP_SHARED, file);
	char *other = lab_map(lab, 1, MAP_PRIVATE, file);

	lab_state(lab, "after mmap", page, SEGMAP_PAGE_ABSENT);
	lab_read(lab, "a read", page, 'a', 1);
	lab_state(lab, "after the read", page, SEGMAP_PAGE_FILE);
	lab_read(lab, "a read of a private mapping", other, 'a', 1);
	lab_keep_frame(lab, page);
	lab_frame(lab, "the private mapping's page", other, LAB_SAME_FRAME);
}

static void shared_file_write(struct lab *lab)
{
	int file = lab_file(lab, 1);
	char *page = lab_map(lab, 1, MAP_SHARED, file);
	char *other = lab_map(lab, 1, MAP_SHARED, file);

	lab_read(lab, "a read of another mapping", other, 'a', 1);
	lab_keep_frame(lab, other);
	lab_write(lab, "the first write", page, 'W', 1);
	lab_state(lab, "after the write", page, SEGMAP_PAGE_FILE);
	lab_frame(lab, "the page written to", page, LAB_SAME_FRAME);
	lab_read(lab, "a read of the other mapping", other, 'W', 0);
	lab_holds(lab, "the file, by pread", file, 0, 'W');
}

static void shared_file_fork(struct lab *lab)
{
	int file = lab_file(lab, 1);
	char *page = lab_map(lab, 1, MAP_SHARED, file);

	lab_read(lab, "the parent's read", page, 'a', 1);
	lab_keep_frame(lab, page);
	if (lab_fork(lab)) { /* what can be had from the file again is not inherited */
		lab_state(lab, "in the child, at first", page, SEGMAP_PAGE_ABSENT);
		lab_write(lab, "the child's write", page, 'C', 1);
		lab_state(lab, "in the child, after it", page, SEGMAP_PAGE_FILE);
		lab_frame(lab, "the child's page", page, LAB_SAME_FRAME);
		lab_exit(lab);
	}
	lab_wait(lab);
	lab_read(lab, "the parent's next read", page, 'C', 0);
	lab_state(lab, "in the parent, after it", page, SEGMAP_PAGE_FILE);
}

static void shared_file_file(struct lab *lab)
{
	int file = lab_file(lab, 1);
	char *page = lab_map(lab, 1, MAP_SHARED, file);

	lab_write(lab, "a write to the mapping", page, 'W', 1);
	lab_holds(lab, "the file, by pread", file, 0, 'W');
	munmap(page, lab_page_size());
	lab_holds(lab, "the file, after munmap", file, 0, 'W');
	lab_holds(lab, "its next byte", file, 1, 'a');
}

static void shared_file_exec(struct lab *lab)
{
	int file = lab_file(lab, 1);
	char *page = lab_map_away(lab, MAP_SHARED, file);

	pid_t child = lab_exec(lab, page, 'C');
	lab_mapped(lab, "in the child, after exec", child, page, false);
	lab_kill(lab);
	lab_mapped(lab, "in the parent", getpid(), page, true);
	lab_read(lab, "the parent's read", page, 'C', 1);
	lab_holds(lab, "the file", file, 0, 'C');
}

const struct lab_experiment lab_shared_file[] = {
	{"shared-file-read", "shared file", "read",
	 "A read maps the page cache's own page, as in a private mapping.", shared_file_read},
	{"shared-file-write", "shared file", "first write",
	 "A write goes to that same page: every mapping and the file see it.",
	 shared_file_write},
	{"shared-file-fork", "shared file", "write after fork",
	 "A child's write goes to the same page, and the parent sees it.", shared_file_fork},
	{"shared-file-file", "shared file", "the file afterwards",
	 "The file holds what was written to the mapping.", shared_file_file},
	{"shared-file-exec", "shared file", "after exec",
	 "Exec drops the mapping; what was written stays in the file.", shared_file_exec},
	{0},
};
