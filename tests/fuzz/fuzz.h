/* SPDX-License-Identifier: MIT */
/*
 * The differential fuzzer's parts: a case is two files, a program and the interpreter that it
 * may name, made from good ones by a list of edits; judge asks execve and segload about it.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

enum {
	FILE_MAX = 0x10000, /* of an edited file; bases have 0x4800 bytes */
	PHDRS = 10,         /* program headers in every base, empty ones included */
	TABLE = 0x40,       /* where they are */
	EDITS_MAX = 96,
	TEXT_MAX = 16384, /* of what is kept of a process: maps, output */
};

/* ---- edit.c: the two files, and what can be done to them ---- */

enum which { PROGRAM, INTERPRETER, FILES };

struct file {
	unsigned char bytes[FILE_MAX];
	size_t size;
};

/* A good program, with its interpreter if it has one, and how craft makes it. */
struct base {
	const char *name[FILES];  /* in testdata; interpreter NULL for none */
	const char *edits[FILES]; /* before any other, in craft's language */
	struct file file[FILES];
};

enum edit_kind { SET_EHDR, SET_PHDR, SWAP, RESIZE };

struct edit {
	enum edit_kind kind;
	enum which which;
	int field;      /* index into ehdr_fields or phdr_fields */
	int phdr;       /* SET_PHDR, SWAP: the header */
	uint64_t value; /* the field's; SWAP: the other header; RESIZE: the size */
};

struct field {
	const char *name;
	size_t offset, width;
};

extern const struct field ehdr_fields[];
extern const struct field phdr_fields[];
extern const int ehdr_field_count, phdr_field_count;

struct fuzz_case {
	const struct base *base;
	uint64_t number;
	size_t count;
	struct edit edits[EDITS_MAX];
};

void edit_apply(struct file *file, const struct edit *edit);
uint64_t edit_get(const struct file *file, const struct edit *edit);

/* The files of CASE without the edits whose bit in SKIP is set (NULL: all are done). */
void case_build(const struct fuzz_case *c, const bool *skip, struct file out[FILES]);

/* As `program BASE EDIT...` and `interp BASE EDIT...`, in craft's language. */
void case_print(const struct fuzz_case *c, FILE *out);

/* ---- mutate.c ---- */

/* Case NUMBER of SEED, one of the COUNT bases changed: always the same for the same numbers. */
void mutate(struct fuzz_case *c, uint64_t seed, uint64_t number, const struct base *bases,
	    size_t count);

/* ---- place.c: where a case's files are put, and run ---- */

struct place {
	char directory[256]; /* only the two files are in it; also the working directory */
	char path[FILES][300];
	char segload[256];  /* a copy of it */
	int null, out, err; /* the standard descriptors of what is run */
	off_t size[FILES];
};

bool place_open(struct place *place, const char *parent, const char *segload);
bool place_put(struct place *place, enum which which, const struct file *file);
void place_close(struct place *place);

/* ---- confine.c: in the child, before either loader ---- */

/* DATA is a struct limits. Ends the process if it cannot be confined. */
struct limits {
	const char *directory;
	unsigned scale; /* multiplies the time that is allowed */
};
void confine(void *data);

/* ---- judge.c ---- */

enum opinion {
	AGREE,
	EXPECTED, /* a difference that docs/kernel-differences.md has */
	DISAGREE,
	NOT_REPEATABLE, /* two runs by execve differ */
	BROKEN,         /* the fuzzer itself could not do it */
};

struct judgement {
	enum opinion opinion;
	char kind[64];   /* of a disagreement, in a few words without numbers */
	char text[4096]; /* and all of it */
};

/* Both loaders on the files in PLACE. */
void judge(struct place *place, struct judgement *judgement);

/* ---- observe.c: one run ---- */

enum ending {
	FAILS, /* execve returns, or segload says it would */
	DIES,  /* within execve, or segload says it would */
	RUNS,
	UNSUPPORTED, /* segload says it cannot */
	STRANGE,     /* none of it */
};

struct run {
	enum ending ending;
	int error;        /* FAILS; -1 for a name that was not understood */
	int status;       /* RUNS: how it ended */
	bool out_of_time; /* ended because of that */
	bool undescribed; /* RUNS: PR_SET_MM_MAP would refuse this layout */
	uint64_t entry;   /* RUNS: instruction and stack pointer at the first instruction */
	uint64_t stack;
	uint64_t flags; /* RUNS: the flags register then */
	char maps[TEXT_MAX];
	char out[TEXT_MAX], err[TEXT_MAX];
};

/* How to run: for SCALE times the usual time, and, if LIKE is not NULL, with its flags register
 * at the first instruction. */
struct way {
	bool by_segload;
	unsigned scale;
	const struct run *like;
};

bool observe(struct run *run, struct place *place, const struct way *way);

/* ---- compat.c ---- */

/* Is the program for the kernel's 32-bit mode, which a process of 64 bits cannot enter
 * (kernel-differences.md), and was it run by the KERNEL for that, or refused for lack of it? */
bool is_compat(const struct place *place, const struct run *kernel);

/* ---- shrink.c ---- */

/* Removes edits from C as long as the disagreement stays of the same kind. */
void shrink(struct fuzz_case *c, struct place *place, struct judgement *judgement);

/* ---- corpus.c ---- */

/* Where craft and its bases are; the same for all. */
struct workshop {
	const char *craft;
	const char *testdata;
};

/* Has craft make the base's files in PLACE's directory, and reads them. */
bool base_make(struct base *base, const struct workshop *shop, const struct place *place);

/* Writes C into DIRECTORY under a name made of the judgement's kind and the fields edited, if
 * there is none yet. */
void corpus_write(const char *directory, const struct fuzz_case *c, uint64_t seed,
		  const struct judgement *judgement);

/* Runs every file of DIRECTORY; returns the number of those that disagree, or -1. */
int corpus_replay(const char *directory, const struct workshop *shop, struct place *place);

#endif
