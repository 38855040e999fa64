/*
 * Running a tracee to its program's entry point, whoever loads it.
 *
 * Where that is, is known when the program's file has become an executable mapping. So each
 * system call that can have made one is followed by a look at the mappings; and the stop is a
 * breakpoint register of the CPU, because one in memory would be a copy-on-write.
 */
#include "tracee_run.h"

#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

static bool shows_program(const struct segmap_region *region, const struct segmap_image *image)
{
	return region->perms[2] == 'x' && region->inode == image->inode &&
	       region->major == major(image->device) && region->minor == minor(image->device);
}

/* The segment whose pages begin at OFFSET in the file, or contain it. */
static const struct segmap_phdr *find_segment(const struct segmap_image *image, uint64_t offset)
{
	const uint64_t in_page = 4095; /* p_offset and p_vaddr agree in these bits at least */

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

static int update_breakpoint(const struct segmap_tracee *tracee,
			     const struct segmap_image *program, uint64_t *entry)
{
	uint64_t now;
	int r = find_entry(tracee, program, &now);

	if (r < 0 || now == *entry)
		return r;
	*entry = now;
	return now ? arch_break_at(tracee->pid, now) : arch_break_off(tracee->pid);
}

static bool has_executed(const struct segmap_tracee *tracee)
{
	return WIFSTOPPED(tracee->status) && tracee->status >> 16 == PTRACE_EVENT_EXEC;
}

static bool may_have_mapped(const struct segmap_tracee *tracee)
{
	struct user_regs_struct regs;

	return tracee_is_in_call(tracee) && segmap_tracee_registers(tracee, &regs) == 0 &&
	       arch_call_maps(&regs);
}

static bool is_at(const struct segmap_tracee *tracee, uint64_t entry)
{
	struct user_regs_struct regs;

	return segmap_tracee_registers(tracee, &regs) == 0 && arch_pc(&regs) == entry;
}

int segmap_tracee_run_to_program(struct segmap_tracee *tracee,
				 const struct segmap_image *program, bool *reached)
{
	uint64_t entry = 0;
	int r = update_breakpoint(tracee, program, &entry);

	*reached = false;
	while (r == 0 && !tracee->ended && !tracee_is_ending(tracee)) {
		if (entry && is_at(tracee, entry)) {
			*reached = true;
			tracee->signal = 0; /* the breakpoint's */
			return arch_break_off(tracee->pid);
		}
		r = tracee_resume(tracee, PTRACE_SYSCALL);
		if (r < 0 || tracee->ended)
			break;
		if (has_executed(tracee))
			entry = 0; /* and the kernel has taken the breakpoint away */
		if (has_executed(tracee) || may_have_mapped(tracee))
			r = update_breakpoint(tracee, program, &entry);
	}
	return r;
}
