/*
 * Stage 5: preparing the stub and jumping into it. Everything that can fail is done in
 * segmap_handover_prepare; segmap_handover_commit is the point of no return.
 */
#include <segmap/handover.h>

#include "arch.h"
#include "checked.h"
#include "fail.h"
#include "leftovers.h"
#include "privilege.h"
#include "process.h"
#include "steps.h"
#include "stub.h"
#include "trace.h"

#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <sys/rseq.h>
#endif

#ifndef AT_RSEQ_FEATURE_SIZE
#define AT_RSEQ_FEATURE_SIZE 27
#endif

enum {
	STUB_STACK = 2048, /* bytes; the stub is one function without recursion */
	FIXUPS_MAX = 16,
	ALIGNMENT = 64, /* bytes: of what XRSTOR reads */
};

/* Set by the linker around the section of that name. */
extern const uint8_t __start_segmap_stub[], __stop_segmap_stub[];

struct segmap_handover {
	struct stub_args *args;
	uint64_t run; /* address of the stub's function in the block */
};

/* One block of memory for the stub and all it needs, filled from its start. */
struct block {
	uint64_t addr, length, used;
};

static void *take(struct block *block, uint64_t size)
{
	void *p = (void *)(block->addr + block->used); // NOLINT

	block->used += (size + ALIGNMENT - 1) & ~(uint64_t)(ALIGNMENT - 1);
	return p;
}

static uint64_t code_size(void)
{
	return (uint64_t)__stop_segmap_stub - (uint64_t)__start_segmap_stub;
}

static uint64_t vdso_size(const struct segmap_self *self)
{
	return self->vdso_block.end - self->vdso_block.start;
}

static uint64_t block_size(const struct segmap_handover_input *in,
			   const struct segmap_leftovers *left, uint64_t page)
{
	uint64_t ranges =
		in->map->count * (sizeof(struct stub_move) + sizeof(struct stub_range));
	uint64_t lists = (left->fd_count + left->timer_count) * sizeof(int32_t);
	uint64_t queue = left->queued ? sizeof(uint64_t) * STUB_QUEUE_MAX * STUB_SIGINFO : 0;

	uint64_t vdso = ARCH_MOVES_VDSO ? vdso_size(in->self) : 0;

	return page_up(code_size(), page) + vdso + sizeof(struct stub_args) + ranges + lists +
	       5 * sizeof(struct stub_range) + FIXUPS_MAX * sizeof(struct stub_fixup) +
	       in->stack->size + queue + (uint64_t)ALIGNMENT * 9 + STUB_STACK;
}

/* The code goes to pages of its own; under MDWE pages that were writable can't be executable,
 * so there it takes the way over a file in memory. */
