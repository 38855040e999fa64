/* What the observing commands have in common: a program that is started and watched, and how
 * what was seen is to be shown. */
#ifndef CLI_SUBJECT_H
#define CLI_SUBJECT_H

#include "command.h"

#include <getopt.h>
#include <libsmartcols/libsmartcols.h>
#include <segmap/tracee.h>

/* How a report is to look. */
struct view_options {
	bool json, noheadings, raw, bytes, color;
	const char *columns;     /* of --output, or NULL for the command's own choice */
	const char *output_file; /* of --output-file, or NULL for standard output */
};

/* How the program is to be started. */
struct subject_options {
	struct view_options view;
	bool aslr;
	bool by_execve;     /* by the kernel instead of by segload */
	const char *loader; /* of --loader, or NULL */
	unsigned timeout;   /* seconds; 0 is for ever */
};

/* Long options beyond those that have a letter. A command's own begin at OPTION_OWN. */
enum {
	OPTION_ASLR = 256,
	OPTION_NO_ASLR,
	OPTION_COLOR,
	OPTION_EXECVE,
	OPTION_LOADER,
	OPTION_OUTPUT_FILE,
	OPTION_TIMEOUT,
	OPTION_OWN,
};

/* For an array of struct option; the letters are in the string for getopt_long. */
#define VIEW_LETTERS "Jnrbo:h"
#define VIEW_LONG_OPTIONS                                                                      \
	{"json", no_argument, NULL, 'J'}, {"noheadings", no_argument, NULL, 'n'},              \
		{"raw", no_argument, NULL, 'r'}, {"bytes", no_argument, NULL, 'b'},            \
		{"output", required_argument, NULL, 'o'},                                      \
		{"output-file", required_argument, NULL, OPTION_OUTPUT_FILE},                  \
		{"color", optional_argument, NULL, OPTION_COLOR},                              \
	{                                                                                      \
		"help", no_argument, NULL, 'h'                                                 \
	}
#define SUBJECT_LONG_OPTIONS                                                                   \
	{"aslr", no_argument, NULL, OPTION_ASLR},                                              \
		{"no-aslr", no_argument, NULL, OPTION_NO_ASLR},                                \
		{"execve", no_argument, NULL, OPTION_EXECVE},                                  \
		{"loader", required_argument, NULL, OPTION_LOADER},                            \
	{                                                                                      \
		"timeout", required_argument, NULL, OPTION_TIMEOUT                             \
	}

#define VIEW_HELP                                                                              \
	"  -J, --json              JSON\n"                                                     \
	"  -o, --output=LIST       columns, by name, divided by commas; +LIST adds\n"          \
	"  -n, --noheadings        no headings\n"                                              \
	"  -r, --raw               only the table, columns divided by one blank\n"             \
	"  -b, --bytes             sizes in bytes, not in KiB and MiB\n"                       \
	"      --output-file=FILE  write the report there, not to standard output\n"           \
	"      --color[=WHEN]      auto, always or never\n"                                    \
	"  -h, --help              this text\n"

#define SUBJECT_HELP                                                                           \
	"      --execve            start the program by execve(2), not by segload\n"           \
	"      --loader=CMD        by CMD PROGRAM [ARG...]; CMD is split at blanks\n"          \
	"      --aslr              with randomised addresses; --no-aslr is the default\n"      \
	"      --timeout=SECONDS   kill what runs longer\n"

enum taken { TAKEN, NOT_MINE, WRONG };

/*
 * Takes the option C of getopt_long, with optarg, if it is one of those above; 'h' is not.
 * WRONG if it cannot be followed, or is getopt's '?': that has been said.
 */
enum taken view_take(struct view_options *view, const char *command, int c);
enum taken subject_take(struct subject_options *options, const char *command, int c);

/* Sizes as util-linux writes them: "13.6M", or "14260633" with --bytes. Owned by the caller. */
char *size_text(uint64_t bytes, bool exact);

/* Where the report goes; NULL, with a complaint, if it cannot be opened. */
FILE *view_open(const struct view_options *view, const char *command);

