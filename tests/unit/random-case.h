/*
 * Random program header tables from a fixed seed, and a second opinion about what they make:
 * the address space, painted page by page from the headers with the rules of exec.md, which
 * shares no code with the planner.
 */
#ifndef UNIT_RANDOM_CASE_H
#define UNIT_RANDOM_CASE_H

#include "subject.h"

/* xorshift64*: the same numbers everywhere. */
struct random_source {
	uint64_t state; /* not 0 */
};

uint64_t random_next(struct random_source *random);

/* 0 ... LIMIT - 1 */
uint64_t random_below(struct random_source *random, uint64_t limit);

/* What a case is made of. S points into it. */
struct random_case {
	struct subject s;
	struct segmap_phdr phdrs[2][HEADERS];
};

/* Fills C. Most have small, mostly reasonable tables; some have wild numbers. */
void random_case_make(struct random_case *c, struct random_source *random);

/* For a failure's message: C as a row of a table. */
void random_case_describe(const struct random_case *c, char *text, size_t size);

/* What the model says a page is. */
struct page {
	int space; /* pages of different spaces never meet */
	uint64_t addr;
	bool file;
	int object, index, prot;
	uint64_t offset; /* in the file; 0 if there is no file behind it */
	uint64_t clear;  /* bytes at its end that bss has */
};

enum { PAGES_MAX = 2048 };

struct page_model {
	struct page page[PAGES_MAX];
	size_t count;
};

/* Paints what C's headers say, with the biases of its plan. False if it is too large. */
bool page_model_paint(struct page_model *model, const struct random_case *c);

#endif
