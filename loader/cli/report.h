/* The parts of `segmap report`. */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include "faults.h"
#include "json.h"

struct report_options {
	struct faults_options faults;
	const char *output; /* path of the page */
	size_t copies;      /* of -n; 0 for no sharing */
	bool no_compare;
};

/* Pages side by side that are alike. */
struct report_run {
	uint64_t page, count; /* the first one's number in its row */
	enum segmap_page_state entry, exit;
};

/* A row of the picture: a mapping as it was at exit, or one that was gone by then. */
struct report_row {
	const struct segmap_region *region; /* borrowed */
	uint64_t start, end;
	uint64_t pages, per_cell; /* a letter of the picture is so many pages */
	size_t cells;
	bool gone, late;         /* not there any more at exit; not yet there at entry */
	struct report_run *runs; /* owned; by page, without those that are absent both times */
	size_t run_count;
	struct segmap_part part; /* what it is of */
	char *sections;          /* owned: names of its sections, or "" */
};

/* All that the page shows. */
struct report {
	const struct report_options *options;
	const struct faults_report *faults;
	json_t *plan, *maps, *compare, *share; /* owned: what those commands print; or NULL */
	struct segmap_process start;           /* at its first instruction */
	struct segmap_names *names;            /* owned */
	struct report_row *rows;               /* owned; by address */
	size_t row_count;
};

/* ---- report_rows.c ---- */

/* Finds the rows. Returns 0 or -ENOMEM. */
int report_find_rows(struct report *report);
void report_free_rows(struct report *report);

/* The row that ADDR is in, or NULL. */
const struct report_row *report_row_at(const struct report *report, uint64_t addr);

/* What a letter of the picture stands for, at entry and at exit. */
struct report_cell {
	enum segmap_page_state entry, exit;
};

/* The letters of ROW; the caller frees the array. NULL if out of memory. */
struct report_cell *report_cells(const struct report_row *row);

/* How many pages of ROW are in each state at exit. */
void report_count(const struct report_row *row, uint64_t counts[SEGMAP_PAGE_STATE_COUNT]);

/* ---- report_json.c ---- */

/* docs/schemas/report.schema.json; NULL if out of memory. */
json_t *report_json(const struct report *report);

/* The initial stack as an object; NULL if out of memory. report_stack.c */
json_t *report_stack_json(const struct report *report);

/* The timeline, in columns. report_timeline.c */
json_t *report_timeline_json(const struct report *report);

/* ---- the page ---- */

/* Writes all of it. Returns 0 or -ENOMEM. report_html.c */
int report_write(const struct report *report, FILE *out);

/* TEXT for an element or an attribute: its control characters, and bytes that are not UTF-8,
 * as \xNN. */
void html_text(FILE *out, const char *text);
void html_format(FILE *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Each writes a section of the page. */
void report_write_picture(const struct report *report, FILE *out); /* report_picture.c */
void report_write_pages(const struct report *report, FILE *out);   /* report_pages.c */
void report_write_chart(const struct report *report, FILE *out);   /* report_chart.c */
void report_write_faults(const struct report *report, const json_t *root,
			 FILE *out);                         /* report_faults.c */
void report_write_plan(const json_t *plan, FILE *out);       /* report_plan.c */
void report_write_stack(const json_t *stack, FILE *out);     /* report_stack.c */
void report_write_compare(const json_t *compare, FILE *out); /* report_compare.c */
void report_write_share(const json_t *share, FILE *out);     /* report_share.c */

/* Made of report/page.css and report/page.js. */
extern const char page_css[], page_js[];

#endif
