/*
 * Whether a fault was a read or a write, from the instruction that took it. Its bytes come from
 * the file that was mapped there.
 */
#include <segmap/faults.h>

#include "arch_instruction.h"
#include "fault_family.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { CACHED = 4093 }; /* a prime, so that all of an address counts */

struct decoded {
	uint64_t ip;
	const char *name; /* of the file that was mapped there, borrowed, */
	uint64_t born;    /* and since which step: the same address can be other code later */
	struct arch_instruction instruction;
};

struct access_finder {
	struct arch_decoder *decoder;
	const struct segmap_fault_context *context;
	struct decoded *cache; /* owned: CACHED of them */
};

/* ---- one instruction ---- */

static size_t read_file(const struct segmap_region *region, uint64_t ip, uint8_t *bytes)
{
	int fd = region->name[0] == '/'
			 ? open(region->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
			 : -1;
	struct stat st;
	ssize_t n = 0;

	if (fd < 0)
		return 0;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_ino == region->inode)
		n = pread(fd, bytes, ARCH_INSTRUCTION_MAX,
			  (off_t)(ip - region->start + region->offset));
	close(fd);
	return n > 0 ? (size_t)n : 0;
}

/* Code that is in no file, of the process that has been stopped: its memory is still there. */
static size_t read_memory(pid_t pid, uint64_t ip, uint8_t *bytes)
{
	struct iovec to = {bytes, ARCH_INSTRUCTION_MAX};
	struct iovec from = {(void *)(uintptr_t)ip, ARCH_INSTRUCTION_MAX}; // NOLINT
	ssize_t n = process_vm_readv(pid, &to, 1, &from, 1, 0);

	return n > 0 ? (size_t)n : 0;
}

static void decode(const struct access_finder *d, pid_t pid, const struct segmap_region *region,
		   struct decoded *out)
{
	uint8_t bytes[ARCH_INSTRUCTION_MAX];
	size_t size = 0;

	if (region->inode)
		size = read_file(region, out->ip, bytes);
	else if (pid == d->context->pid)
		size = read_memory(pid, out->ip, bytes);
	if (size)
		arch_decode(d->decoder, bytes, size, out->ip, &out->instruction);
}

/* ---- faults ---- */

static const struct decoded *look_up(const struct access_finder *d, const struct space *space,
				     const struct segmap_fault *fault)
{
	const struct known_region *region = space_find_region(space, fault->ip);
	struct decoded *cached = &d->cache[fault->ip % CACHED];

	if (!region)
		return NULL;
	if (cached->ip == fault->ip && cached->name == region->region.name &&
	    cached->born == region->born)
		return cached;
	*cached = (struct decoded){
		.ip = fault->ip, .name = region->region.name, .born = region->born};
	decode(d, fault->pid, &region->region, cached);
	return cached;
}

/* Of an instruction that has an operand in memory and uses the stack: was it the operand? */
static bool is_operand(const struct arch_instruction *i, uint64_t addr)
{
	return addr >= i->operand && addr - i->operand < sizeof(uint64_t);
}

static enum segmap_access access_on_stack(const struct arch_instruction *i, uint64_t addr)
{
	bool push = i->effect == ARCH_EFFECT_PUSH;

	if (i->operand == 0)
		return SEGMAP_ACCESS_UNKNOWN;
	return is_operand(i, addr) == push ? SEGMAP_ACCESS_READ : SEGMAP_ACCESS_WRITE;
}

static enum segmap_access access_of(const struct access_finder *d, const struct space *space,
				    const struct segmap_fault *fault)
{
	const uint64_t size = d->context->page_size;

	if (fault->ip / size == fault->addr / size)
		return SEGMAP_ACCESS_EXECUTE;
	const struct decoded *decoded = look_up(d, space, fault);
	if (!decoded)
		return SEGMAP_ACCESS_UNKNOWN;
	/* The end of an instruction that lies in two pages. */
	if (fault->addr > fault->ip && fault->addr < fault->ip + decoded->instruction.length)
		return SEGMAP_ACCESS_EXECUTE;
	switch (decoded->instruction.effect) {
	case ARCH_EFFECT_READ:
		return SEGMAP_ACCESS_READ;
	case ARCH_EFFECT_WRITE:
		return SEGMAP_ACCESS_WRITE;
	case ARCH_EFFECT_PUSH:
	case ARCH_EFFECT_POP:
		return access_on_stack(&decoded->instruction, fault->addr);
	default:
		return SEGMAP_ACCESS_UNKNOWN;
	}
}

static int find_all(const struct access_finder *d, struct segmap_faults *faults,
		    struct family *family)
{
	size_t fault = 0, happening = 0;
	uint64_t step = 0;
	int r = family_begin(family, d->context);

	while (r == 0 && fault < faults->count) {
		struct segmap_fault *f = &faults->items[fault];

		step++;
		if (family_happens_next(faults, fault, happening)) {
			r = family_happen(family, &faults->happenings[happening++], step);
			continue;
		}
		struct space *space = family_take(family, f->pid);
		if (!space)
			r = -ENOMEM;
		else if (!f->kernel)
			f->access = access_of(d, space, f);
		fault++;
	}
	return r;
}

int segmap_faults_find_access(struct segmap_faults *faults,
			      const struct segmap_fault_context *context)
{
	struct family family = {.first = context->pid};
	struct access_finder d = {.context = context,
				  .cache = calloc(CACHED, sizeof(*d.cache))};
	int r = d.cache ? arch_decoder_open(&d.decoder) : -ENOMEM;

	if (r == 0)
		r = find_all(&d, faults, &family);
	arch_decoder_free(d.decoder);
	family_free(&family);
	free(d.cache);
	return r;
}
