/* Stage 3: the plan's mappings, made. Beside the handover the only file that maps anything. */
#include <segmap/map.h>

#include "checked.h"
#include "fail.h"
#include "trace.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/mman.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
	ROOM_STEP = 1 << 30, /* bytes between two places tried for what is not at home */
	ROOM_TRIES = 4 << 10,
	ZEROS = 4 << 10, /* bytes */
	PIECES_MAX = 16, /* of so many zeros, cleared by one system call: the largest page */
};

static int map_pages(uint64_t addr, const struct segmap_mapping *m, int fd)
{
	int flags = MAP_PRIVATE | MAP_FIXED_NOREPLACE;

	if (m->kind == SEGMAP_ANON_PRIVATE) {
		flags |= MAP_ANONYMOUS;
		fd = -1;
	}
	/* An address, not an object: all pointer arithmetic on it is done in uint64_t. */
	void *got =
		mmap((void *)addr, m->length, m->prot, flags, fd, (off_t)m->offset); // NOLINT
	if (got == MAP_FAILED)
		return -errno;
	if ((uint64_t)got == addr)
		return 0;
	munmap(got, m->length); /* before Linux 4.17 the flag is a mere hint */
	return -EEXIST;
}

static void trace_mapping(const struct segmap_options *options, const struct segmap_mapping *m,
			  uint64_t where, bool at_home)
{
	char why[96], prot[4] = "---";

	if (!options || !options->trace)
		return;
	if (m->prot & PROT_READ)
		prot[0] = 'r';
	if (m->prot & PROT_WRITE)
		prot[1] = 'w';
	if (m->prot & PROT_EXEC)
		prot[2] = 'x';
	snprintf(why, sizeof(why), "%s header %d: %s%s",
		 m->object == SEGMAP_PROGRAM ? "program" : "interpreter", m->index,
		 m->kind == SEGMAP_FILE_PRIVATE ? "bytes of the file" : "bss",
		 at_home ? "" : ", to be moved to its place later");
	segmap_trace_call(options, why,
			  "mmap(0x%" PRIx64 ", %" PRIu64
			  ", %s, MAP_PRIVATE%s|MAP_FIXED_NOREPLACE, offset 0x%" PRIx64 ")",
			  where, m->length, prot,
			  m->kind == SEGMAP_ANON_PRIVATE ? "|MAP_ANONYMOUS" : "", m->offset);
}

/* Does [ADDR, ADDR + LENGTH) meet a place where something of the plan belongs? */
static bool is_wanted(const struct segmap_plan *plan, uint64_t addr, uint64_t length)
{
	for (size_t i = 0; i < plan->mapping_count; i++) {
		const struct segmap_mapping *m = &plan->mappings[i];

		if (plan->objects[m->object].place == SEGMAP_PLACE_FIXED &&
		    m->addr < addr + length && m->addr + m->length > addr)
			return true;
	}
	return false;
}

/* Between the mmap area and the stack: mmap puts nothing there by itself, so what waits there
 * is not in the way when the stub asks it for a place. */
static int map_below_stack(struct segmap_map *map, const struct segmap_mapping *m, int fd,
			   uint64_t *where)
{
	uint64_t addr = map->below_stack - m->length;

	if (m->length > map->below_stack || addr < map->plan->room_start ||
	    is_wanted(map->plan, addr, m->length))
		return -ENOSPC;
	int r = map_pages(addr, m, fd);
	if (r < 0)
		return r;
	*where = addr;
	/* Not beside the next. Merged with memory that is in use it would keep that one's
	 * offsets when it is moved, and not be one with the heap that begins where it ends. */
	map->below_stack = addr - map->plan->rules.page_size;
	return 0;
}

/* Maps M at the next free address that the program does not want. */
static int map_aside(struct segmap_map *map, const struct segmap_mapping *m, int fd,
		     uint64_t *where)
{
	uint64_t task_size = map->plan->rules.task_size;

	if (map_below_stack(map, m, fd, where) == 0)
		return 0;
	for (int tries = 0; tries < ROOM_TRIES; tries++) {
		uint64_t addr = map->cursor;
		int r = -EEXIST;

		if (m->length > task_size || addr > task_size - m->length)
			break;
		if (!is_wanted(map->plan, addr, m->length))
			r = map_pages(addr, m, fd);
		if (r == 0) {
			map->cursor = addr + m->length + map->plan->rules.page_size;
			*where = addr;
			return 0;
		}
		if (r != -EEXIST)
			return r;
		map->cursor = page_down(addr + ROOM_STEP, ROOM_STEP);
	}
	return -ENOSPC;
}

