/* The parts of `segmap share`. */
#ifndef CLI_SHARE_H
#define CLI_SHARE_H

#include "subject.h"

#include <jansson.h>
#include <segmap/sharing.h>

/* Where the copies are looked at. */
enum share_place { SHARE_AT_ENTRY, SHARE_AT_EXIT, SHARE_AT_SYMBOL };

struct share_options {
	struct subject_options subject;
	size_t copies;
	enum share_place place;
	const char *symbol; /* of SHARE_AT_SYMBOL */
	bool show_output, all;
};

/* What all copies were, when each of them had stopped. */
struct share_side {
	const char *by;                 /* "segload", "execve", or the words of --loader */
	struct segmap_regions *regions; /* owned; one for each copy, as is PAGES */
	struct segmap_pages *pages;
	size_t count;
	struct segmap_sharing_account account;
};

struct share_report {
	const struct share_options *options;
	const char *program; /* its path */
	char *const *argv;
	const struct share_side *sides; /* one, or two with --loader */
	size_t side_count;
};

/* cmd_share.c: looks at copies of ARGV and gives what was learnt to SHOW, which returns the
 * status to exit with. Returns the exit status, after a complaint. */
typedef int share_show(void *data, const struct share_report *report);
int share_copies(const struct share_options *options, char **argv, share_show *show,
		 void *data);

/* "entry", "exit", or the symbol's name. */
const char *share_place_name(const struct share_options *options);

/* share_reach.c: where SYMBOL is in copies of one program. */
struct share_reach {
	const struct subject *subject;
	const char *symbol;
	bool known; /* ADDR is the same in all copies, and known */
	uint64_t addr;
};

/*
 * Runs a copy that is at its beginning to the symbol. False, with a complaint, if there is no
 * such symbol or if it is not reached; nothing is said if the guard has killed the copy.
 */
bool share_reach(struct share_reach *reach, struct segmap_tracee *tracee);

/*
 * Starts the copies, looks at them, and ends them all. On success *SIDE is the caller's, to be
 * given to share_side_free. Returns 0, or the status to exit with, after a complaint. If this
 * process is interrupted meanwhile, it dies by that signal, and no copy is left.
 */
int share_run(struct share_side *side, struct subject *subject,
	      const struct share_options *options);
void share_side_free(struct share_side *side);

/* The columns of the table, for --output. */
extern const struct view_column share_columns[];
extern const size_t share_column_count;

/* A letter for a page: '.' absent, '1' one frame in all, '0' the zero page in all, '-' one
 * frame in some, 'N' a frame for each copy, 'm' fewer frames than copies, '?' unknown. */
char share_letter(const struct segmap_shared_page *page, size_t copies);

/* share_sums.c: what the kernel's own sums say of the account. */
enum share_verdict {
	SHARE_AGREE,
	SHARE_LESS, /* PSS, where other processes may map the same pages: no contradiction */
	SHARE_DISAGREE,
	SHARE_UNKNOWN,
};
enum share_verdict share_judge_counts(const struct segmap_sharing_account *account);
enum share_verdict share_judge_pss(const struct segmap_sharing_account *account);
const char *share_verdict_name(enum share_verdict verdict); /* "agree", "DISAGREE" */

/* Bytes that PSS is compared with: by kpagecount, or else what is in memory. */
uint64_t share_expected_pss(const struct segmap_sharing_account *account);

void share_print_title(const struct share_report *report, const struct share_side *side,
		       FILE *out);
void share_print_sums(const struct share_report *report, const struct share_side *side,
		      FILE *out);
void share_print_beside(const struct share_report *report, FILE *out);

/* share_table.c and share_json.c: 0, or -ENOMEM. */
int share_print_table(const struct share_report *report, FILE *out);

/* What --json prints; NULL if out of memory. */
json_t *share_json(const struct share_report *report);
int share_print_json(const struct share_report *report, FILE *out);

#endif
