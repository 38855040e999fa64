/*
 * Stage 2, plan: which mappings make this image a process. A pure function: it makes no system
 * call, reads no global, and gives the same plan for the same input.
 */
#ifndef SEGMAP_PLAN_H
#define SEGMAP_PLAN_H

#include <segmap/image.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* The kernel's and the CPU's numbers; segmap_rules_native() has those of this build's CPU. */
struct segmap_rules {
	uint16_t machine;     /* e_machine that is loaded */
	const char *platform; /* AT_PLATFORM; NULL if there is no such entry */
	uint64_t page_size;   /* bytes, a power of two */
	uint64_t task_size;   /* first address past the user's half (exec.md 1.2) */
	/* What task_size may be on a CPU and kernel with more bits of address, or 0. mmap
	 * searches no higher than without them, unless asked to. */
	uint64_t wide_task_size;
	uint64_t stack_top_max; /* end of the stack when nothing is randomised */
	uint64_t et_dyn_base;   /* where an ET_DYN with an interpreter starts, not randomised */
	unsigned mmap_rnd_bits; /* of randomness, in pages, added to et_dyn_base */
	uint64_t brk_rnd_range; /* bytes over which the start of the heap is drawn */
	uint64_t stack_shift_range; /* and the gap under the strings of the stack; 1 for none */
	/* What has changed from one kernel to the next (exec.md 1.6). */
	uint64_t phdr_table_max; /* bytes of program headers; more is ENOEXEC */
	bool tail_fault_kills;   /* bss's first bytes are past the end of the file: dies, or not
				  */
	/* One bss for the object, after the file bytes of its last segment; or one a segment.
	 */
	bool program_bss_joined, interp_bss_joined;
	bool static_pie_aligned; /* p_align counts without an interpreter as well */
	bool heap_always_moved;  /* away from a static PIE, also if not randomised */
	bool named_by_file; /* comm of a program from a descriptor: else by the descriptor */
	bool differing_ids_gain; /* effective ids that are not the real ones count as set-id */
	bool span_by_order; /* from the table's first PT_LOAD to its last; or low to high */
	/* The word of PT_GNU_PROPERTY that is looked at, 0 if none is; its bit that asks for
	 * PROPERTY_PROT on executable segments, which is 0 where the CPU has no such thing. */
	uint32_t property_type, property_bit;
	int property_prot;
	bool vdso_above_stack; /* or in the mmap area, after the interpreter */
};

/* Fills RULES for this CPU, PAGE_SIZE (bytes) and the newest kernel that is known, 6.18. */
void segmap_rules_native(struct segmap_rules *rules, uint64_t page_size);

/* The same for the CPU whose programs have MACHINE as e_machine (EM_AARCH64, say), whatever CPU
 * this one is. Returns 0, or -ENOEXEC with RULES untouched if segmap has no rules for it. */
int segmap_rules_for(struct segmap_rules *rules, uint16_t machine, uint64_t page_size);

/* The sizes of a page that kernels for MACHINE can have: each is a bit of the sum. 0 if segmap
 * has no rules for that CPU. */
uint64_t segmap_rules_page_sizes(uint16_t machine);

/* Changes RULES to those of the kernel RELEASE, as uname(2) says it: "6.1.0-28-amd64", or just
 * "6.1". Returns 0, or -EINVAL with RULES untouched if it does not begin with two numbers. */
int segmap_rules_set_kernel(struct segmap_rules *rules, const char *release);

/* Takes out of RULES what a CPU whose AT_HWCAP2 is HWCAP2 does not have. Without this call they
 * are those of a CPU that has everything. */
void segmap_rules_set_hwcap2(struct segmap_rules *rules, uint64_t hwcap2);

/* What the planner is told about the process that is to be, besides the files. */
struct segmap_policy {
	struct segmap_rules rules;
	bool randomize;     /* PF_RANDOMIZE: randomize_va_space > 0 and no ADDR_NO_RANDOMIZE */
	bool randomize_brk; /* randomize_va_space > 1 as well */
	uint64_t random[2]; /* entropy for the base of an ET_DYN and for the heap */
	uint64_t stack_start; /* range of the initial stack; both 0 if it is not known */
	uint64_t stack_end;
};

/* The kinds of mapping that a load makes; segmap_mapping_kind_name says them. */
enum segmap_mapping_kind {
	SEGMAP_FILE_PRIVATE,
	SEGMAP_ANON_PRIVATE,
};

/*
 * One mapping, in the kernel's order of making them: a later one replaces what it overlaps.
 * addr is final where the object's place is (SEGMAP_PLACE_FIXED), else relative to its bias.
 */
