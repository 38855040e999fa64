/*
 * What the loader must know of the process that it is itself. The only place outside observe/
 * that reads /proc, and no more of it than execve's own rules depend on.
 */
#include "self.h"

#include "checked.h"
#include "fail.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#ifndef PR_GET_AUXV
#define PR_GET_AUXV 0x41555856
#endif

enum {
	ROOM_LEAST = PATH_MAX, /* bytes: the kernel gives no part of a line of maps */
	ROOM_STEP = 16384,
};

/* The whole of a file whose size is not known, ended by NUL; the caller frees it. NULL with
 * errno if it cannot be read. */
static char *read_file(const char *path, size_t *length)
{
	int fd = openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC); /* musl's open() adds a call */
	size_t room = 0, used = 0;
	char *text = NULL;
	ssize_t n = fd < 0 ? -1 : 1;

	while (n > 0) {
		if (room - used < ROOM_LEAST) {
			char *more = realloc(text, room + ROOM_STEP);

			if (!more)
				break;
			text = more;
			room += ROOM_STEP;
		}
		do
			n = read(fd, text + used, room - used - 1);
		while (n < 0 && errno == EINTR);
		used += n > 0 ? (size_t)n : 0;
	}
	int saved = n > 0 ? ENOMEM : errno;
	if (fd >= 0)
		close(fd);
	if (n != 0 || !text) {
		free(text);
		errno = saved;
		return NULL;
	}
	text[used] = '\0';
	*length = used;
	return text;
}

static const char *skip_word(const char *at)
{
	at += strcspn(at, " ");
	return at + strspn(at, " ");
}

/* "start-end perms offset device inode name": the range, and whether NAME begins with one we
 * look for. */
static void take_line(struct segmap_self *self, char *line)
{
	char *rest;
	uint64_t start = strtoull(line, &rest, 16);
	uint64_t end = strtoull(rest + 1, NULL, 16);
	struct segmap_range *vdso = &self->vdso_block;
	const char *inode = line;

	for (int i = 0; i < 4; i++)
		inode = skip_word(inode);
	if (inode[0] != '0' || inode[1] != ' ') /* only the kernel's own names have none */
		return;
	const char *name = skip_word(inode);
	if (strcmp(name, "[stack]") == 0)
		self->stack = (struct segmap_range){start, end};
	if (strcmp(name, "[vdso]") == 0)
		self->vdso = (struct segmap_range){start, end};
	if (strcmp(name, "[vdso]") != 0 && strncmp(name, "[vvar", 5) != 0)
		return;
	if (vdso->end != start) { /* the first of them; the others follow it without a gap */
		vdso->start = start;
		self->vdso_part_count = 0;
	}
	vdso->end = end;
	if (self->vdso_part_count < sizeof(self->vdso_parts) / sizeof(self->vdso_parts[0]))
		self->vdso_parts[self->vdso_part_count++] = (struct segmap_range){start, end};
}

static int read_maps(struct segmap_self *self, struct segmap_error *err)
{
	size_t length;
	char *text = read_file("/proc/self/maps", &length), *save = NULL;

	if (!text)
		return fail(err, SELF, SYSTEM, errno, .step = "/proc/self/maps");
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		take_line(self, line);
	free(text);
	if (self->stack.end == 0)
		return fail(err, SELF, SYSTEM, ENOENT, .step = "[stack] in /proc/self/maps");
	return 0;
}

static int read_auxv(struct segmap_self *self, struct segmap_error *err)
{
	const size_t most = sizeof(self->auxv) - sizeof(self->auxv[0]);
	size_t length;

	/* Linux 6.4 tells without a file. */
	if (prctl(PR_GET_AUXV, self->auxv, most, 0, 0) > 0)
		return 0;
	char *text = read_file("/proc/self/auxv", &length);
	if (!text)
		return fail(err, SELF, SYSTEM, errno, .step = "/proc/self/auxv");
	memcpy(self->auxv, text, length < most ? length : most);
	free(text);
	return 0;
}

/* randomize_va_space as a number; 2, the default, where /proc does not tell. */
static long randomize_level(void)
{
	int fd = openat(AT_FDCWD, "/proc/sys/kernel/randomize_va_space", O_RDONLY | O_CLOEXEC);
	char text[16] = "";
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	return n > 0 ? strtol(text, NULL, 10) : 2;
}

/* The kernel's own version: with UNAME26 uname(2) says that it is 2.6. */
static void read_release(struct segmap_self *self)
{
	bool disguised = self->personality & UNAME26;
	struct utsname name;

	if (disguised)
		personality(self->personality & ~(unsigned long)UNAME26);
	if (uname(&name) == 0)
		snprintf(self->kernel, sizeof(self->kernel), "%s", name.release);
	if (disguised)
		personality(self->personality);
}

uint64_t self_stack_limit(void)
{
	struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY}; /* if it is not told */

	getrlimit(RLIMIT_STACK, &limit);
	return limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX : limit.rlim_cur;
}

unsigned long self_personality(void)
{
	int persona = personality(0xffffffff);

	return persona < 0 ? 0 : (unsigned long)persona; /* denied: the default */
}

int segmap_self_read(struct segmap_self *self, struct segmap_error *err)
{
	memset(self, 0, sizeof(*self));
	self->rlimit_stack = self_stack_limit();
	self->personality = self_personality();
	return self_read_rest(self, false, err);
}

int self_read_rest(struct segmap_self *self, bool pristine, struct segmap_error *err)
{
	int r = read_auxv(self, err);

	if (r < 0)
		return r;
	self->page_size =
		segmap_auxv_get(self->auxv, AT_PAGESZ, (uint64_t)sysconf(_SC_PAGESIZE));
	self->fresh = pristine && self_fresh(self);
	if (!self->fresh && !self_query(self))
		r = read_maps(self, err);
	if (r < 0)
		return r;
	if (!(self->personality & ADDR_NO_RANDOMIZE)) {
		long level = self->fresh && self_fresh_is_random(self) ? 2 : randomize_level();

		self->randomize = level > 0;
		self->randomize_brk = level > 1;
	}
	read_release(self);
	return 0;
}
