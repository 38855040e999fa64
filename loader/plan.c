/*
 * Stage 2: from images to an array of mappings. The rules are load_elf_binary's and elf_load's,
 * as exec.md 1.2 and 1.3 has them; letters and numbers in brackets are its cases.
 *
 * Sums wrap modulo 2^64 where the kernel's do; what would wrap into nonsense has been refused
 * before by check_range, or by check_mapping, which knows the end of the address space.
 */
#include <segmap/plan.h>

#include "checked.h"
#include "fail.h"
#include "plan_job.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

/* Last byte a file can have, less a page: file_mmap_ok() in mm/mmap.c [D25]. */
#define FILE_END_MAX(page) (0x8000000000000000 - (page))

const char *segmap_mapping_kind_name(enum segmap_mapping_kind kind)
{
	return kind == SEGMAP_FILE_PRIVATE ? "file-private" : "anon-private";
}

static int refuse_range(const struct job *job, int index, uint64_t addr, uint64_t length)
{
	return fail(job->err, VADDR_RANGE, KILLS, ENOMEM, .object = job->id, .index = index,
		    .value = {addr, length, job->policy->rules.task_size});
}

/* Nothing is mapped for an empty segment; its address counts as mmap's answer, bias and all,
 * and such an answer is an error. For an interpreter's loader it is one only in the last page
 * of all numbers: else it becomes the base of an interpreter that is not mapped. */
static int refuse_empty(const struct job *job, int index, uint64_t addr)
{
	enum segmap_verdict verdict =
		job->id == SEGMAP_PROGRAM ? SEGMAP_VERDICT_KILLS : SEGMAP_VERDICT_UNSUPPORTED;
	const struct segmap_error failure = {
		.reason = SEGMAP_REASON_VADDR_RANGE,
		.verdict = verdict,
		.object = job->id,
		.errnum = ENOMEM,
		.index = index,
		.value = {addr, 0, job->policy->rules.task_size},
	};

	return segmap_error_set(job->err, &failure);
}

/* An interpreter's empty segment at vaddr 0, behind all others: its address is the bias itself,
 * so the kernel, which takes it for the base and maps no more, is right by accident. */
static bool is_harmless(const struct job *job, int index, const struct segmap_phdr *p)
{
	if (job->id != SEGMAP_INTERPRETER || page_down(p->vaddr, job->page) != 0)
		return false;
	for (size_t i = (size_t)index + 1; i < job->image->phdr_count; i++)
		if (job->image->phdrs[i].type == PT_LOAD && job->image->phdrs[i].memsz)
			return false;
	return true;
}

/* The same where mmap decides: the stub looks at it when it knows. */
static void note_empty(struct segmap_object *object, uint64_t vaddr)
{
	int64_t distance = (int64_t)(vaddr - object->base);

	if (distance < object->empty_low)
		object->empty_low = distance;
	if (distance > object->empty_high)
		object->empty_high = distance;
}

/* What the kernel checks of a PT_LOAD once it is mapped [D01, D04, D05, F10]. An interpreter's
 * address counts with its bias, so one that mmap places is inside by construction. */
static int check_range(const struct job *job, int index, const struct segmap_phdr *p)
{
	uint64_t task_size = job->policy->rules.task_size;
	uint64_t addr = p->vaddr;

	if (job->id == SEGMAP_INTERPRETER)
		addr = job->object->place == SEGMAP_PLACE_SEARCH ? 0 : addr + job->object->bias;
	if (p->memsz == 0 && job->object->place == SEGMAP_PLACE_FIXED &&
	    page_down(p->vaddr + job->object->bias, job->page) >= task_size)
		return refuse_empty(job, index, p->vaddr + job->object->bias);
	if (p->memsz == 0 && p->filesz == 0 && job->object->place == SEGMAP_PLACE_SEARCH &&
	    !is_harmless(job, index, p))
		note_empty(job->object, page_down(p->vaddr, job->page));
	if (p->filesz > p->memsz)
		return fail(job->err, FILESZ_MEMSZ, KILLS, EINVAL, .object = job->id,
			    .index = index, .value = {p->filesz, p->memsz});
	if (addr >= task_size)
		return refuse_range(job, index, addr, p->memsz);
	if (p->memsz > task_size || task_size - p->memsz < addr)
		return fail(job->err, MEMSZ_RANGE, KILLS, EINVAL, .object = job->id,
			    .index = index, .value = {addr, p->memsz, task_size});
	return 0;
}

static bool overlaps_stack(const struct segmap_policy *policy, uint64_t addr, uint64_t length)
{
	return addr < policy->stack_end && addr + length > policy->stack_start;
}

/* mmap searches below the stack, and keeps so much free for it at least (MIN_GAP); with a large
 * RLIMIT_STACK it is more, which is then found out when the program's place is looked for. */