static int write_code(struct block *block, uint64_t page)
{
	size_t size = (size_t)code_size();
	size_t length = (size_t)page_up(size, page);
	void *code = take(block, length);

	memcpy(code, __start_segmap_stub, size);
	if (mprotect(code, length, PROT_READ | PROT_EXEC) == 0)
		return 0;
	int fd = memfd_create("segmap-stub", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	int r = 0;
	if (write(fd, __start_segmap_stub, size) != (ssize_t)size ||
	    mmap(code, length, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, fd, 0) ==
		    MAP_FAILED)
		r = -errno;
	close(fd);
	return r;
}

static void fill_moves(struct stub_args *args, const struct segmap_map *map,
		       struct block *block)
{
	args->moves = take(block, map->count * sizeof(struct stub_move));
	for (size_t i = 0; i < map->count; i++) {
		const struct segmap_piece *piece = &map->pieces[i];
		bool fixed =
			map->plan->objects[piece->final.object].place == SEGMAP_PLACE_FIXED;

		if (fixed && piece->where == piece->final.addr)
			continue;
		args->moves[args->move_count++] = (struct stub_move){
			.from = piece->where,
			.length = piece->final.length,
			.to = piece->final.addr,
			.object = fixed ? -1 : (int64_t)piece->final.object,
		};
	}
}

static int compare_ranges(const void *a, const void *b)
{
	const struct stub_range *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

/* What lies between the ranges that stay: at most one more gap than ranges. Done in place: the
 * ranges are read from left to right and each gap is written where its range was. */
static void invert(struct stub_range *ranges, uint64_t *count, uint64_t from,
		   uint64_t task_size)
{
	uint64_t gaps = 0, n = *count;

	qsort(ranges, n, sizeof(*ranges), compare_ranges);
	for (uint64_t i = 0; i < n; i++) {
		struct stub_range kept = ranges[i];

		if (kept.start > from)
			ranges[gaps++] = (struct stub_range){from, kept.start - from};
		from = max_u64(from, kept.start + kept.length);
	}
	if (from < task_size)
		ranges[gaps++] = (struct stub_range){from, task_size - from};
	*count = gaps;
}

/*
 * Would a new vdso come to where the old one is? In a fresh process the kernel has put that
 * into an address space as empty as the stub makes it, if nothing of the program's is beside or
 * above it, and nothing else is to be placed before it.
 */
static bool keeps_vdso(const struct segmap_handover_input *in)
{
	const struct segmap_range *block = &in->self->vdso_block;

	if (!in->self->fresh || in->plan->rules.vdso_above_stack)
		return false;
	for (size_t i = 0; i < in->plan->object_count; i++)
		if (in->plan->objects[i].place == SEGMAP_PLACE_SEARCH)
			return false;
	for (size_t i = 0; i < in->map->count; i++)
		if (in->map->pieces[i].final.addr + in->map->pieces[i].final.length >
		    block->start)
			return false;
	return true;
}

static void fill_gaps(struct stub_args *args, const struct segmap_handover_input *in,
		      struct block *block)
{
	const struct segmap_map *map = in->map;
	uint64_t n = 0;

	args->gaps = take(block, (map->count + 5) * sizeof(struct stub_range));
	for (size_t i = 0; i < map->count; i++)
		args->gaps[n++] =
			(struct stub_range){map->pieces[i].where, map->pieces[i].final.length};
	args->gaps[n++] = (struct stub_range){block->addr, block->length};
	args->gaps[n++] = (struct stub_range){in->stack->vma_start,
					      in->self->stack.end - in->stack->vma_start};
	if (keeps_vdso(in))
		args->gaps[n++] = (struct stub_range){in->self->vdso_block.start,
						      in->self->vdso_block.end -
							      in->self->vdso_block.start};
	/* Page 0, which this personality maps at every exec, is sealed: it can only stay. */
	uint64_t from = in->self->personality & MMAP_PAGE_ZERO ? args->page_size : 0;
	invert(args->gaps, &n, from, args->task_size);
	args->gap_count = n;
}

static void fill_objects(struct stub_args *args, const struct segmap_handover_input *in)
{
	for (size_t i = 0; i < in->plan->object_count; i++) {
		const struct segmap_object *o = &in->plan->objects[i];

		if (o->place == SEGMAP_PLACE_SEARCH)
			args->objects[i] = (struct stub_object){
				.wanted = 1,
				.fd = (uint64_t)in->images[i]->fd,
				.prot = (uint64_t)o->prot,
				.offset = o->offset,
				.span = page_up(o->span, args->page_size),
				.hint = o->hint,
				.align = o->align,
				.base = o->base,
				.empty_low = o->empty_low,
				.empty_high = o->empty_high,
			};
	}
}

static void add_fixup(struct stub_args *args, void *where, enum segmap_object_id object)
{
	args->fixups[args->fixup_count++] = (struct stub_fixup){(uint64_t)where, object};
}

static void fix_auxv(struct stub_args *args, struct segmap_auxv *pair)
{
	bool program_moves = args->objects[SEGMAP_PROGRAM].wanted;
	bool interp_moves = args->objects[SEGMAP_INTERPRETER].wanted;

	for (; pair->type != AT_NULL; pair++) {
		if ((pair->type == AT_PHDR || pair->type == AT_ENTRY) && program_moves)
			add_fixup(args, &pair->value, SEGMAP_PROGRAM);
		if (pair->type == AT_BASE && interp_moves)
			add_fixup(args, &pair->value, SEGMAP_INTERPRETER);
		if (pair->type == AT_SYSINFO_EHDR)
			args->vdso_slot = &pair->value;
	}
}

/* Every word that mmap's choice will change. */
static void fill_fixups(struct stub_args *args, const struct segmap_handover_input *in,
			struct block *block)
{
	size_t last = in->plan->object_count - 1;
	struct prctl_mm_map *mm = &args->mm;
	void *bounds[] = {&mm->start_code, &mm->end_code, &mm->start_data, &mm->end_data};

	args->fixups = take(block, FIXUPS_MAX * sizeof(struct stub_fixup));
	fix_auxv(args,
		 (struct segmap_auxv *)(void *)(args->stack_bytes + in->stack->auxv_offset));
	if (args->objects[SEGMAP_PROGRAM].wanted)
		for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++)
			add_fixup(args, bounds[i], SEGMAP_PROGRAM);
	if (args->objects[SEGMAP_PROGRAM].wanted && !in->plan->brk_moved) {
		add_fixup(args, &args->mm.start_brk, SEGMAP_PROGRAM);
		add_fixup(args, &args->mm.brk, SEGMAP_PROGRAM);
	}
	if (args->objects[last].wanted)
		add_fixup(args, &args->entry, (enum segmap_object_id)last);
}

static void fill_stack(struct stub_args *args, const struct segmap_handover_input *in,
		       struct block *block)
{
	const struct segmap_stack *stack = in->stack;

	args->stack_bytes = take(block, stack->size);
	memcpy(args->stack_bytes, stack->bytes, stack->size);
	args->sp = stack->sp;
	args->stack_start = stack->vma_start;
	args->stack_end = in->self->stack.end;
	/* a process that has lived before may have changed the protection of its own stack */
	if (in->plan->stack_exec)
		args->stack_prot = PROT_READ | PROT_WRITE | PROT_EXEC;
	else if (!in->pristine)
		args->stack_prot = PROT_READ | PROT_WRITE;
}

static void fill_layout(struct stub_args *args, const struct segmap_handover_input *in)
{
	const struct segmap_plan *plan = in->plan;
	const struct segmap_stack *stack = in->stack;

	args->mm = (struct prctl_mm_map){
		.start_code = plan->start_code,
		.end_code = plan->end_code,
		.start_data = plan->start_data,
		.end_data = plan->end_data,
		.start_brk = plan->brk,
		.brk = plan->brk,
		.start_stack = stack->sp,
		.arg_start = stack->arg_start,
		.arg_end = stack->arg_end,
		.env_start = stack->env_start,
		.env_end = stack->env_end,
		/* an address in the new stack */
		.auxv = (void *)(stack->sp + stack->auxv_offset), // NOLINT
		.auxv_size = (__u32)stack->auxv_size,
	};
	args->exe_fd = in->images[SEGMAP_PROGRAM]->fd;
	args->entry = plan->entry;
	args->entry_limit = plan->rules.task_size;
	snprintf(args->name, sizeof(args->name), "%s", in->name);
}

/* vdso_addr() of the kernels that put it above the stack: a random page up to the end of the
 * page table that holds the strings' beginning. Often it is taken, and then mmap decides. */
static uint64_t vdso_hint(const struct segmap_handover_input *in, uint64_t length)
{
	const uint64_t page = in->self->page_size;
	const uint64_t table = page * (page / sizeof(uint64_t)); /* bytes that one covers */
	uint64_t start = page_up(in->stack->arg_start, page), draw = 0;
	uint64_t end =
		min_u64(page_up(start + length, table), in->plan->rules.stack_top_max) - length;

	if (end <= start || getrandom(&draw, sizeof(draw), 0) != sizeof(draw))
		return start;
	return start + draw % ((end - start) / page + 1) * page;
}

static void fill_vdso(struct stub_args *args, const struct segmap_handover_input *in)
{
	const struct segmap_self *self = in->self;
	const uint8_t *code = (const uint8_t *)self->vdso.start; // NOLINT

	args->vdso_length = vdso_size(self);
	if (in->plan->rules.vdso_above_stack)
		args->vdso_hint = vdso_hint(in, args->vdso_length);
	args->vdso_offset = self->vdso.start - self->vdso_block.start;
	if (args->vdso_length)
		arch_find_gadget(code, (size_t)(self->vdso.end - self->vdso.start),
				 &args->gadget);
	if (keeps_vdso(in)) {
		args->vdso_kept = self->vdso.start;
		/* the last step reads one page of it again: its first is not worth a call */
		if (args->gadget.call >= args->page_size)
			args->vdso_kept_length = self->vdso.end - self->vdso.start;
	}
	for (size_t i = 0; ARCH_MOVES_VDSO && i < self->vdso_part_count; i++) {
		const struct segmap_range *part = &self->vdso_parts[i];

		args->vdso_parts[args->vdso_part_count++] =
			(struct stub_range){part->start, part->end - part->start};
	}
}

static void fill_leftovers(struct stub_args *args, const struct segmap_handover_input *in,
			   const struct segmap_leftovers *left, struct block *block)
{
	args->signals = left->signals;
	args->queued = left->queued;
	args->own = left->own;
	if (left->queued)
		args->queue = take(block, STUB_QUEUE_MAX * sizeof(*args->queue));
	args->fd_count = left->fd_count;
	args->fd_own = in->plan->object_count;
	args->fds = take(block, left->fd_count * sizeof(int32_t));
	if (left->fd_count)
		memcpy(args->fds, left->fds, left->fd_count * sizeof(int32_t));
	args->timer_count = left->timer_count;
	args->timers = take(block, left->timer_count * sizeof(int32_t));
	if (left->timer_count)
		memcpy(args->timers, left->timers, left->timer_count * sizeof(int32_t));
	if (!in->pristine)
		args->flags |= STUB_RESET_ATTRIBUTES;
	if (in->options && in->options->stop_at_entry)
		args->flags |= STUB_STOP_AT_ENTRY;
}

/* libc's registration for restartable sequences: 32 bytes, or what the kernel asks for. Only
 * glibc makes one. */
static void fill_rseq(struct stub_args *args, const struct segmap_self *self)
{
#ifdef __GLIBC__
	if (__rseq_size == 0)
		return;
	args->rseq = (uint64_t)__builtin_thread_pointer() + (uint64_t)__rseq_offset;
	args->rseq_length = max_u64(32, segmap_auxv_get(self->auxv, AT_RSEQ_FEATURE_SIZE, 0));
#else
	(void)args;
	(void)self;
#endif
}

static int collect(struct segmap_leftovers *left, const struct segmap_handover_input *in,
		   struct segmap_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < in->plan->object_count; i++)
		r = segmap_leftovers_add_fd(left, in->images[i]->fd);
	if (r == 0 && !in->pristine)
		return segmap_leftovers_read(left, err);
	for (size_t i = 0; r == 0 && i < in->close_count; i++)
		r = segmap_leftovers_add_fd(left, in->close[i]);
	return r ? fail(err, MEMORY, SYSTEM, ENOMEM) : 0;
}

