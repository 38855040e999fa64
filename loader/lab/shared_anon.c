/* Shared anonymous memory: of a process and its children. */
#include "bench.h"
#include "groups.h"

#include <unistd.h>

static void shared_anon_read(struct lab *lab)
{
	char *page = lab_map(lab, 1, MAP_SHARED, -1);

	lab_state(lab, "after mmap", page, SEGMAP_PAGE_ABSENT);
	lab_read(lab, "a read", page, '\0', 1);
	lab_state(lab, "after the read", page, SEGMAP_PAGE_SHARED);
	lab_read(lab, "a second read", page, '\0', 0);
}

static void shared_anon_write(struct lab *lab)
{
	char *page = lab_map(lab, 1, MAP_SHARED, -1);

	lab_read(lab, "a read", page, '\0', 1);
	lab_keep_frame(lab, page);
	*page = 'W';
	lab_read(lab, "what was written", page, 'W', 0);
	lab_state(lab, "after the write", page, SEGMAP_PAGE_SHARED);
	lab_frame(lab, "the page written to", page, LAB_SAME_FRAME);
}

static void shared_anon_fork(struct lab *lab)
{
	char *page = lab_map(lab, 1, MAP_SHARED, -1);

	lab_write(lab, "the parent's write", page, 'P', 1);
	lab_keep_frame(lab, page);
	if (lab_fork(lab)) {
		lab_state(lab, "in the child, at first", page, SEGMAP_PAGE_ABSENT);
		lab_read(lab, "the child's read", page, 'P', 1);
		*page = 'C';
		lab_frame(lab, "the child's page", page, LAB_SAME_FRAME);
		lab_signal(lab, 0);
		lab_await(lab, 1);
		lab_exit(lab);
	}
	lab_await(lab, 0); /* the child has written, and goes on */
	lab_read(lab, "the parent's next read", page, 'C', 0);
	lab_mappers(lab, "entries for this frame", page, 2);
	lab_signal(lab, 1);
	lab_wait(lab);
}

static void shared_anon_file(struct lab *lab)
{
	char *page = lab_map(lab, 1, MAP_SHARED, -1);

	lab_write(lab, "a write", page, 'W', 1);
	lab_named(lab, "the file behind it", page, "/dev/zero (deleted)");
	madvise(page, lab_page_size(), MADV_DONTNEED); /* the object has the byte */
	lab_state(lab, "after it was given up", page, SEGMAP_PAGE_ABSENT);
	lab_read(lab, "the next read", page, 'W', 1);
}

static void shared_anon_exec(struct lab *lab)
{
	char *page = lab_map_away(lab, MAP_SHARED, -1);

	lab_write(lab, "the parent's write", page, 'P', 1);
	pid_t child = lab_exec(lab, page, 'C');
	lab_mapped(lab, "in the child, after exec", child, page, false);
	lab_kill(lab);
	lab_mapped(lab, "in the parent", getpid(), page, true);
	lab_read(lab, "the parent's read", page, 'C', 0);
}

const struct lab_experiment lab_shared_anon[] = {
	{"shared-anon-read", "shared anonymous", "read",
	 "A read gets a page of the shared object, filled with zeros; not the zero page.",
	 shared_anon_read},
	{"shared-anon-write", "shared anonymous", "first write",
	 "A write goes to that same page.", shared_anon_write},
	{"shared-anon-fork", "shared anonymous", "write after fork",
	 "A child's write goes to the same page, and the parent sees it at once.",
	 shared_anon_fork},
	{"shared-anon-file", "shared anonymous", "the file afterwards",
	 "Behind it is a file in memory that has no name; it keeps what was written.",
	 shared_anon_file},
	{"shared-anon-exec", "shared anonymous", "after exec",
	 "Exec drops the mapping; the parent still has what the child wrote.",
	 shared_anon_exec},
	{0},
};
