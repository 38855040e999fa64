/*
 * Single mappings of this process by the ioctl PROCMAP_QUERY, which Linux has since 6.11: a
 * process of a thousand mappings need not read them all to find three. What is not as expected
 * is left to self.c, which reads.
 */
#include "self.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/types.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	NAME_ROOM = 32,
	COVERING_OR_NEXT = 0x10, /* so that there is an answer where nothing is mapped */
};

/* struct procmap_query of linux/fs.h, which older headers do not have. */
struct query {
	__u64 size, flags, address;
	__u64 start, end, vma_flags, page_size, offset, inode;
	__u32 major, minor, name_size, build_id_size;
	__u64 name, build_id;
};

#define QUERY _IOWR('f', 17, struct query)

/* The names of the kernel's own are short. Is the mapping one of a file? */
static bool is_other(int fd, struct query *q)
{
	q->name_size = 0;
	return syscall(SYS_ioctl, fd, QUERY, q) == 0 && q->inode;
}

/* The mapping at ADDRESS, or what comes after it. Returns 1 with its RANGE if it is one of the
 * kernel's own whose name begins with NAME, 0 if it is another, or -1 if that is not told. */
static int ask(int fd, uint64_t address, const char *name, struct segmap_range *range)
{
	char text[NAME_ROOM] = "";
	struct query q = {
		.size = sizeof(q),
		.flags = COVERING_OR_NEXT,
		.address = address,
		.name = (uintptr_t)text,
		.name_size = sizeof(text),
	};

	if (syscall(SYS_ioctl, fd, QUERY, &q) < 0)
		return errno == ENAMETOOLONG && is_other(fd, &q) ? 0 : -1;
	if (q.inode || q.start > address || strncmp(text, name, strlen(name)) != 0)
		return 0;
	*range = (struct segmap_range){q.start, q.end};
	return 1;
}

/* The mappings with the vdso's data, from right to left. */
static bool ask_parts(int fd, struct segmap_self *self)
{
	const size_t most = sizeof(self->vdso_parts) / sizeof(self->vdso_parts[0]);
	struct segmap_range part;
	int r;

	self->vdso_block = self->vdso_parts[0] = self->vdso;
	self->vdso_part_count = 1;
	while ((r = ask(fd, self->vdso_block.start - 1, "[vvar", &part)) > 0) {
		if (self->vdso_part_count == most)
			return false;
		self->vdso_block.start = part.start;
		memmove(self->vdso_parts + 1, self->vdso_parts,
			self->vdso_part_count++ * sizeof(part));
		self->vdso_parts[0] = part;
	}
	return r == 0;
}

static bool ask_all(int fd, struct segmap_self *self)
{
	uint64_t on_stack = segmap_auxv_get(self->auxv, AT_RANDOM, 0);
	uint64_t vdso = segmap_auxv_get(self->auxv, AT_SYSINFO_EHDR, 0);

	return on_stack && vdso && ask(fd, on_stack, "[stack]", &self->stack) > 0 &&
	       ask(fd, vdso, "[vdso]", &self->vdso) > 0 && self->vdso.start == vdso &&
	       ask_parts(fd, self);
}

bool self_query(struct segmap_self *self)
{
	struct segmap_self asked = *self;
	int fd = openat(AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC);
	bool known = fd >= 0 && ask_all(fd, &asked);

	if (fd >= 0)
		close(fd);
	if (known)
		*self = asked;
	return known;
}