/* Is memory that was writable allowed to become executable? Asked with a page that nobody
 * needs: the stack must be as it was if the load is refused. */
static int try_executable(uint64_t page)
{
	int prot = PROT_READ | PROT_WRITE;
	void *probe = mmap(NULL, page, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int r = 0;

	if (probe == MAP_FAILED || mprotect(probe, page, prot | PROT_EXEC) < 0)
		r = -errno;
	if (probe != MAP_FAILED)
		munmap(probe, page);
	return r;
}

/* Tries beforehand what the program's stack needs: size and protection. execve would run the
 * program whatever is forbidden to this process. */
static int try_stack(const struct segmap_handover_input *in, struct segmap_error *err)
{
	const struct segmap_self *self = in->self;
	int r = in->plan->stack_exec ? try_executable(self->page_size) : 0;

	if (r < 0)
		return fail(err, EXEC_STACK, UNSUPPORTED, -r);
	/* It grows when it is touched; by the kernel, which answers EFAULT where we would die.
	 */
	if (in->stack->vma_start < self->stack.start &&
	    syscall(SYS_rt_sigprocmask, 0, NULL, in->stack->vma_start, sizeof(uint64_t)) < 0)
		return fail(err, SELF, SYSTEM, ENOMEM, .step = "growing the stack");
	return 0;
}

/* The vdso is mapped anew when the old one is gone. */
static int try_vdso(const struct segmap_handover_input *in, struct segmap_error *err)
{
	int r = in->self->vdso_block.end && !keeps_vdso(in) ? arch_try_vdso() : 0;

	return r < 0 ? fail(err, VDSO, SYSTEM, -r, .step = "arch_prctl") : 0;
}

static struct stub_args *fill_args(const struct segmap_handover_input *in,
				   const struct segmap_leftovers *left, struct block *block)
{
	/* whole pages, right behind those of the code */
	void *room = take(block, ARCH_MOVES_VDSO ? vdso_size(in->self) : 0);
	struct stub_args *args = take(block, sizeof(*args));

	args->block = block->addr;
	args->block_length = block->length;
	args->page_size = in->self->page_size;
	args->code_length = page_up(code_size(), args->page_size);
	args->task_size = in->plan->rules.task_size;
	fill_objects(args, in);
	fill_moves(args, in->map, block);
	fill_gaps(args, in, block);
	fill_stack(args, in, block);
	fill_layout(args, in);
	segmap_steps_fill(args);
	fill_vdso(args, in);
	args->vdso_room = (uint64_t)room;
	fill_fixups(args, in, block);
	fill_leftovers(args, in, left, block);
	if (in->privilege)
		segmap_privilege_tell(in->privilege, args, in->pristine);
	fill_rseq(args, in->self);
	arch_prepare_registers(args);
	return args;
}

static int build(struct segmap_handover *handover, const struct segmap_handover_input *in,
		 const struct segmap_leftovers *left, struct segmap_error *err)
{
	uint64_t page = in->self->page_size;
	struct block block = {.length = page_up(block_size(in, left, page), page)};
	int r = segmap_map_room(in->map, block.length, &block.addr, err);

	if (r < 0)
		return r;
	r = write_code(&block, page);
	if (r < 0) {
		munmap((void *)block.addr, block.length); // NOLINT
		return fail(err, SELF, SYSTEM, -r, .step = "mprotect of the stub");
	}
	segmap_trace_call(in->options, "the stub that takes over, and its tables",
			  "mmap(0x%" PRIx64 ", %" PRIu64 ", rw-, MAP_PRIVATE|MAP_ANONYMOUS)",
			  block.addr, block.length);
	handover->args = fill_args(in, left, &block);
	handover->run = block.addr + (uint64_t)segmap_stub_run - (uint64_t)__start_segmap_stub;
	return 0;
}

int segmap_handover_prepare(struct segmap_handover **out,
			    const struct segmap_handover_input *in, struct segmap_error *err)
{
	struct segmap_handover *handover = calloc(1, sizeof(*handover));
	struct segmap_leftovers left = {0};
	int r = handover ? 0 : fail(err, MEMORY, SYSTEM, ENOMEM);

	if (r == 0)
		r = try_stack(in, err);
	if (r == 0)
		r = try_vdso(in, err);
	if (r == 0)
		r = collect(&left, in, err);
	if (r == 0)
		r = build(handover, in, &left, err);
	segmap_leftovers_free(&left);
	/* The last look. What is written to the file from here on is what the program gets. */
	for (size_t i = 0; r == 0 && i < in->plan->object_count; i++)
		r = segmap_image_check(in->images[i], err);
	if (r == 0)
		*out = handover;
	else
		segmap_handover_discard(handover);
	return r;
}

_Noreturn void segmap_handover_commit(struct segmap_handover *handover)
{
	struct stub_args *args = handover->args;

#ifdef SEGMAP_COVERAGE
	__gcov_dump(); /* else what has been counted would be unmapped with the rest */
#endif
	/* ---- The point of no return. Nothing below can report an error any more. ---- */
	arch_run_stub(handover->run, args, args->block + args->block_length);
}

void segmap_handover_discard(struct segmap_handover *handover)
{
	if (!handover)
		return;
	if (handover->args)
		munmap((void *)handover->args->block, handover->args->block_length); // NOLINT
	free(handover);
}
