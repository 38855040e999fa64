/* A program whose data segment is mapped otherwise than a loader would. */
#include "inside.h"
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <segmap/exec.h>
#include <segmap/map.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* The descriptor is for reading: a file that is open for writing is not executed. */
int lab_program(struct lab *lab)
{
	char path[32];
	int file = lab_file(lab, 0);

	if (write(file, lab_program_bytes, lab_program_size) != (ssize_t)lab_program_size)
		lab_give_up(lab, "write to a file in TMPDIR", errno);
	lab_need(lab, "fchmod", fchmod(file, 0700));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	int program = lab_need(lab, "open the file again", open(path, O_RDONLY | O_CLOEXEC));
	close(file);
	return program;
}

struct share {
	int program; /* descriptor, for reading */
	int flags;
};

/* What a loader must not do: the writable segment becomes a mapping of the file that writes
 * reach. A mapping with MAP_PRIVATE is made again as it is. */
static int map_data_again(void *data, const struct segmap_map *map)
{
	const struct share *share = data;
	char path[32];
	int r = 0;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", share->program);
	int file = open(path, O_RDWR | O_CLOEXEC);
	if (file < 0)
		return -errno;
	for (size_t i = 0; r == 0 && i < map->count; i++) {
		const struct segmap_mapping *m = &map->pieces[i].final;

		if (m->kind == SEGMAP_FILE_PRIVATE && (m->prot & PROT_WRITE) &&
		    mmap((void *)(uintptr_t)map->pieces[i].where, m->length, m->prot,
			 share->flags | MAP_FIXED, file, (off_t)m->offset) == MAP_FAILED)
			r = -errno;
	}
	close(file);
	return r;
}

__attribute__((noreturn)) static void become(struct lab *lab, struct share *share, int out)
{
	char *argv[] = {(char[]){"show-counter"}, NULL}, *envp[] = {NULL};
	const struct segmap_options options = {.mapped = map_data_again, .mapped_data = share};
	struct segmap_error err;

	dup2(out, STDOUT_FILENO);
	int r = segmap_fexecve(share->program, argv[0], argv, envp, &options, &err);
	lab_give_up(lab, "a program in TMPDIR cannot be loaded", -r);
}

int lab_load(struct lab *lab, int program, int flags)
{
	struct share share = {.program = program, .flags = flags};
	int ends[2], status = 0;
	char text[32];
	size_t size = 0;
	ssize_t n;

	lab_need(lab, "pipe", pipe2(ends, O_CLOEXEC));
	pid_t child = lab_need(lab, "fork", fork());
	if (child == 0)
		become(lab, &share, ends[1]);
	close(ends[1]);
	while (size < sizeof(text) - 1 &&
	       (n = read(ends[0], text + size, sizeof(text) - 1 - size)) > 0)
		size += (size_t)n;
	text[size] = '\0';
	close(ends[0]);
	lab_need(lab, "waitpid", waitpid(child, &status, 0));
	if (*lab->common->result.missing)
		_exit(EXIT_FAILURE);
	if (status || size == 0)
		lab_give_up(lab, "the program did not run to its end", 0);
	return (int)strtol(text, NULL, 10);
}
