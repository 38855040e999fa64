/*
 * Memory for a process that lives a millisecond: taken from one block in bss and given back by
 * nobody but the last who took it. A libc's allocator would ask the kernel a dozen times first.
 *
 * Only for a segload that is linked with musl, whose own malloc can be replaced so.
 */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
	ARENA = 256 << 10, /* bytes; a page of it costs nothing until it is touched */
	ALIGNMENT = 16,
	LARGE = 64 << 10, /* bytes from which a mapping of its own is made */
};

/* What stands before each block. */
struct block {
	size_t size;   /* that was asked for */
	size_t mapped; /* length of its own mapping, or 0 */
};

_Static_assert(sizeof(struct block) == ALIGNMENT, "blocks stay aligned");

/* Behind all other variables, which then share the page that exec has to clear the end of. */
static _Alignas(ALIGNMENT) unsigned char arena[ARENA] __attribute__((section(".bss.zz")));
static size_t used;

static size_t rounded(size_t size)
{
	return (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
}

static void *map_block(size_t size)
{
	size_t length = rounded(size) + sizeof(struct block);
	struct block *block =
		mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (block == MAP_FAILED)
		return NULL;
	*block = (struct block){size, length};
	return block + 1;
}

/* Not malloc itself: a compiler makes malloc and memset a call of calloc. */
static void *take(size_t size)
{
	if (size > PTRDIFF_MAX - 2 * sizeof(struct block)) {
		errno = ENOMEM;
		return NULL;
	}
	size_t length = rounded(size) + sizeof(struct block);

	if (size >= LARGE || length > ARENA - used)
		return map_block(size);
	struct block *block = (struct block *)(void *)(arena + used);

	used += length;
	*block = (struct block){size, 0};
	return block + 1;
}

void *malloc(size_t size)
{
	return take(size);
}

static bool is_last(const struct block *block)
{
	return (const unsigned char *)(block + 1) + rounded(block->size) == arena + used;
}

void free(void *memory)
{
	if (!memory)
		return;
	struct block *block = (struct block *)memory - 1;

	if (block->mapped)
		munmap(block, block->mapped);
	else if (is_last(block))
		used = (size_t)((unsigned char *)block - arena);
}

void *calloc(size_t count, size_t each)
{
	size_t size;

	if (__builtin_mul_overflow(count, each, &size)) {
		errno = ENOMEM;
		return NULL;
	}
	void *memory = take(size);

	return memory ? memset(memory, 0, size) : NULL;
}

void *realloc(void *memory, size_t size)
{
	if (!memory)
		return malloc(size);
	struct block *block = (struct block *)memory - 1;

	if (size <= block->size)
		return memory;
	void *more = malloc(size);

	if (!more)
		return NULL;
	memcpy(more, memory, block->size);
	free(memory);
	return more;
}
