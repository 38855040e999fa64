/*
 * What a process can know about itself without /proc when it is fresh from its own exec and
 * statically linked: where the kernel puts the stack and the vdso follows from the auxiliary
 * vector, and mincore(2) tells whether it is so. Any doubt is left to self.c, which reads.
 */
#include "self.h"

#include "arch.h"
#include "checked.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	STACK_EXPAND = 128 << 10, /* bytes below the strings: setup_arg_pages() */
	DATA_MOST = 16,           /* pages of the vdso's data, fewer than */
	VDSO_MOST = 16,           /* pages of its code, at most */
	BRK_MOST = 1 << 30,       /* bytes over which the heap's start is drawn, at most */
};

extern const uint8_t _end[]; /* of this program's bss, by the linker */

static bool is_mapped(uint64_t start, uint64_t end, uint64_t page)
{
	unsigned char there[DATA_MOST + VDSO_MOST];

	return (end - start) / page <= sizeof(there) &&
	       mincore((void *)start, end - start, there) == 0; // NOLINT
}

static bool is_free(uint64_t addr, uint64_t page)
{
	unsigned char there;

	return mincore((void *)addr, page, &there) < 0 && errno == ENOMEM; // NOLINT
}

/* The path of AT_EXECFN is at its end, less a word, and argv[0] the first of its strings. */
static bool find_stack(struct segmap_self *self)
{
	const char *path = (const char *)segmap_auxv_get(self->auxv, AT_EXECFN, 0); // NOLINT
	uint64_t page = self->page_size;

	if (!path)
		return false;
	uint64_t end = (uint64_t)path + strlen(path) + 1 + sizeof(uint64_t);
	uint64_t start = page_down((uint64_t)program_invocation_name, page) - STACK_EXPAND;
	self->stack = (struct segmap_range){start, end};
	return end % page == 0 && is_mapped(start, start + page, page) &&
	       is_free(start - page, page) && is_free(end, page);
}

/* Its data are before it without a gap. They alone are VM_IO, for which MADV_DOFORK, which
 * changes nothing here, is an error. */
static bool find_vdso(struct segmap_self *self)
{
	uint64_t start = segmap_auxv_get(self->auxv, AT_SYSINFO_EHDR, 0), data = 0;
	uint64_t page = self->page_size;
	const Elf64_Ehdr *ehdr = (const Elf64_Ehdr *)start; // NOLINT

	if (!ehdr)
		return false;
	uint64_t size = ehdr->e_shoff + (uint64_t)ehdr->e_shnum * ehdr->e_shentsize;
	uint64_t end = start + page_up(size, page);
	for (uint64_t step = DATA_MOST / 2; step; step /= 2)
		if (is_mapped(start - (data + step) * page, end, page))
			data += step;
	uint64_t first = start - data * page;
	self->vdso = (struct segmap_range){start, end};
	self->vdso_block = (struct segmap_range){first, end};
	/* a call that has failed for another reason would have made the block too small */
	if (!data || data == DATA_MOST - 1 || !is_free(end, page) ||
	    !is_free(first - page, page))
		return false;
	return madvise((void *)first, page, MADV_DOFORK) < 0 && errno == EINVAL; // NOLINT
}

bool self_fresh(struct segmap_self *self)
{
	struct segmap_self found = *self;

	/* An interpreter has mapped things, perhaps beside the vdso's data; and where the vdso
	 * is moved, each of its mappings must be known. */
	if (ARCH_MOVES_VDSO || segmap_auxv_get(self->auxv, AT_BASE, 0) || !find_stack(&found) ||
	    !find_vdso(&found))
		return false;
	*self = found;
	return true;
}

/* The heap has not begun, and would not do so where bss ends. */
bool self_fresh_is_random(const struct segmap_self *self)
{
	uint64_t page = self->page_size, end = page_up((uint64_t)_end, page);
	uint64_t heap = (uint64_t)syscall(SYS_brk, 0);

	return !segmap_auxv_get(self->auxv, AT_BASE, 0) && heap > end &&
	       heap - end <= BRK_MOST && heap % page == 0 && is_free(heap - page, page);
}
