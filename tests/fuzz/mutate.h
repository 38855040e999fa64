/* SPDX-License-Identifier: MIT */
/* Inside the mutator: what a case is made with, and the values that fields get. */
#ifndef FUZZ_MUTATE_H
#define FUZZ_MUTATE_H

#include "fuzz.h"

#define PAGE      ((uint64_t)0x1000)
#define PAGE_MASK (PAGE - 1)

/* In the order of phdr_fields. */
enum phdr_field {
	P_TYPE,
	P_FLAGS,
	P_OFFSET,
	P_VADDR,
	P_PADDR,
	P_FILESZ,
	P_MEMSZ,
	P_ALIGN,
	P_FIELDS
};

struct random {
	uint64_t state;
};

uint64_t random64(struct random *r);
uint64_t below(struct random *r, uint64_t n);
bool chance(struct random *r, unsigned percent);

/* A case that is being made: its files are as the edits so far have left them. */
struct maker {
	struct fuzz_case *c;
	struct random random;
	enum which which; /* the file that is edited now */
	struct file file[FILES];
};

uint64_t phdr_value(const struct maker *m, int phdr, enum phdr_field field);

/* ---- value.c ---- */

uint64_t some_ehdr_value(struct maker *m, int field, uint64_t old);
uint64_t some_phdr_value(struct maker *m, int phdr, enum phdr_field field);

/* An address where something interesting may be; also outside of the address space. */
uint64_t some_address(struct maker *m);
/* Of a segment: small most often. */
uint64_t some_size(struct maker *m);
/* A number at which some check may turn. */
uint64_t some_boundary(struct maker *m);

#endif