/* Columns of a line on OUT: COLUMNS in the environment, or the terminal's; 0 for a pipe or a
 * file: whoever reads from one wants it all. */
size_t view_width(FILE *out);

/* Ends the report: STATUS, or EXIT_OWN with a complaint if not all was written. */
int view_close(FILE *out, int status);

enum { VIEW_COLUMNS = 32 }; /* at most, of one table */

struct view_column {
	const char *name; /* heading, and name for --output */
	int flags;        /* SCOLS_FL_RIGHT and so on */
	bool hidden;      /* unless --output names it */
};

struct view_note {
	char *text;  /* owned */
	size_t line; /* number of the table's lines before it */
};

struct view_table {
	const char *command;
	const struct view_column *columns;
	size_t column_count;
	size_t shown[VIEW_COLUMNS], shown_count;
	struct libscols_table *table;
	struct view_note *notes; /* owned */
	size_t note_count;
};

/* Whether --output names only columns that there are: false after a complaint. To be asked
 * before anything is started. */
bool view_table_check(const struct view_options *view, const char *command,
		      const struct view_column *columns, size_t count);

/* A table with the columns that VIEW wants. Returns 0, -ENOMEM or -EINVAL (which has been
 * said).
 */
int view_table_begin(struct view_table *table, const struct view_options *view,
		     const char *command, FILE *out, const struct view_column *columns,
		     size_t count);

/* Adds a line: a cell, or NULL, for each column of the command. Takes and frees the cells.
 * COLOR is libsmartcols' name of one, or NULL. Returns 0 or -ENOMEM. */
int view_table_line(struct view_table *table, char **cells, const char *color);

/* Adds TEXT below the last line, as it is and across all columns. Takes and frees TEXT, which
 * may be NULL for want of memory. Returns 0 or -ENOMEM. */
int view_table_note(struct view_table *table, char *text);

/* Prints the table if R is 0, and frees it in any case. Returns R, or -ENOMEM. */
int view_table_end(struct view_table *table, int r);

/* A program that is watched. */
struct subject {
	const struct subject_options *options;
	const char *command; /* "cow": what complaints begin with */
	char *program;       /* owned: its path */
	char *const *argv;   /* of the program */
	char *loader;        /* owned: path of segload, or of the first word of --loader */
	char *words;         /* owned: of --loader */
	char **loader_argv;  /* owned */
	struct segmap_image *image; /* owned: of the program; NULL if it is not ELF */
	struct segmap_tracee tracee;
	bool started; /* there is a tracee */
	int status;   /* what to exit with, if it did not start */
};

/*
 * Finds PROGRAM (ARGV[0]) and its loader. False, with a complaint and SUBJECT->status, if one
 * of them is not there. To be given to subject_free in any case.
 */
bool subject_find(struct subject *subject, const char *command,
		  const struct subject_options *options, char *const *argv);

/* How subject_start starts a child; may be changed between the two. */
void subject_setup(const struct subject *subject, struct segmap_tracee_setup *setup);

/*
 * Starts it, up to its first instruction (with --loader=CMD, up to the program's entry point).
 * False, with a complaint if none has come from the child, and SUBJECT->status: it was refused,
 * or has ended before. SETUP is NULL, or from subject_setup.
 * Between the start and subject_end an interrupt kills the child, and then this process.
 */
bool subject_start(struct subject *subject, const struct segmap_tracee_setup *setup);

/*
 * The same for one of several copies, as in SETUP: the caller has called guard_begin before the
 * first one, and will call guard_end after the last. Nothing is said if the guard has killed
 * it. Without TO_PROGRAM, a foreign loader's child is left at its own first instruction.
 */
bool subject_launch(struct subject *subject, const struct segmap_tracee_setup *setup,
		    bool to_program);

/* What to say of an errno that running a program to an address has ended with. */
const char *subject_trouble(int error);

/* Lets it end. To be called when it has been run to its exit, before the report is written. */
void subject_end(struct subject *subject);

/*
 * The exit status that is the program's own; if it was killed by a signal, this process dies
 * by the same one here, after flushing its output.
 */
int subject_status(const struct subject *subject);

void subject_free(struct subject *subject);

#endif