struct segmap_mapping {
	enum segmap_mapping_kind kind;
	enum segmap_object_id object;
	int index;             /* of the program header it comes from */
	int prot;              /* PROT_* bits, those that only this CPU has among them */
	uint64_t addr;         /* page aligned */
	uint64_t length;       /* bytes, a whole number of pages, never 0 */
	uint64_t offset;       /* in the file, page aligned; 0 for anonymous ones */
	uint64_t skew;         /* bytes of the first page that lie before the segment */
	uint64_t clear_addr;   /* bytes of the last file page to be cleared: bss's beginning */
	uint64_t clear_length; /* 0 if there are none, or if the segment is not writable */
	uint64_t reserve; /* bytes the kernel maps at first to hold the object's span, or 0 */
};

/* Who decides the address of an object. */
enum segmap_place {
	SEGMAP_PLACE_FIXED,  /* bias is final */
	SEGMAP_PLACE_SEARCH, /* mmap's choice, near hint, for span bytes; bias is 0 till then */
};

/* The program or the interpreter in the plan. */
struct segmap_object {
	enum segmap_place place;
	bool noreplace;  /* its first mapping may not replace anything (MAP_FIXED_NOREPLACE) */
	uint64_t bias;   /* what is added to each p_vaddr */
	uint64_t base;   /* page of the first PT_LOAD's p_vaddr: bias = mmap's address - base */
	uint64_t span;   /* bytes from the lowest to the highest mapped byte's page end */
	uint64_t align;  /* a power of two: the address is rounded down to it; 0 for none */
	uint64_t hint;   /* first argument of the kernel's mmap */
	uint64_t offset; /* file offset and protection of that first mapping */
	int prot;
	/* Of the empty segments of an object that mmap places: the lowest and the highest
	 * address, as distances from mmap's. Outside user space, they kill. */
	int64_t empty_low, empty_high;
	uint64_t entry; /* e_entry + bias */
};

struct segmap_plan {
	struct segmap_rules rules;
	struct segmap_object objects[2]; /* indexed by enum segmap_object_id */
	size_t object_count;             /* 1 without an interpreter */
	struct segmap_mapping *mappings; /* owned; in the kernel's order */
	size_t mapping_count;
	uint64_t entry; /* first instruction: the interpreter's if there is one, 0 if that is
			 * not at hand */
	/* The following belong to the program, and move with its bias. */
	uint64_t phdr_addr; /* AT_PHDR */
	uint64_t start_code, end_code, start_data, end_data;
	uint64_t brk;      /* start of the heap */
	bool brk_moved;    /* the heap is away from the program: brk does not move with it */
	bool stack_exec;   /* the stack is rwx */
	size_t phdr_count; /* AT_PHNUM */
	/* Where a loader may put things aside: below the stack, above what mmap gives. */
	uint64_t room_start, room_end;
};

/*
 * Plans the load of PROGRAM, with INTERP if it names one (else NULL), under POLICY. Where one
 * is named and not at hand, NULL gives the plan of the program alone, which is for looking at.
 * On success *PLAN is the caller's, to be given to segmap_plan_free.
 * Errors: -ENOEXEC, -ELIBBAD and -EIO for what depends on the kernel or the CPU, the number of
 * program headers and PT_GNU_PROPERTY; all other refusals stand for a death inside execve
 * (SEGMAP_VERDICT_KILLS), or -ENOMEM. *PLAN is untouched then.
 */
int segmap_plan_make(struct segmap_plan **plan, const struct segmap_image *program,
		     const struct segmap_image *interp, const struct segmap_policy *policy,
		     struct segmap_error *err);

/*
 * What remains of the plan's mappings when each has replaced what it overlaps: a new array, at
 * *PIECES, of *COUNT mappings sorted by object place and address, no two of which overlap. The
 * caller frees it with free(3). Returns 0 or -ENOMEM.
 */
int segmap_plan_flatten(const struct segmap_plan *plan, struct segmap_mapping **pieces,
			size_t *count);

/* Adds BIAS to everything in PLAN that moves with object ID, which must be SEARCH; it is FIXED
 * afterwards. For printing; the handover does the same to the memory of the new process. */
void segmap_plan_settle(struct segmap_plan *plan, enum segmap_object_id id, uint64_t bias);

/* Frees PLAN; NULL is allowed. */
void segmap_plan_free(struct segmap_plan *plan);

/* "file-private" or "anon-private". */
const char *segmap_mapping_kind_name(enum segmap_mapping_kind kind);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
