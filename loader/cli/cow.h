/* The parts of `segmap cow`. */
#ifndef CLI_COW_H
#define CLI_COW_H

#include "subject.h"

#include <segmap/account.h>
#include <segmap/contents.h>
#include <segmap/names.h>

struct cow_options {
	struct subject_options subject;
	const char *at; /* of --at, or NULL */
	bool all;       /* nothing folded */
	bool follow;    /* children too */
};

/* A look, with what it has to be freed. */
struct cow_look {
	struct segmap_regions regions;
	struct segmap_pages pages;
	const char *name;  /* "entry", "main", "at", "exit" */
	const char *title; /* heading of its strips; NULL for one that is not shown */
};

/* How it ended, and so whether the last look was at its end. */
enum cow_end {
	COW_ENDED,
	COW_KILLED,   /* without leaving time to look */
	COW_EXECUTED, /* having become another program, with another address space */
};

/* All that was seen of one process. */
struct cow_process {
	pid_t pid, parent; /* 0 for the program itself */
	struct cow_look looks[SEGMAP_LOOKS_MAX];
	size_t look_count;
	enum cow_end end;
	bool concluded;              /* what follows is valid */
	struct segmap_faults faults; /* valid if there is no error */
	int faults_error;            /* positive errno: why there is no second witness */
	struct segmap_names *names;
	struct segmap_account account;
	struct segmap_contents *contents; /* one for each copy of the account */
	uint64_t anonymous;               /* bytes, as smaps has them */
	int anonymous_error;              /* positive errno if they are not known */
};

/* Why there is no look at main, or at the symbol of --at. */
enum cow_missed {
	COW_SEEN,
	COW_NO_SYMBOL,  /* there is none of this name */
	COW_STRIPPED,   /* no symbols at all */
	COW_SLOW,       /* it would have to be single-stepped through the interpreter */
	COW_NOT_PASSED, /* never executed, after the looks before */
	COW_FAILED,     /* ptrace refused */
	COW_NO_MEANS,   /* it knows no way to stop at an address */
};

/* What was run, and what was seen. */
struct cow {
	const struct cow_options *options;
	struct subject subject;
	struct segmap_files *files;
	struct cow_process **processes; /* owned, each of them too; the program first */
	size_t process_count;
	struct segmap_watch *watch; /* while it runs */
	int watch_error;            /* positive errno if page faults are not permitted */
	enum cow_missed main_missed, at_missed;
};

/* cow_watch.c: runs what has been started to its end, and takes down all that is to be known.
 * Returns 0 or a negative errno. */
int cow_watch(struct cow *cow);

void cow_free(struct cow *cow);

/* ---- cow_process.c: one process; 0 or a negative errno ---- */

/* A new one; NULL if there is no memory. */
struct cow_process *cow_process_add(struct cow *cow, pid_t pid, pid_t parent);
struct cow_process *cow_process_find(const struct cow *cow, pid_t pid);

/* Adds a look at the stopped process P. */
int cow_process_look(struct cow *cow, struct cow_process *p, const char *name,
		     const char *title);

/* Once, when it ends or has become another program; or when it is known to be gone. */
int cow_process_conclude(struct cow *cow, struct cow_process *p);

/* ---- what could not be seen ---- */

/* cow_main.c: run to main, or to the symbol of --at, and look there. WANTED: also if that takes
 * long. Both return 0 or a negative errno. */
int cow_look_at_main(struct cow *cow, bool wanted);
int cow_look_at_symbol(struct cow *cow);

/* Why there is no look at the end; NULL for COW_ENDED. */
const char *cow_end_text(enum cow_end end);

/* What --at says to the user and to programs; NULL for COW_SEEN. */
const char *cow_missed_text(enum cow_missed missed);

/* ---- showing it ---- */

extern const struct view_column cow_columns[];
extern const size_t cow_column_count;

/* cow_table.c and cow_json.c: 0, -ENOMEM, or -EINVAL for columns that there are not. */
int cow_print_table(const struct cow *cow, FILE *out);
int cow_print_json(const struct cow *cow, FILE *out);

/* cow_strips.c and cow_copies.c: parts of the table. */
int cow_print_strips(const struct cow *cow, const struct cow_process *process, FILE *out);
int cow_print_copies(const struct cow *cow, const struct cow_process *process, FILE *out);

enum { COW_ROWS_MAX = 100 }; /* mappings and copies that are shown without --all */

/* printf to a string of the caller's; NULL if there is no memory. */
char *cow_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Positive errno if the page tables could not be read at one of the looks: then it is not known
 * what is a copy. */
int cow_pages_error(const struct cow_process *process);

/* What follows on the last slash of PATH. */
const char *cow_base_name(const char *path);

/* ---- cow_names.c: addresses in words ---- */

/* "write_one+0x5", ".data+0x18" where there is no symbol, "0x401234" where there is nothing. */
char *cow_address_text(const struct cow_process *process, uint64_t addr);

/* Who wrote: the same for the instruction of FAULT, "kernel" in kernel mode, "?" for NULL. */
char *cow_writer_text(const struct cow_process *process, const struct segmap_fault *fault);

/* Where copy number I was written, as far as is known: by its fault, or by the first byte that
 * differs. False if neither is known. */
bool cow_written_at(const struct cow_process *process, size_t i, uint64_t *addr);

/* ---- cow_strip.c: pages as letters ---- */

/* A walk over the pages of a strip, line by line, at all looks that are shown at once. */
struct cow_walk {
	const struct cow_process *process;
	const struct segmap_strip *strip;
	uint64_t addr; /* of the next page */
	size_t width;  /* characters for each look on a line */
};

struct cow_line {
	uint64_t start, end;
	char *text[SEGMAP_LOOKS_MAX]; /* owned; one for each look, NULL for one not shown */
};

/*
 * The next line: one letter a page, or where that is too long `f*120`. Returns 1, 0 at the end,
 * or -ENOMEM.
 */
int cow_walk_next(struct cow_walk *walk, struct cow_line *line);
void cow_line_free(struct cow_line *line);

enum { COW_NOT_MAPPED = '-' }; /* where a page has no mapping */

/* The letter of the page at ADDR of STRIP; *END, which must be beyond it, becomes where the
 * next run begins if that is before it. */
char cow_run_at(const struct cow_process *process, const struct segmap_strip *strip,
		size_t look, uint64_t addr, uint64_t *end);

/* How many pages of STRIP have each letter at LOOK, added to COUNTS. */
void cow_count_letters(const struct cow_process *process, const struct segmap_strip *strip,
		       size_t look, uint64_t counts[256]);

#endif
