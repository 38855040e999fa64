/*
 * What the planner's tests have in common: images built by hand from literal program headers,
 * and mappings written as one line each, so that a row of a table shows input and output and a
 * failure shows both as text.
 */
#ifndef UNIT_SUBJECT_H
#define UNIT_SUBJECT_H

#include <elf.h>
#include <segmap/plan.h>

/* Flags and headers short enough for tables; R alone would hide too much of other headers. */
#define RO  PF_R
#define RX  (PF_R | PF_X)
#define RW  (PF_R | PF_W)
#define RWX (PF_R | PF_W | PF_X)

#define HEADER(type_, flags_, offset_, vaddr_, filesz_, memsz_, align_)                        \
	{                                                                                      \
		.type = (type_), .flags = (flags_), .offset = (offset_), .vaddr = (vaddr_),    \
		.filesz = (filesz_), .memsz = (memsz_), .align = (align_)                      \
	}
#define LOAD(flags, offset, vaddr, filesz, memsz)                                              \
	HEADER(PT_LOAD, flags, offset, vaddr, filesz, memsz, 0x1000)

/* Where the tests have their stack: that of a process that is not randomised. */
#define STACK_START 0x7ffffffde000
#define STACK_END   0x7ffffffff000

enum { HEADERS = 8 }; /* in a row of a table; a PT_NULL ends them */

/* What the planner is given, and what came out. */
struct subject {
	struct segmap_image images[2];
	bool has_interp;
	struct segmap_policy policy;
	struct segmap_plan *plan; /* NULL if it was refused */
	struct segmap_error err;
};

/* A program of TYPE (ET_*) with PHDRS, which must outlive S, and a policy without
 * randomisation. Its file is 16 MiB long. */
void subject_init(struct subject *s, uint16_t type, const struct segmap_phdr *phdrs,
		  uint64_t page);

/* S gets an interpreter too. */
void subject_add_interp(struct subject *s, uint16_t type, const struct segmap_phdr *phdrs);

/* Plans S; returns what segmap_plan_make did. Checks that a refusal leaves the output alone. */
int subject_plan(struct subject *s);

/* Frees what subject_plan has made. */
void subject_clear(struct subject *s);

/*
 * Writes COUNT mappings into TEXT, a line for each:
 *   file p1 r-x 401000+2000 @1000 skew 234 clear 402345+cbb reserve 3000
 *   anon i0 rw- 404000+1000
 * p and i are the program and the interpreter, 1 the header's index; all numbers but that are
 * hexadecimal, and what is 0 is left out.
 */
void describe_mappings(const struct segmap_mapping *list, size_t count, char *text,
		       size_t size);

/* The same of the flattened plan. */
void describe_flat(const struct segmap_plan *plan, char *text, size_t size);

#endif
