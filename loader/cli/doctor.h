/* The parts of `segmap doctor`. */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

#include "subject.h"

#include <segmap/permits.h>

struct doctor_options {
	struct view_options view;
	const char *check; /* the command of --check, or NULL */
};

/* What a permit is good for. Lists are words divided by one blank. */
struct doctor_text {
	const char *needed_by; /* commands that show less without it; "" for none */
	const char *musts;     /* commands that cannot do without; "" for none */
	const char *without;   /* what is lost then */
	const char *how[2];    /* commands or steps that would permit it; NULL for no more */
};

extern const struct doctor_text doctor_texts[SEGMAP_PERMIT_COUNT];

struct doctor_report {
	const struct doctor_options *options;
	struct segmap_permit_state states[SEGMAP_PERMIT_COUNT];
};

extern const struct view_column doctor_columns[];
extern const size_t doctor_column_count;

/* "yes", "no", "unknown". */
const char *doctor_answer(const struct segmap_permit_state *state);

/* Why not, in words; "" if nothing has gone wrong. Returns BUFFER. */
const char *doctor_reason(const struct segmap_permit_state *state, char buffer[128]);

/* Whether WORD is one of the words of LIST. */
bool doctor_has(const char *list, const char *word);

/* Whether COMMAND can do without what this report does not permit. */
bool doctor_can_run(const struct doctor_report *report, const char *command);

/* The commands that a permit can be needed by, ended by NULL. */
extern const char *const doctor_commands[];

/* doctor_table.c and doctor_json.c: 0, or -ENOMEM. */
int doctor_print_table(const struct doctor_report *report, FILE *out);
int doctor_print_json(const struct doctor_report *report, FILE *out);

#endif
