/*
 * Running a tracee to its program's entry point, whoever loads it.
 *
 * Where that is, is known when the program's file has become an executable mapping. So each
 * system call that can have made one is followed by a look at the mappings.
 */
#include "reach.h"

#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

static bool shows_program(const struct segmap_region *region, const struct segmap_image *image)
{
	return region->perms[2] == 'x' && region->inode == image->inode &&
	       region->major == major(image->device) && region->minor == minor(image->device);
}

/* The segment whose pages begin at OFFSET in the file, or contain it. */
static const struct segmap_phdr *find_segment(const struct segmap_image *image, uint64_t offset)
{
	const uint64_t in_page = (uint64_t)sysconf(_SC_PAGESIZE) - 1;

	for (size_t i = 0; i < image->phdr_count; i++) {
		const struct segmap_phdr *p = &image->phdrs[i];
		uint64_t start = p->offset & ~in_page;

		if (p->type == PT_LOAD && (p->flags & PF_X) && offset >= start &&
		    offset < p->offset + p->filesz)
			return p;
	}
	return NULL;
}

/* The address of PROGRAM's entry point, or 0 while it is not mapped. */
static int find_entry(const struct segmap_tracee *tracee, const struct segmap_image *image,
		      uint64_t *entry)
{
	struct segmap_regions regions;
	int r = segmap_regions_read(&regions, tracee->pid, false);

	*entry = 0;
	if (r == 0 && regions.error)
		r = -regions.error;
	for (size_t i = 0; r == 0 && i < regions.count; i++) {
		const struct segmap_region *region = &regions.items[i];
		const struct segmap_phdr *p = shows_program(region, image)
						      ? find_segment(image, region->offset)
						      : NULL;

		if (p)
			*entry = image->ehdr.entry + region->start - region->offset +
				 p->offset - p->vaddr;
	}
	segmap_regions_free(&regions);
	return r;
}

static int update_goal(struct reach *reach, const struct segmap_tracee *tracee,
		       const struct segmap_image *program)
{
	uint64_t now;
	int r = find_entry(tracee, program, &now);

	return r < 0 || now == reach->addr ? r : reach_set(reach, tracee, now);
}

static bool may_have_mapped(const struct reach *reach, const struct segmap_tracee *tracee)
{
	struct user_regs_struct regs;

	return reach_has_called(reach, tracee) && segmap_tracee_registers(tracee, &regs) == 0 &&
	       arch_call_maps(&regs);
}

int segmap_tracee_run_to_program(struct segmap_tracee *tracee,
				 const struct segmap_image *program, bool *reached)
{
	struct reach reach;
	int r = reach_begin(&reach, tracee);

	if (r == 0)
		r = update_goal(&reach, tracee, program);
	*reached = false;
	while (r == 0 && !tracee->ended && !tracee_is_ending(tracee)) {
		if (reach_is_there(&reach, tracee)) {
			*reached = true;
			return reach_set(&reach, tracee, 0);
		}
		r = reach_go_on(&reach, tracee, PTRACE_SYSCALL);
		if (r < 0 || tracee->ended)
			break;
		if (tracee_has_executed(tracee))
			reach.addr = 0; /* and the kernel has taken the breakpoint away */
		if (tracee_has_executed(tracee) || may_have_mapped(&reach, tracee))
			r = update_goal(&reach, tracee, program);
	}
	return r;
}
