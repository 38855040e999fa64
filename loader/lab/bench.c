/* What experiments are made of: files, mappings, processes that take turns. */
#include "inside.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <segmap/plan.h>
#include <segmap/tracee.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

size_t lab_page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

/* ---- files and mappings ---- */

/* Without a name, so that nothing is left behind however the experiment ends. */
static int open_nameless(struct lab *lab)
{
	const char *folder = getenv("TMPDIR");
	char path[PATH_MAX], what[LAB_REASON];

	snprintf(path, sizeof(path), "%s/segmap-lab-XXXXXX",
		 folder && *folder ? folder : "/tmp");
	int fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0) {
		int error = errno;

		snprintf(what, sizeof(what), "a file in TMPDIR, %.64s",
			 folder && *folder ? folder : "/tmp");
		lab_give_up(lab, what, error);
	}
	unlink(path);
	return fd;
}

static void write_all(struct lab *lab, int fd, const char *bytes, size_t size)
{
	while (size) {
		ssize_t n = write(fd, bytes, size);

		if (n < 0)
			lab_give_up(lab, "write to a file in TMPDIR", errno);
		bytes += n;
		size -= (size_t)n;
	}
}

/* Page by page: one write of many may put them into one large folio of the page cache, and of
 * such a one fault-around sometimes maps a single page. */
int lab_file(struct lab *lab, size_t pages)
{
	int fd = open_nameless(lab);
	size_t size = lab_page_size();
	char *page = malloc(size);

	if (!page)
		lab_give_up(lab, "memory", ENOMEM);
	memset(page, 'a', size);
	while (pages--)
		write_all(lab, fd, page, size);
	free(page);
	return fd;
}

static char *map_at(struct lab *lab, void *addr, size_t pages, int flags, int file)
{
	size_t length = pages * lab_page_size();

	if (file < 0)
		flags |= MAP_ANONYMOUS;
	char *mapping = mmap(addr, length, PROT_READ | PROT_WRITE, flags, file, 0);
	if (mapping == MAP_FAILED)
		lab_give_up(lab, "mmap", errno);
	madvise(mapping, length, MADV_NOHUGEPAGE);
	return mapping;
}

char *lab_map(struct lab *lab, size_t pages, int flags, int file)
{
	return map_at(lab, NULL, pages, flags, file);
}

/* A quarter of the way up the address space: programs, heaps and what mmap chooses are near
 * its two ends or at two thirds. */
char *lab_map_away(struct lab *lab, int flags, int file)
{
	struct segmap_rules rules;

	segmap_rules_native(&rules, lab_page_size());
	uintptr_t addr = rules.task_size / 4;
	addr -= addr % lab_page_size();
	return map_at(lab, (void *)addr, 1, flags | MAP_FIXED_NOREPLACE, file);
}

/* ---- processes ---- */

bool lab_fork(struct lab *lab)
{
	pid_t parent = getpid();
	pid_t child = lab_need(lab, "fork", fork());

	if (child)
		return false;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_FAILURE);
	return true;
}

void lab_exit(struct lab *lab)
{
	_exit(*lab->common->result.missing ? EXIT_FAILURE : EXIT_SUCCESS);
}

void lab_wait(struct lab *lab)
{
	int status;

	while (wait(&status) > 0) {
		if (*lab->common->result.missing)
			_exit(EXIT_FAILURE);
		if (WIFSIGNALED(status))
			lab_add(lab, LAB_KERNEL, "the child's end", "exit",
				sigabbrev_np(WTERMSIG(status)), NULL);
	}
}

void lab_signal(struct lab *lab, int turn)
{
	sem_post(&lab->common->turns[turn]);
}

void lab_await(struct lab *lab, int turn)
{
	while (sem_wait(&lab->common->turns[turn]) < 0 && errno == EINTR)
		;
	if (*lab->common->result.missing)
		_exit(EXIT_FAILURE);
}

struct before_exec {
	struct lab *lab;
	char *page;
	char byte;
};

static void write_before_exec(void *data)
{
	const struct before_exec *before = data;

	*before->page = before->byte;
	lab_mapped(before->lab, "in the child, before exec", getpid(), before->page, true);
}

pid_t lab_exec(struct lab *lab, char *page, char byte)
{
	char *argv[] = {(char[]){"segmap"}, NULL};
	struct before_exec before = {lab, page, byte};
	const struct segmap_tracee_setup setup = {
		.path = "/proc/self/exe",
		.argv = argv,
		.user = (uid_t)-1,
		.standard = {-1, -1, -1},
		.prepare = write_before_exec,
		.data = &before,
	};
	int r = segmap_tracee_start(&lab->tracee, &setup);

	if (r < 0 || lab->tracee.ended)
		lab_give_up(lab, "a child stopped by ptrace",
			    r < 0 ? -r : lab->tracee.exec_errno);
	return lab->tracee.pid;
}

void lab_kill(struct lab *lab)
{
	segmap_tracee_destroy(&lab->tracee);
}
