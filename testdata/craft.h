/* SPDX-License-Identifier: MIT */
/* The parts of craft: the file being made, values in edits, and the edits. */
#ifndef TESTDATA_CRAFT_H
#define TESTDATA_CRAFT_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <elf.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define MAX_PHDRS 4096

/* The file that is being made. */
struct output {
	const char *name; /* for messages */
	const char *edit;
	char path[PATH_MAX];
	char temp[PATH_MAX + 8]; /* empty: there is none to remove */
	char directory[PATH_MAX];
	int fd;
	mode_t mode;
	Elf64_Ehdr eh;
	Elf64_Phdr ph[MAX_PHDRS];
	size_t count;   /* entries in ph */
	uint64_t table; /* where they are in the file, whatever e_phoff says */
	bool can_grow;
	bool eh_changed, ph_changed;
};

extern struct output out;

/* Says what is wrong with which edit of which file, removes what was made, and exits. */
__attribute__((noreturn, format(printf, 1, 2))) void fail(const char *format, ...);

/* ---- craft_file.c ---- */

/* Starts the file as a copy of base, under a name of its own; finish gives it its name. */
void begin(const char *base, const char *path);
void finish(void);

uint64_t file_size(void);
void resize(uint64_t size);
void write_at(uint64_t offset, const void *bytes, size_t n);

/* Writes out.eh and out.ph if they were changed; reads them again after bytes were. */
void flush_headers(void);
void reload_headers(void);

/* ---- craft_value.c: each parser moves *text behind what it read, or fails ---- */

/* Where a field is: in out.eh or in out.ph. */
struct place {
	unsigned char *bytes;
	size_t width;
	bool in_table;
};

/* Skips a word; false, with *text as it was, if another one is there. */
bool skip(const char **text, const char *word);
void expect(const char **text, const char *word);
void expect_end(const char *text);

/* False, with *text as it was, if this names no field. */
bool parse_field(const char **text, struct place *place);
uint64_t get(const struct place *place);
void set(const struct place *place, uint64_t value);

/* NAME=NUMBER: a word for values from now on. False if it is none, or there are too many. */
bool define_word(const char *text);

uint64_t parse_number(const char **text);

/* A sum of products; wraps, as -0x1000 must. */
uint64_t parse_value(const char **text);

/* The string's bytes, *n of them and a NUL that is not counted; valid until the next call. */
char *parse_string(const char *text, size_t *n);
int hex_digit(char c);

Elf64_Phdr *nth(size_t n);
Elf64_Phdr *nth_of_type(uint32_t type, size_t n);

/* ---- craft_edit.c ---- */

void apply(const char *edit);

#endif