static const uint64_t stack_gap = 128 << 20;

/* Is there room for what the kernel maps in the first place, reserve and all? */
static int check_mapping(const struct job *job, const struct segmap_mapping *m)
{
	const struct segmap_policy *policy = job->policy;
	uint64_t length = max_u64(m->length, m->reserve);
	uint64_t span[4] = {m->addr, m->addr + length, policy->stack_start, policy->stack_end};

	if (m->kind == SEGMAP_FILE_PRIVATE &&
	    (length > FILE_END_MAX(job->page) || m->offset > FILE_END_MAX(job->page) - length))
		return fail(job->err, OFFSET_RANGE, KILLS, EOVERFLOW, .object = job->id,
			    .index = m->index, .value = {m->offset, length});
	if (length > policy->rules.task_size)
		return refuse_range(job, m->index, m->addr, length);
	if (job->object->place == SEGMAP_PLACE_SEARCH) /* what mmap has to choose from [F09] */
		return policy->stack_end > stack_gap && length > policy->stack_end - stack_gap
			       ? refuse_range(job, m->index, m->addr, length)
			       : 0;
	if (m->addr > policy->rules.task_size - length)
		return refuse_range(job, m->index, m->addr, length);
	if (overlaps_stack(policy, m->addr, length) && m->kind == SEGMAP_FILE_PRIVATE &&
	    job->first && job->object->noreplace)
		return fail(job->err, ON_STACK, KILLS, EEXIST, .object = job->id,
			    .index = m->index, .value = {span[0], span[1], span[2], span[3]});
	return 0; /* what comes later replaces the stack's pages [D09, D09c] */
}

static int add_mapping(const struct job *job, const struct segmap_mapping *m)
{
	int r = check_mapping(job, m);

	if (r == 0)
		job->plan->mappings[job->plan->mapping_count++] = *m;
	return r;
}

/* The bytes between the end of the file's and the end of their page belong to bss, where the
 * segment can be written; else the kernel's attempt fails and is ignored [D10-D13, D23b]. */
static int plan_tail(const struct job *job, const struct segmap_phdr *p,
		     struct segmap_mapping *m)
{
	uint64_t file_end = p->vaddr + job->object->bias + p->filesz;
	uint64_t last_page = m->offset + m->length - job->page;

	if (p->memsz == p->filesz || !(p->flags & PF_W) ||
	    page_offset(file_end, job->page) == 0)
		return 0;
	/* A mapping that was cut to its object's span does not reach so far. */
	bool outside = file_end - m->addr > m->length;
	bool is_missing = outside || last_page >= job->image->file_size;
	if (is_missing && !job->policy->rules.tail_fault_kills)
		return 0;
	if (outside)
		return fail(job->err, TAIL, KILLS, EFAULT, .object = job->id, .index = m->index,
			    .value = {file_end, job->page});
	if (last_page >= job->image->file_size)
		return fail(job->err, TAIL_PAST_EOF, KILLS, EFAULT, .object = job->id,
			    .index = m->index, .value = {last_page, job->image->file_size});
	m->clear_addr = file_end;
	m->clear_length = job->page - page_offset(file_end, job->page);
	return 0;
}

static int plan_file_part(const struct job *job, int index, const struct segmap_phdr *p,
			  uint64_t reserve)
{
	uint64_t skew = page_offset(p->vaddr, job->page);
	struct segmap_mapping m = {
		.kind = SEGMAP_FILE_PRIVATE,
		.object = job->id,
		.index = index,
		.prot = plan_protection(p->flags) | (p->flags & PF_X ? job->guard : 0),
		.addr = page_down(p->vaddr + job->object->bias, job->page),
		.length = page_up(p->filesz + skew, job->page),
		.offset = p->offset - skew,
		.skew = skew,
		.reserve = reserve,
	};

	/* Cut to the span, where that has wrapped around 0: the kernel maps no more at first,
	 * and fails to see that there is nothing to unmap. */
	if (reserve && reserve < m.length)
		m.length = reserve;
	if (page_offset(m.offset, job->page) != 0) /* [D02] */
		return fail(job->err, INCONGRUENT, KILLS, EINVAL, .object = job->id,
			    .index = index, .value = {p->offset, p->vaddr, job->page});
	int r = job->joined ? 0 : plan_tail(job, p, &m);
	return r ? r : add_mapping(job, &m);
}

/* Whole pages of bss: always readable and writable, executable if the segment is [D14-D17]. */
int plan_bss(const struct job *job, int index, const struct segmap_phdr *p)
{
	uint64_t addr = p->vaddr + job->object->bias;
	uint64_t from =
		p->filesz ? page_up(addr + p->filesz, job->page) : page_down(addr, job->page);
	uint64_t to = page_up(addr + p->memsz, job->page);
	struct segmap_mapping m = {
		.kind = SEGMAP_ANON_PRIVATE,
		.object = job->id,
		.index = index,
		.prot = PROT_READ | PROT_WRITE | (p->flags & PF_X ? PROT_EXEC : 0),
		.addr = from,
		.length = to - from,
		.skew = p->filesz ? 0 : page_offset(p->vaddr, job->page),
	};

	return p->memsz == p->filesz || from == to ? 0 : add_mapping(job, &m);
}

