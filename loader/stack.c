/* Stage 4: the bytes of the initial stack, as copy_strings and create_elf_tables leave them. */
#include <segmap/stack.h>

#include "checked.h"
#include "fail.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The kernel's bounds, in bytes (exec.md 1.1, step 4). */
enum {
	STRING_MAX = 131072,           /* MAX_ARG_STRLEN */
	STRINGS_MIN = 131072,          /* ARG_MAX: allowed under any limit */
	STRINGS_MAX = 6 * 1024 * 1024, /* three quarters of the default RLIMIT_STACK */
	STACK_EXTRA = 131072,          /* room below the strings that the kernel maps at once */
	RANDOM_BYTES = 16,
};

static char *const no_arguments[] = {(char[]){""}, NULL};
static char *const no_environment[] = {NULL};

/* Where everything goes; addresses. */
struct layout {
	char *const *argv, *const *envp;
	size_t argc, envc, auxc;
	uint64_t strings; /* bytes of all strings, AT_EXECFN's included */
	uint64_t arg_start, execfn;
	uint64_t platform, random, sp;
	uint64_t vma_start;
};

static int measure(char *const *list, size_t *count, uint64_t *bytes, struct segmap_error *err)
{
	for (*count = 0; list[*count]; ++*count) {
		uint64_t length = strlen(list[*count]) + 1;

		if (length > STRING_MAX)
			return fail(err, ARG_TOO_LONG, ERRNO, E2BIG,
				    .value = {length, STRING_MAX});
		*bytes += length;
	}
	return 0;
}

/* bprm_stack_limits(), and the growth of the stack that holds the strings */
static int check_limits(const struct layout *l, const struct segmap_stack_input *in,
			struct segmap_error *err)
{
	uint64_t most = max_u64(STRINGS_MIN, min_u64(STRINGS_MAX, in->rlimit_stack / 4));
	uint64_t pointers = (l->argc + l->envc) * sizeof(uint64_t);
	uint64_t pages = page_up(l->strings + sizeof(uint64_t), in->page_size);

	if (most <= pointers || l->strings > most - pointers)
		return fail(err, ARGS_TOO_BIG, ERRNO, E2BIG,
			    .value = {l->strings + pointers, most});
	if (pages > in->page_size && pages > in->rlimit_stack) /* the first is there already */
		return fail(err, STACK_LIMIT, ERRNO, E2BIG, .value = {pages, in->rlimit_stack});
	return 0;
}

/* setup_arg_pages() and the extension for what lies below the strings */
static int place_vma(struct layout *l, const struct segmap_stack_input *in,
		     struct segmap_error *err)
{
	uint64_t limit = page_down(in->rlimit_stack, in->page_size);
	uint64_t strings = in->stack_end - page_down(l->arg_start, in->page_size);
	uint64_t used = in->stack_end - page_down(l->sp, in->page_size);
	uint64_t wanted = max_u64(strings, min_u64(limit, strings + STACK_EXTRA));

	if (used > wanted && used > limit)
		return fail(err, STACK_LIMIT, KILLS, EFAULT, .value = {used, in->rlimit_stack});
	l->vma_start = in->stack_end - max_u64(used, wanted);
	return 0;
}

static void place(struct layout *l, const struct segmap_stack_input *in)
{
	l->execfn = in->stack_end - sizeof(uint64_t) - (strlen(in->execfn) + 1);
	l->arg_start = in->stack_end - sizeof(uint64_t) - l->strings;
	uint64_t p = (l->arg_start - in->shift) & ~(uint64_t)15;
	l->platform = p - (in->platform ? strlen(in->platform) + 1 : 0);
	l->random = l->platform - RANDOM_BYTES;
	uint64_t words = 1 + l->argc + 1 + l->envc + 1 + 2 * (l->auxc + 1);
	l->sp = (l->random - words * sizeof(uint64_t)) & ~(uint64_t)15;
}

static uint64_t pointer_value(const struct layout *l, const struct segmap_auxv *pair)
{
	switch (pair->type) {
	case AT_RANDOM:
		return l->random;
	case AT_PLATFORM:
		return l->platform;
	case AT_EXECFN:
		return l->execfn;
	default:
		return pair->value;
	}
}

static char *at(const struct segmap_stack *stack, uint64_t addr)
{
	return (char *)stack->bytes + (addr - stack->sp);
}

static uint64_t copy_strings(struct segmap_stack *stack, char *const *list, size_t count,
			     uint64_t addr)
{
	for (size_t i = 0; i < count; i++) {
		size_t length = strlen(list[i]) + 1;

		memcpy(at(stack, addr), list[i], length);
		addr += length;
	}
	return addr;
}

static int refuse_cover(const struct segmap_mapping *m, const struct segmap_stack *stack,
			uint64_t stack_end, struct segmap_error *err)
{
	uint64_t end = m->addr + max_u64(m->length, m->reserve);

	if (m->addr < stack_end && m->addr + m->length > stack->sp)
		return fail(err, STACK_LOST, KILLS, EFAULT, .object = m->object,
			    .index = m->index,
			    .value = {m->addr, end, stack->vma_start, stack_end});
	return fail(err, STACK_CUT, UNSUPPORTED, EEXIST, .object = m->object, .index = m->index,
		    .value = {m->addr, end, stack->vma_start, stack_end});
}