/*
 * Clears LENGTH bytes, less than a page, by a system call: where the page cannot be had,
 * because the file has become shorter, that is an error and not a SIGBUS. The second way, for
 * where the first one is forbidden, asks for the page and clears it then; only between these
 * two steps the file must not shrink. Returns 0 or a positive errno.
 */
static int clear_bytes(uint64_t addr, uint64_t length, uint64_t page)
{
	static uint8_t zeros[ZEROS]; /* never written to: the shared page of zeros */
	const struct iovec to = {(void *)addr, length}; // NOLINT
	struct iovec from[PIECES_MAX];
	uint64_t left = length;
	size_t pieces = 0;

	for (; left && pieces < PIECES_MAX; left -= from[pieces++].iov_len)
		from[pieces] = (struct iovec){zeros, min_u64(left, ZEROS)};
	if (left == 0) {
		if (process_vm_writev(getpid(), from, pieces, &to, 1, 0) == (ssize_t)length)
			return 0;
		if (errno == EFAULT)
			return EFAULT;
	}
	if (madvise((void *)page_down(addr, page), page, MADV_POPULATE_WRITE) < 0 && // NOLINT
	    errno != EINVAL && errno != EPERM)
		return errno;
	memset((void *)addr, 0, length); // NOLINT
	return 0;
}

/* Where bss begins inside the last page of file bytes. */
static int clear_tail(const struct segmap_mapping *m, uint64_t shift, uint64_t page,
		      struct segmap_error *err)
{
	uint64_t addr = m->clear_addr + shift;
	int failed = m->clear_length ? clear_bytes(addr, m->clear_length, page) : 0;

	if (failed)
		return fail(err, TAIL, KILLS, failed, .object = m->object, .index = m->index,
			    .value = {m->clear_addr, m->clear_length});
	return 0;
}

static bool is_within(const struct rlimit *limit, uint64_t length)
{
	return limit->rlim_cur != RLIM_INFINITY && length <= limit->rlim_cur;
}

/* Did a limit forbid LENGTH bytes under which this process's own memory counts too? Then nobody
 * knows what execve, which has given up the old memory, would do. */
static bool counts_us(uint64_t length)
{
	struct rlimit space, data;

	return (getrlimit(RLIMIT_AS, &space) == 0 && is_within(&space, length)) ||
	       (getrlimit(RLIMIT_DATA, &data) == 0 && is_within(&data, length));
}

/*
 * What the kernel counts against its memory: all of a writable mapping, also where a later one
 * will replace it, and to begin with the whole span that an object's first one reserves. Asked
 * by mapping as much somewhere, where that can be too much.
 */
static int check_account(const struct segmap_mapping *m, int fd, struct segmap_error *err)
{
	const uint64_t least = UINT64_C(1) << 30, most = UINT64_C(1) << 46;
	uint64_t length = min_u64(max_u64(m->length, m->reserve), most);
	bool anonymous = m->kind == SEGMAP_ANON_PRIVATE;

	if (!(m->prot & PROT_WRITE) || (length < least && m->reserve <= m->length))
		return 0;
	void *got = mmap(NULL, length, m->prot, MAP_PRIVATE | (anonymous ? MAP_ANONYMOUS : 0),
			 anonymous ? -1 : fd, (off_t)m->offset);
	if (got == MAP_FAILED && errno == ENOMEM && counts_us(length))
		return fail(err, MAP, SYSTEM, ENOMEM, .object = m->object, .index = m->index,
			    .step = "mmap", .value = {m->addr, length, m->offset});
	if (got == MAP_FAILED)
		return fail(err, MAP, KILLS, errno, .object = m->object, .index = m->index,
			    .step = "mmap", .value = {m->addr, length, m->offset});
	munmap(got, length);
	return 0;
}

/* What waits aside would be in the way of an object that needs most of the address space, or
 * that is to be where it waits. */
static int check_room(const struct segmap_map *map, struct segmap_error *err)
{
	const struct segmap_plan *plan = map->plan;
	uint64_t start = page_down(plan->rules.stack_top_max / 8, ROOM_STEP);

	for (size_t i = 0; i < plan->object_count; i++) {
		const struct segmap_object *o = &plan->objects[i];
		bool in_middle = map->cursor != start && (o->span > start || o->hint);
		bool at_top = o->hint && o->hint + o->span > plan->room_start;

		if (o->place == SEGMAP_PLACE_SEARCH && (in_middle || at_top))
			return fail(err, NO_ROOM, SYSTEM, ENOMEM,
				    .object = (enum segmap_object_id)i, .value = {o->span});
	}
	return 0;
}

