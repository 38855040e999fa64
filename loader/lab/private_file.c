/* Private mappings of a file: the text and data of programs. */
#include "bench.h"
#include "groups.h"

#include <unistd.h>

static void private_file_read(struct lab *lab)
{
	int file = lab_file(lab, 1);
	char *page = lab_map(lab, 1, MAP_PRIVATE, file);
	char *other = lab_map(lab, 1, MAP_PRIVATE, file);

	lab_state(lab, "after mmap", page, SEGMAP_PAGE_ABSENT);
	lab_read(lab, "a read", page, 'a', 1);
	lab_state(lab, "after the read", page, SEGMAP_PAGE_FILE);
	lab_read(lab, "a second read", page, 'a', 0);
	lab_read(lab, "a read of another mapping", other, 'a', 1);
	lab_keep_frame(lab, page);
	lab_frame(lab, "the other mapping's page", other, LAB_SAME_FRAME);
	lab_mappers(lab, "entries for this frame", page, 2);
}

static void private_file_write(struct lab *lab)
{
	int file = lab_file(lab, 1);
	char *page = lab_map(lab, 1, MAP_PRIVATE, file);
	char *other = lab_map(lab, 1, MAP_PRIVATE, file);

	lab_read(lab, "a read of another mapping", other, 'a', 1);
	lab_keep_frame(lab, other);
	lab_write(lab, "the first write", page, 'W', 1);
	lab_state(lab, "after the write", page, SEGMAP_PAGE_COPY);
	lab_frame(lab, "the copy", page, LAB_OTHER_FRAME);
	lab_read(lab, "what was written", page, 'W', 0);
	lab_write(lab, "the second write", page, 'X', 0);
	lab_state(lab, "the other mapping", other, SEGMAP_PAGE_FILE);
	lab_read(lab, "a read of the other mapping", other, 'a', 0);
}

static void private_file_fork(struct lab *lab)
{
	int file = lab_file(lab, 1);
	char *page = lab_map(lab, 1, MAP_PRIVATE, file);

	lab_read(lab, "the parent's read", page, 'a', 1);
	lab_keep_frame(lab, page);
	if (lab_fork(lab)) { /* what can be had from the file again is not inherited */
		lab_state(lab, "in the child, at first", page, SEGMAP_PAGE_ABSENT);
		lab_write(lab, "the child's write", page, 'C', 1);
		lab_state(lab, "in the child, after it", page, SEGMAP_PAGE_COPY);
		lab_frame(lab, "the child's copy", page, LAB_OTHER_FRAME);
		lab_exit(lab);
	}
	lab_wait(lab);
	lab_read(lab, "the parent's next read", page, 'a', 0);
	lab_state(lab, "in the parent, after it", page, SEGMAP_PAGE_FILE);
}

static void private_file_file(struct lab *lab)
{
	int file = lab_file(lab, 1);
	char *page = lab_map(lab, 1, MAP_PRIVATE, file);

	lab_write(lab, "a write to the mapping", page, 'W', 1);
	lab_holds(lab, "the file, by pread", file, 0, 'a');
	msync(page, lab_page_size(), MS_SYNC);
	lab_holds(lab, "the file, after msync", file, 0, 'a');
	munmap(page, lab_page_size());
	lab_holds(lab, "the file, after munmap", file, 0, 'a');
}

static void private_file_exec(struct lab *lab)
{
	int file = lab_file(lab, 1);
	char *page = lab_map_away(lab, MAP_PRIVATE, file);

	pid_t child = lab_exec(lab, page, 'C');
	lab_mapped(lab, "in the child, after exec", child, page, false);
	lab_kill(lab);
	lab_mapped(lab, "in the parent", getpid(), page, true);
	lab_read(lab, "the parent's read", page, 'a', 1);
	lab_holds(lab, "the file", file, 0, 'a');
}

const struct lab_experiment lab_private_file[] = {
	{"private-file-read", "private file", "read",
	 "A read maps the page cache's own page, the same one for all who map the file.",
	 private_file_read},
	{"private-file-write", "private file", "first write",
	 "The first write makes a private copy; other mappings see nothing of it.",
	 private_file_write},
	{"private-file-fork", "private file", "write after fork",
	 "A child's write makes a copy for the child; the parent keeps the old bytes.",
	 private_file_fork},
	{"private-file-file", "private file", "the file afterwards",
	 "What is written to a private mapping never reaches the file.", private_file_file},
	{"private-file-exec", "private file", "after exec",
	 "Exec drops the mapping, and with it the copy.", private_file_exec},
	{0},
};