static int plan_segment(const struct job *job, int index, const struct segmap_phdr *p,
			uint64_t reserve)
{
	int r = check_range(job, index, p);

	if (r == 0 && plan_has_file_part(job, p))
		r = plan_file_part(job, index, p, reserve);
	if (r == 0 && !job->joined)
		r = plan_bss(job, index, p);
	return r;
}

static int plan_segments(struct job *job)
{
	uint64_t reserve = page_up(job->object->span, job->page);
	struct joined joined = {0};
	int r = 0;

	job->first = true;
	for (size_t i = 0; r == 0 && i < job->image->phdr_count; i++) {
		const struct segmap_phdr *p = &job->image->phdrs[i];

		if (p->type != PT_LOAD)
			continue;
		r = job->joined ? plan_joined_before(job, &joined) : 0;
		if (r == 0)
			r = plan_segment(job, (int)i, p, job->first ? reserve : 0);
		plan_joined_note(job, &joined, (int)i, p);
		job->first = false;
	}
	return r == 0 && job->joined ? plan_joined_end(job, &joined) : r;
}

/* code, data, brk and AT_PHDR, of the program only, before the bias is added [D07, B01, G10] */
static void note_bounds(struct segmap_plan *plan, const struct segmap_image *image)
{
	plan->start_code = UINT64_MAX;
	for (size_t i = 0; i < image->phdr_count; i++) {
		const struct segmap_phdr *p = &image->phdrs[i];
		uint64_t file_end = p->vaddr + p->filesz;

		if (p->type != PT_LOAD)
			continue;
		if (p->offset <= image->ehdr.phoff && image->ehdr.phoff < p->offset + p->filesz)
			plan->phdr_addr = image->ehdr.phoff - p->offset + p->vaddr;
		if (p->flags & PF_X) {
			plan->start_code = min_u64(plan->start_code, p->vaddr);
			plan->end_code = max_u64(plan->end_code, file_end);
		}
		plan->start_data = max_u64(plan->start_data, p->vaddr);
		plan->end_data = max_u64(plan->end_data, file_end);
		plan->brk = max_u64(plan->brk, p->vaddr + p->memsz);
	}
}

static void move_bounds(struct segmap_plan *plan, uint64_t bias)
{
	plan->phdr_addr += bias;
	plan->start_code += bias;
	plan->end_code += bias;
	plan->start_data += bias;
	plan->end_data += bias;
	if (!plan->brk_moved)
		plan->brk += bias;
}

/* [H02]: a program without an interpreter that mmap places has its heap elsewhere; once only if
 * the heap's place was random. */
static void place_heap(struct segmap_plan *plan, const struct segmap_image *program,
		       const struct segmap_policy *policy)
{
	const struct segmap_rules *rules = &policy->rules;
	uint64_t page = rules->page_size;

	plan->brk_moved = program->ehdr.type == ET_DYN && !program->interp &&
			  (policy->randomize_brk || rules->heap_always_moved);
	if (plan->brk_moved)
		plan->brk = rules->et_dyn_base;
	move_bounds(plan, plan->objects[SEGMAP_PROGRAM].bias);
	plan->brk = page_up(plan->brk, page);
	if (policy->randomize_brk) {
		plan->brk += plan->brk_moved ? 0 : page;
		plan->brk += policy->random[1] % (rules->brk_rnd_range / page) * page;
	}
}

/* An entry that mmap's choice will move is looked at again once that is known [C18, E02]. */
static int check_entry(const struct segmap_plan *plan, const struct segmap_object *o,
		       enum segmap_object_id id, struct segmap_error *err)
{
	uint64_t task_size = plan->rules.task_size;
	uint64_t entry = o->entry;

	if (o->place == SEGMAP_PLACE_SEARCH) {
		entry -= o->base;
		if (entry < task_size || entry > -task_size)
			return 0;
	}
	if (entry < task_size)
		return 0;
	return fail(err, ENTRY_RANGE, KILLS, EINVAL, .object = id,
		    .value = {o->entry, task_size});
}

static int plan_object(struct job *job)
{
	struct segmap_plan *plan = job->plan;
	int r = plan_place(job);

	if (r == 0)
		r = plan_segments(job);
	if (r < 0)
		return r;
	job->object->entry = job->image->ehdr.entry + job->object->bias;
	plan->entry = job->object->entry;
	plan->object_count++;
	return 0;
}

