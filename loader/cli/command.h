/* What the commands of segmap have in common. Nothing outside this folder prints. */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "text.h"

/* Exit statuses that are not a program's own, as env(1) has them. */
enum {
	EXIT_OWN = 125,     /* segmap itself failed, or was called wrongly */
	EXIT_REFUSED = 126, /* found, but cannot be loaded */
	EXIT_MISSING = 127, /* the program or its interpreter is not there */
};

/* One command: argv[0] is its name, and what run returns is the exit status. */
struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary; /* one line */
	const char *help;    /* the text of --help */
};

extern const struct command command_compare;
extern const struct command command_cow;
extern const struct command command_doctor;
extern const struct command command_faults;
extern const struct command command_lab;
extern const struct command command_maps;
extern const struct command command_plan;
extern const struct command command_report;
extern const struct command command_run;
extern const struct command command_share;
extern const struct command command_spawn;

/* "segmap: MESSAGE", a line on standard error, its control characters as put_text has them. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* "segmap: PATH: cause" and the lines that belong to it, on standard error. */
void complain_about(const char *path, const struct segmap_error *err);

/* The exit status that goes with ERR. */
int status_of(const struct segmap_error *err);

/* Flushes standard output: STATUS, or, with a complaint, FAILED if not all was written. */
int finish_output(int status, int failed);

/* Whether to colour, for an argument of --color (NULL for none). False if WHEN is no such word.
 */
bool choose_color(const char *when, bool *color);

enum style { STYLE_TITLE, STYLE_NOTE, STYLE_REFUSED, STYLE_WARNING, STYLE_INFO, STYLE_COUNT };

/* The sequences that begin and end STYLE; both "" unless COLOR. */
const char *style_on(enum style style, bool color);
const char *style_off(bool color);

#endif