/* Does B go on where A ends, in memory and in the file? The kernel makes one of the two, and
 * two that wait in different places could not be joined when both have had their tail cleared.
 */
static bool continues(const struct segmap_mapping *a, const struct segmap_mapping *b)
{
	return a->kind == SEGMAP_FILE_PRIVATE && b->kind == SEGMAP_FILE_PRIVATE &&
	       a->object == b->object && a->prot == b->prot && a->addr + a->length == b->addr &&
	       a->offset + a->length == b->offset;
}

/* How many of COUNT mappings are one for the kernel, beginning with the first. */
static size_t run_length(const struct segmap_mapping *m, size_t count)
{
	size_t n = 1;

	while (n < count && continues(&m[n - 1], &m[n]))
		n++;
	return n;
}

static int map_run(struct segmap_map *map, const struct segmap_mapping *run, size_t count,
		   int fd, const struct segmap_options *options, struct segmap_error *err)
{
	struct segmap_piece *piece = &map->pieces[map->count];
	struct segmap_mapping whole = run[0], *m = &whole;
	bool fixed = map->plan->objects[m->object].place == SEGMAP_PLACE_FIXED;

	whole.length = run[count - 1].addr + run[count - 1].length - run[0].addr;
	int r = fixed ? map_pages(m->addr, m, fd) : -EEXIST;
	piece->final = whole;
	piece->where = m->addr;
	if (r == -EEXIST)
		r = map_aside(map, m, fd, &piece->where);
	if (r == -ENOSPC)
		return fail(err, NO_ROOM, SYSTEM, ENOMEM, .value = {m->length});
	if (r == -ENOMEM && counts_us(m->length))
		return fail(err, MAP, SYSTEM, ENOMEM, .object = m->object, .index = m->index,
			    .step = "mmap", .value = {m->addr, m->length, m->offset});
	if (r < 0)
		return fail(err, MAP, KILLS, -r, .object = m->object, .index = m->index,
			    .step = "mmap", .value = {m->addr, m->length, m->offset});
	map->count++;
	trace_mapping(options, m, piece->where, piece->where == m->addr);
	r = 0;
	for (size_t i = 0; r == 0 && i < count; i++)
		r = clear_tail(&run[i], piece->where - m->addr, map->plan->rules.page_size,
			       err);
	return r;
}

int segmap_map_create(struct segmap_map **out, const struct segmap_plan *plan,
		      const struct segmap_image *const images[2],
		      const struct segmap_options *options, struct segmap_error *err)
{
	struct segmap_mapping *flat = NULL;
	size_t count = 0;
	int r = segmap_plan_flatten(plan, &flat, &count);
	struct segmap_map *map = r == 0 ? calloc(1, sizeof(*map)) : NULL;

	if (map)
		map->pieces = calloc(count + 1, sizeof(*map->pieces));
	if (!map || !map->pieces) {
		free(map);
		free(flat);
		return fail(err, MEMORY, SYSTEM, ENOMEM);
	}
	map->plan = plan;
	map->cursor = page_down(plan->rules.stack_top_max / 8, ROOM_STEP);
	map->below_stack = plan->room_end;
	for (size_t i = 0; r == 0 && i < plan->mapping_count; i++)
		r = check_account(&plan->mappings[i], images[plan->mappings[i].object]->fd,
				  err);
	for (size_t i = 0, n; r == 0 && i < count; i += n) {
		n = run_length(&flat[i], count - i);
		r = map_run(map, &flat[i], n, images[flat[i].object]->fd, options, err);
	}
	free(flat);
	for (size_t i = 0; r == 0 && i < plan->object_count; i++)
		r = segmap_image_check(images[i], err);
	if (r == 0)
		r = check_room(map, err);
	if (r == 0)
		*out = map;
	else
		segmap_map_destroy(map);
	return r;
}

int segmap_map_room(struct segmap_map *map, uint64_t length, uint64_t *addr,
		    struct segmap_error *err)
{
	struct segmap_mapping m = {
		.kind = SEGMAP_ANON_PRIVATE,
		.prot = PROT_READ | PROT_WRITE,
		.length = page_up(length, map->plan->rules.page_size),
	};

	if (map_aside(map, &m, -1, addr) < 0)
		return fail(err, NO_ROOM, SYSTEM, ENOMEM, .value = {length});
	return 0;
}

void segmap_map_destroy(struct segmap_map *map)
{
	if (!map)
		return;
	for (size_t i = 0; i < map->count; i++)
		munmap((void *)map->pieces[i].where, map->pieces[i].final.length); // NOLINT
	free(map->pieces);
	free(map);
}
