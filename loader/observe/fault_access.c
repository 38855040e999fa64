/*
 * Whether a fault was a read or a write, from the instruction that took it. Its bytes come from
 * the file that was mapped there. Of the disassembler's answers the operands are used, but not
 * what it says of access to them: Capstone 4 takes many stores of vector registers for reads.
 */
#include <segmap/faults.h>

#include "fault_family.h"

#include <capstone/capstone.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { INSTRUCTION_MAX = 15, CACHED = 4096 };

/* What an instruction does to memory. */
enum effect {
	EFFECT_UNKNOWN,
	EFFECT_READ,
	EFFECT_WRITE,
	EFFECT_PUSH, /* reads its operand, writes the stack */
	EFFECT_POP,  /* the reverse */
};

struct decoded {
	uint64_t ip;
	const char *name; /* of the file that was mapped there, borrowed, */
	uint64_t born;    /* and since which step: the same address can be other code later */
	unsigned length;  /* bytes; 0 if unknown */
	uint64_t operand; /* address of the operand in memory; 0 if unknown */
	enum effect effect;
};

struct decoder {
	csh capstone;
	const struct segmap_fault_context *context;
	struct decoded *cache; /* owned: CACHED of them */
};

/* ---- one instruction ---- */

/* The first operand is the destination, except of these. */
static bool reads_first(unsigned id)
{
	static const unsigned ids[] = {
		X86_INS_CMP,      X86_INS_TEST,    X86_INS_BT,         X86_INS_MUL,
		X86_INS_IMUL,     X86_INS_DIV,     X86_INS_IDIV,       X86_INS_JMP,
		X86_INS_LJMP,     X86_INS_FLD,     X86_INS_FILD,       X86_INS_FADD,
		X86_INS_FIADD,    X86_INS_FSUB,    X86_INS_FSUBR,      X86_INS_FISUB,
		X86_INS_FMUL,     X86_INS_FIMUL,   X86_INS_FDIV,       X86_INS_FDIVR,
		X86_INS_FIDIV,    X86_INS_FCOM,    X86_INS_FCOMP,      X86_INS_FLDCW,
		X86_INS_FLDENV,   X86_INS_FRSTOR,  X86_INS_LDMXCSR,    X86_INS_VLDMXCSR,
		X86_INS_FXRSTOR,  X86_INS_XRSTOR,  X86_INS_XRSTOR64,   X86_INS_FXRSTOR64,
		X86_INS_CMPSB,    X86_INS_CMPSW,   X86_INS_CMPSD,      X86_INS_CMPSQ,
		X86_INS_SCASB,    X86_INS_SCASW,   X86_INS_SCASD,      X86_INS_SCASQ,
		X86_INS_PREFETCH, X86_INS_CLFLUSH, X86_INS_CLFLUSHOPT,
	};

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		if (ids[i] == id)
			return true;
	return false;
}

static enum effect effect_on_stack(unsigned id)
{
	switch (id) {
	case X86_INS_CALL:
	case X86_INS_PUSH:
	case X86_INS_PUSHFQ:
	case X86_INS_ENTER:
		return EFFECT_PUSH;
	case X86_INS_RET:
	case X86_INS_POP:
	case X86_INS_POPFQ:
	case X86_INS_LEAVE:
		return EFFECT_POP;
	default:
		return EFFECT_UNKNOWN;
	}
}

/* An instruction on the stack that has no other operand in memory. */
static enum effect without_operand(enum effect effect)
{
	if (effect == EFFECT_PUSH)
		return EFFECT_WRITE;
	return effect == EFFECT_POP ? EFFECT_READ : EFFECT_UNKNOWN;
}

/* The address of an operand that does not depend on registers. */
static uint64_t find_operand(const cs_insn *instruction)
{
	const cs_x86 *x86 = &instruction->detail->x86;

	for (unsigned i = 0; i < x86->op_count; i++) {
		const cs_x86_op *op = &x86->operands[i];

		if (op->type == X86_OP_MEM && op->mem.base == X86_REG_RIP &&
		    op->mem.index == X86_REG_INVALID)
			return instruction->address + instruction->size +
			       (uint64_t)op->mem.disp;
	}
	return 0;
}