/* The image was read by the newest kernel's bound; an older one's may be lower. */
static int check_table(const struct segmap_image *image, const struct segmap_rules *rules,
		       struct segmap_error *err)
{
	uint64_t size = image->phdr_count * sizeof(Elf64_Phdr);
	bool program = image->role == SEGMAP_PROGRAM;

	if (size <= rules->phdr_table_max)
		return 0;
	return fail(err, PHNUM, ERRNO, program ? ENOEXEC : ELIBBAD, .object = image->role,
		    .value = {image->phdr_count, rules->phdr_table_max / sizeof(Elf64_Phdr)});
}

static int plan_all(struct segmap_plan *plan, const struct segmap_image *const images[2],
		    const struct segmap_policy *policy, struct segmap_error *err)
{
	int last = images[SEGMAP_INTERPRETER] ? SEGMAP_INTERPRETER : SEGMAP_PROGRAM;
	bool is_lacking = images[SEGMAP_PROGRAM]->interp && !images[SEGMAP_INTERPRETER];
	bool is_guarded = false;
	int r = 0;

	for (int id = 0; r == 0 && id < 2 && images[id]; id++)
		r = check_table(images[id], &policy->rules, err);
	if (r == 0 && !is_lacking)
		r = plan_property(images[last], &policy->rules, &is_guarded, err);
	for (int id = 0; r == 0 && id < 2 && images[id]; id++) {
		struct job job = {
			.plan = plan,
			.image = images[id],
			.policy = policy,
			.object = &plan->objects[id],
			.id = (enum segmap_object_id)id,
			.err = err,
			.page = policy->rules.page_size,
			.guard = is_guarded && id == last ? policy->rules.property_prot : 0,
			.joined = id == SEGMAP_PROGRAM ? policy->rules.program_bss_joined
						       : policy->rules.interp_bss_joined,
		};
		r = plan_object(&job);
	}
	if (r < 0)
		return r;
	if (is_lacking)
		plan->entry = 0;
	else
		r = check_entry(plan, &plan->objects[last], (enum segmap_object_id)last, err);
	note_bounds(plan, images[SEGMAP_PROGRAM]);
	place_heap(plan, images[SEGMAP_PROGRAM], policy);
	return r;
}

/* What mmap keeps free: the stack itself, and the guard gap before it, shall have some of that
 * to grow while the load goes on. */
static void place_room(struct segmap_plan *plan, const struct segmap_policy *policy)
{
	const uint64_t stack = 16 << 20;

	if (policy->stack_end < stack_gap)
		return;
	plan->room_start = page_up(policy->stack_end - stack_gap, policy->rules.page_size);
	plan->room_end = policy->stack_end - stack;
}

int segmap_plan_make(struct segmap_plan **out, const struct segmap_image *program,
		     const struct segmap_image *interp, const struct segmap_policy *policy,
		     struct segmap_error *err)
{
	const struct segmap_image *const images[2] = {program, interp};
	size_t headers = program->phdr_count + (interp ? interp->phdr_count : 0);
	struct segmap_plan *plan = calloc(1, sizeof(*plan));

	if (plan) /* a header gives two mappings at most: file bytes and bss */
		plan->mappings = calloc(2 * headers + 1, sizeof(*plan->mappings));
	if (!plan || !plan->mappings) {
		segmap_plan_free(plan);
		return fail(err, MEMORY, SYSTEM, ENOMEM);
	}
	plan->rules = policy->rules;
	plan->phdr_count = program->ehdr.phnum;
	place_room(plan, policy);
	plan->stack_exec = program->stack_request == SEGMAP_STACK_EXEC;
	int r = plan_all(plan, images, policy, err);
	if (r == 0) {
		*out = plan;
		return 0;
	}
	segmap_plan_free(plan);
	if (err && images[err->object] && images[err->object]->path)
		segmap_error_set_path(err, images[err->object]->path);
	return r;
}

void segmap_plan_settle(struct segmap_plan *plan, enum segmap_object_id id, uint64_t bias)
{
	struct segmap_object *o = &plan->objects[id];

	if (o->place != SEGMAP_PLACE_SEARCH)
		return;
	for (size_t i = 0; i < plan->mapping_count; i++) {
		struct segmap_mapping *m = &plan->mappings[i];

		if (m->object != id)
			continue;
		m->addr += bias;
		m->clear_addr += m->clear_length ? bias : 0;
	}
	o->place = SEGMAP_PLACE_FIXED;
	o->bias += bias;
	o->entry += bias;
	if (id == SEGMAP_PROGRAM)
		move_bounds(plan, bias);
	if (id + 1 == plan->object_count)
		plan->entry = o->entry;
}

void segmap_plan_free(struct segmap_plan *plan)
{
	if (!plan)
		return;
	free(plan->mappings);
	free(plan);
}
