/*
 * How far user memory reaches. With five levels of page tables, or addresses of 52 bits, it has
 * more than mmap searches: without a hint above that, mmap keeps to what every CPU has. A file
 * may ask for more all the same, by its addresses, and execve gives it where the CPU and the
 * kernel have it. What they have is nowhere to be read on every CPU, so it is tried.
 */
#include "self.h"

#include <elf.h>
#include <errno.h>
#include <sys/mman.h>

/* Is the last page before END user memory? What is taken is. Where there is too little left to
 * try it, of address space or of mappings, the answer is no: munmap takes nothing beyond the
 * end. */
static bool is_user_memory(uint64_t end, uint64_t page)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;
	void *wanted = (void *)(end - page); // NOLINT(performance-no-int-to-ptr)
	void *got = mmap(wanted, page, PROT_NONE, flags, -1, 0);

	if (got == MAP_FAILED)
		return errno == EEXIST && mincore(wanted, page, &(unsigned char){0}) == 0;
	munmap(got, page);
	return got == wanted;
}

void self_reach(struct segmap_rules *rules)
{
	if (rules->wide_task_size && is_user_memory(rules->wide_task_size, rules->page_size))
		rules->task_size = rules->wide_task_size;
}

/* Is there an address in IMAGE that may end up at LIMIT or above? What can be moved lands as
 * high as mmap searches, which is up to the 128 MiB that it keeps free below the stack. */
static bool may_reach(const struct segmap_image *image, uint64_t limit)
{
	uint64_t most = image->ehdr.type == ET_DYN ? 128 << 20 : limit;
	bool may = image->ehdr.entry >= most;

	for (size_t i = 0; !may && i < image->phdr_count; i++) {
		const struct segmap_phdr *p = &image->phdrs[i];

		may = p->type == PT_LOAD &&
		      (p->vaddr >= most || p->memsz >= most || p->vaddr + p->memsz > most);
	}
	return may;
}

void self_reach_for(struct segmap_rules *rules, const struct segmap_image *program,
		    const struct segmap_image *interp)
{
	if (may_reach(program, rules->task_size) ||
	    (interp && may_reach(interp, rules->task_size)))
		self_reach(rules);
}