static enum effect find_effect(const cs_insn *instruction)
{
	const cs_x86 *x86 = &instruction->detail->x86;
	enum effect stack = effect_on_stack(instruction->id);
	unsigned count = 0, at = 0;

	for (unsigned i = 0; i < x86->op_count; i++)
		if (x86->operands[i].type == X86_OP_MEM && count++ == 0)
			at = i;
	if (count == 0)
		return without_operand(stack);
	if (stack != EFFECT_UNKNOWN)
		return stack;
	if (at > 0 || reads_first(instruction->id))
		return EFFECT_READ;
	return count == 1 ? EFFECT_WRITE : EFFECT_UNKNOWN; /* movs: either */
}

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
		n = pread(fd, bytes, INSTRUCTION_MAX,
			  (off_t)(ip - region->start + region->offset));
	close(fd);
	return n > 0 ? (size_t)n : 0;
}

/* Code that is in no file, of the process that has been stopped: its memory is still there. */
static size_t read_memory(pid_t pid, uint64_t ip, uint8_t *bytes)
{
	struct iovec to = {bytes, INSTRUCTION_MAX};
	struct iovec from = {(void *)(uintptr_t)ip, INSTRUCTION_MAX}; // NOLINT
	ssize_t n = process_vm_readv(pid, &to, 1, &from, 1, 0);

	return n > 0 ? (size_t)n : 0;
}

static void decode(const struct decoder *d, pid_t pid, const struct segmap_region *region,
		   struct decoded *out)
{
	uint8_t bytes[INSTRUCTION_MAX];
	cs_insn *instruction;
	size_t size = 0;

	if (region->inode)
		size = read_file(region, out->ip, bytes);
	else if (pid == d->context->pid)
		size = read_memory(pid, out->ip, bytes);
	if (size == 0 || cs_disasm(d->capstone, bytes, size, out->ip, 1, &instruction) == 0)
		return;
	out->length = instruction->size;
	out->effect = find_effect(instruction);
	out->operand = find_operand(instruction);
	cs_free(instruction, 1);
}

/* ---- faults ---- */

static const struct decoded *look_up(const struct decoder *d, const struct space *space,
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
static bool is_operand(const struct decoded *decoded, uint64_t addr)
{
	return addr >= decoded->operand && addr - decoded->operand < sizeof(uint64_t);
}

static enum segmap_access access_on_stack(const struct decoded *decoded, uint64_t addr)
{
	bool push = decoded->effect == EFFECT_PUSH;

	if (decoded->operand == 0)
		return SEGMAP_ACCESS_UNKNOWN;
	return is_operand(decoded, addr) == push ? SEGMAP_ACCESS_READ : SEGMAP_ACCESS_WRITE;
}

static enum segmap_access access_of(const struct decoder *d, const struct space *space,
				    const struct segmap_fault *fault)
{
	const uint64_t size = d->context->page_size;

	if (fault->ip / size == fault->addr / size)
		return SEGMAP_ACCESS_EXECUTE;
	const struct decoded *decoded = look_up(d, space, fault);
	if (!decoded)
		return SEGMAP_ACCESS_UNKNOWN;
	/* The end of an instruction that lies in two pages. */
	if (fault->addr > fault->ip && fault->addr < fault->ip + decoded->length)
		return SEGMAP_ACCESS_EXECUTE;
	switch (decoded->effect) {
	case EFFECT_READ:
		return SEGMAP_ACCESS_READ;
	case EFFECT_WRITE:
		return SEGMAP_ACCESS_WRITE;
	case EFFECT_PUSH:
	case EFFECT_POP:
		return access_on_stack(decoded, fault->addr);
	default:
		return SEGMAP_ACCESS_UNKNOWN;
	}
}

static int find_all(const struct decoder *d, struct segmap_faults *faults,
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
	struct decoder d = {.context = context, .cache = calloc(CACHED, sizeof(*d.cache))};
	int r = -ENOMEM;

	if (d.cache && cs_open(CS_ARCH_X86, CS_MODE_64, &d.capstone) == CS_ERR_OK) {
		cs_option(d.capstone, CS_OPT_DETAIL, CS_OPT_ON);
		r = find_all(&d, faults, &family);
		cs_close(&d.capstone);
	}
	family_free(&family);
	free(d.cache);
	return r;
}