/*
 * Strings are on the stack before segments are mapped, so a bss that lies over it empties them;
 * everything else comes later [D09c]. What a file's bytes there would make of them is not known
 * here; the kernel hardly ever survives it [D09]. A stack that is cut in other ways is one that
 * a process cannot give itself.
 */
static int lose_strings(struct segmap_stack *stack, const struct segmap_stack_input *in,
			struct segmap_error *err)
{
	for (size_t i = 0; in->plan && i < in->plan->mapping_count; i++) {
		const struct segmap_mapping *m = &in->plan->mappings[i];
		uint64_t end = m->addr + max_u64(m->length, m->reserve);
		uint64_t from = max_u64(m->addr, stack->sp);
		uint64_t to = min_u64(m->addr + m->length, in->stack_end);

		if (in->plan->objects[m->object].place != SEGMAP_PLACE_FIXED ||
		    m->addr >= in->stack_end || end <= stack->vma_start)
			continue;
		if (m->kind == SEGMAP_FILE_PRIVATE || in->plan->stack_exec)
			return refuse_cover(m, stack, in->stack_end, err);
		if (from < to)
			memset(at(stack, from), 0, to - from);
	}
	return 0;
}

/* Writes pointers to COUNT strings at *WORD, ended by 0. The strings are read from the stack
 * itself, as the kernel does. Returns where they end. */
static uint64_t write_pointers(struct segmap_stack *stack, size_t count, uint64_t addr,
			       uint64_t **word)
{
	for (size_t i = 0; i < count; i++) {
		*(*word)++ = addr;
		addr += strlen(at(stack, addr)) + 1;
	}
	*(*word)++ = 0;
	return addr;
}

static int write_all(struct segmap_stack *stack, const struct layout *l,
		     const struct segmap_stack_input *in, struct segmap_error *err)
{
	uint64_t *word = (uint64_t *)(void *)stack->bytes;
	uint64_t addr = copy_strings(stack, l->argv, l->argc, stack->arg_start);

	copy_strings(stack, l->envp, l->envc, addr);
	memcpy(at(stack, l->execfn), in->execfn, strlen(in->execfn) + 1);
	int r = lose_strings(stack, in, err);
	if (r < 0)
		return r;
	*word++ = l->argc;
	stack->arg_end = write_pointers(stack, l->argc, stack->arg_start, &word);
	stack->env_start = stack->arg_end;
	stack->env_end = write_pointers(stack, l->envc, stack->env_start, &word);
	stack->auxv_offset = (size_t)((uint8_t *)word - stack->bytes);
	for (size_t i = 0; i < l->auxc; i++) {
		*word++ = in->auxv[i].type;
		*word++ = pointer_value(l, &in->auxv[i]);
	}
	memcpy(at(stack, l->random), in->random, RANDOM_BYTES);
	if (in->platform)
		memcpy(at(stack, l->platform), in->platform, strlen(in->platform) + 1);
	return 0;
}

static int measure_all(struct layout *l, const struct segmap_stack_input *in,
		       struct segmap_error *err)
{
	int r;

	l->argv = in->argv && in->argv[0] ? in->argv : no_arguments;
	l->envp = in->envp ? in->envp : no_environment;
	l->strings = strlen(in->execfn) + 1;
	r = measure(l->envp, &l->envc, &l->strings, err);
	if (r == 0)
		r = measure(l->argv, &l->argc, &l->strings, err);
	return r ? r : check_limits(l, in, err);
}

int segmap_stack_check(const struct segmap_stack_input *in, struct segmap_error *err)
{
	struct layout l = {0};

	return measure_all(&l, in, err);
}

static int lay_out(struct layout *l, const struct segmap_stack_input *in,
		   struct segmap_error *err)
{
	int r = measure_all(l, in, err);

	if (r < 0)
		return r;
	while (in->auxv[l->auxc].type != AT_NULL)
		l->auxc++;
	place(l, in);
	return place_vma(l, in, err);
}

int segmap_stack_build(struct segmap_stack *stack, const struct segmap_stack_input *in,
		       struct segmap_error *err)
{
	struct layout l = {0};
	int r = lay_out(&l, in, err);

	if (r < 0)
		return r;
	size_t size = (size_t)(in->stack_end - l.sp);
	uint8_t *bytes = calloc(1, size);
	if (!bytes)
		return fail(err, MEMORY, SYSTEM, ENOMEM);
	struct segmap_stack made = {
		.bytes = bytes,
		.size = size,
		.sp = l.sp,
		.vma_start = l.vma_start,
		.arg_start = l.arg_start,
		.auxv_size = (l.auxc + 1) * sizeof(struct segmap_auxv),
	};
	r = write_all(&made, &l, in, err);
	if (r < 0)
		free(bytes);
	else
		*stack = made;
	return r;
}
