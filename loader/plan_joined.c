/*
 * How older kernels make bss: an object has one, from the end of the file bytes of all its
 * segments to the end of their memory, whatever lies between. An interpreter's is made at last,
 * a program's also before each further segment (exec.md 1.6; rules.c says until when).
 */
#include "fail.h"
#include "plan_job.h"

#include <errno.h>

/* Is A above B? With the bias: before mmap has decided, addresses lie around 0. */
static bool is_above(uint64_t a, uint64_t b)
{
	return (int64_t)(a - b) > 0;
}

/* What is mapped at ADDR by the plan so far, of this object. */
static struct segmap_mapping *mapping_at(const struct job *job, uint64_t addr)
{
	for (size_t i = job->plan->mapping_count; i-- > 0;) {
		struct segmap_mapping *m = &job->plan->mappings[i];

		if (m->object == job->id && addr - m->addr < m->length)
			return m;
	}
	return NULL;
}

/* Clears LENGTH bytes where the file's end, all in one page, whoever maps it; or refuses. */
static int clear_tail(const struct job *job, const struct joined *joined, uint64_t length)
{
	struct segmap_mapping *m = mapping_at(job, joined->file_end);

	if (!m || !(m->prot & PROT_WRITE))
		return fail(job->err, TAIL, KILLS, EFAULT, .object = job->id,
			    .index = m ? m->index : joined->index,
			    .value = {joined->file_end, job->page});
	if (m->kind == SEGMAP_ANON_PRIVATE)
		return 0;
	uint64_t page = m->offset + page_down(joined->file_end - m->addr, job->page);
	if (page >= job->image->file_size)
		return fail(job->err, TAIL_PAST_EOF, KILLS, EFAULT, .object = job->id,
			    .index = m->index, .value = {page, job->image->file_size});
	m->clear_addr = joined->file_end;
	m->clear_length = length;
	return 0;
}

/* The whole pages. What has been mapped of them before is not mapped once more: nothing can
 * have replaced it without moving the end of the file bytes. */
static int map_pages(const struct job *job, struct joined *joined)
{
	uint64_t top = page_up(joined->file_end, job->page);
	struct segmap_phdr bss = {
		.type = PT_LOAD,
		.flags = joined->flags,
		.vaddr = top - job->object->bias,
		.memsz = joined->end - top,
	};

	if (!is_above(joined->end, top) ||
	    (joined->made_from == top && joined->made_to == joined->end))
		return 0;
	joined->made_from = top;
	joined->made_to = joined->end;
	return plan_bss(job, joined->index, &bss);
}

static uint64_t rest_of_page(const struct job *job, const struct joined *joined)
{
	return page_up(joined->file_end, job->page) - joined->file_end;
}

int plan_joined_before(const struct job *job, struct joined *joined)
{
	if (job->id != SEGMAP_PROGRAM || !is_above(joined->end, joined->file_end))
		return 0;
	int r = map_pages(job, joined);
	uint64_t rest = min_u64(rest_of_page(job, joined), joined->end - joined->file_end);
	struct job unheard = *job;
	unheard.err = NULL; /* that it cannot be cleared does not matter yet */
	if (r == 0 && rest)
		clear_tail(&unheard, joined, rest);
	return r;
}

void plan_joined_note(const struct job *job, struct joined *joined, int index,
		      const struct segmap_phdr *p)
{
	uint64_t file_end = p->vaddr + p->filesz + job->object->bias;
	uint64_t end = p->vaddr + p->memsz + job->object->bias;

	if (!joined->any || is_above(file_end, joined->file_end))
		joined->file_end = file_end;
	if (!joined->any || is_above(end, joined->end)) {
		joined->end = end;
		joined->index = index;
		joined->flags = p->flags;
	}
	joined->any = true;
}

/* A program without a bss keeps what follows its file bytes; an interpreter does not. */
int plan_joined_end(const struct job *job, struct joined *joined)
{
	bool is_cleared = job->id == SEGMAP_INTERPRETER || joined->end != joined->file_end;
	uint64_t rest = joined->any ? rest_of_page(job, joined) : 0;
	int r = rest && is_cleared ? clear_tail(job, joined, rest) : 0;

	return r == 0 && joined->any ? map_pages(job, joined) : r;
}
