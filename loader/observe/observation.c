/* One process from its beginning to its end. */
#include "read.h"

#include <segmap/compare.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

static int open_streams(int streams[3])
{
	streams[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	streams[1] = memfd_create("standard output", MFD_CLOEXEC);
	streams[2] = memfd_create("standard error", MFD_CLOEXEC);
	return streams[0] < 0 || streams[1] < 0 || streams[2] < 0 ? -errno : 0;
}

static void close_streams(const int streams[3])
{
	for (int i = 0; i < 3; i++)
		if (streams[i] >= 0)
			close(streams[i]);
}

static int look_at_beginning(struct segmap_observation *o, struct segmap_tracee *tracee,
			     const struct segmap_image *program)
{
	bool reached = !tracee->ended;
	int r = 0;

	o->started = !tracee->ended;
	o->exec_errno = tracee->exec_errno;
	if (o->started && program)
		r = segmap_tracee_run_to_program(tracee, program, &reached);
	if (r == 0 && reached)
		r = segmap_process_read(&o->entry, tracee->pid);
	o->began = r == 0 && reached;
	return r;
}

static int look_at_end(struct segmap_observation *o, struct segmap_tracee *tracee)
{
	int r = segmap_tracee_run_to_exit(tracee);

	if (r == 0 && tracee->ended)
		o->exit.error = ESRCH;
	else if (r == 0)
		r = segmap_regions_read(&o->exit, tracee->pid, false);
	if (r == 0)
		r = segmap_tracee_finish(tracee);
	o->status = tracee->status;
	return r;
}

static int read_stream(struct segmap_bytes *bytes, int fd)
{
	return lseek(fd, 0, SEEK_SET) < 0 ? -errno : bytes_read_fd(bytes, fd);
}

int segmap_observe(struct segmap_observation *observation,
		   const struct segmap_tracee_setup *setup, const struct segmap_image *program)
{
	struct segmap_tracee_setup s = *setup;
	struct segmap_observation o = {0};
	struct segmap_tracee tracee = {.ended = true};
	int r = open_streams(s.standard);

	if (r == 0)
		r = segmap_tracee_start(&tracee, &s);
	if (r == 0)
		r = look_at_beginning(&o, &tracee, program);
	if (r == 0)
		r = look_at_end(&o, &tracee);
	segmap_tracee_destroy(&tracee);
	if (r == 0)
		r = read_stream(&o.out, s.standard[1]);
	if (r == 0)
		r = read_stream(&o.err, s.standard[2]);
	close_streams(s.standard);
	if (r == 0)
		*observation = o;
	else
		segmap_observation_free(&o);
	return r;
}

void segmap_observation_free(struct segmap_observation *o)
{
	segmap_process_free(&o->entry);
	segmap_regions_free(&o->exit);
	bytes_free(&o->out);
	bytes_free(&o->err);
	*o = (struct segmap_observation){0};
}
