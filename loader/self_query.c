/*
 * Single mappings of this process by the ioctl PROCMAP_QUERY, which Linux has since 6.11: a
 * process of a thousand mappings need not read them all to find three. What is not as expected
 * is left to self.c, which reads.
 */
#include "self.h"

#include <elf.h>
#include <fcntl.h>
#include <linux/types.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	NAME_ROOM = 32,
};

/* struct procmap_query of linux/fs.h, which older headers do not have. */
struct query {
	__u64 size, flags, address;
	__u64 start, end, vma_flags, page_size, offset, inode;
	__u32 major, minor, name_size, build_id_size;
	__u64 name, build_id;
};

#define QUERY _IOWR('f', 17, struct query)

/* The mapping at ADDRESS, if it is one of the kernel's own and its name begins with NAME. */
static bool ask(int fd, uint64_t address, const char *name, struct segmap_range *range)
{
	char text[NAME_ROOM] = "";
	struct query q = {
		.size = sizeof(q),
		.address = address,
		.name = (uintptr_t)text,
		.name_size = sizeof(text),
	};

	if (syscall(SYS_ioctl, fd, QUERY, &q) < 0 || q.inode ||
	    strncmp(text, name, strlen(name)) != 0)
		return false;
	*range = (struct segmap_range){q.start, q.end};
	return true;
}

static bool ask_all(int fd, struct segmap_self *self)
{
	uint64_t on_stack = segmap_auxv_get(self->auxv, AT_RANDOM, 0);
	uint64_t vdso = segmap_auxv_get(self->auxv, AT_SYSINFO_EHDR, 0);
	const size_t most = sizeof(self->vdso_parts) / sizeof(self->vdso_parts[0]);
	struct segmap_range part;

	if (!on_stack || !vdso || !ask(fd, on_stack, "[stack]", &self->stack) ||
	    !ask(fd, vdso, "[vdso]", &self->vdso) || self->vdso.start != vdso)
		return false;
	self->vdso_block = self->vdso_parts[0] = self->vdso;
	self->vdso_part_count = 1;
	while (ask(fd, self->vdso_block.start - 1, "[vvar", &part)) {
		if (self->vdso_part_count == most)
			return false;
		self->vdso_block.start = part.start;
		memmove(self->vdso_parts + 1, self->vdso_parts,
			self->vdso_part_count++ * sizeof(part)); /* from left to right */
		self->vdso_parts[0] = part;
	}
	return true;
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
