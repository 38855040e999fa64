/* Every page of every mapping, as letters: at entry, and at exit. */
#include "report.h"

#include <inttypes.h>

enum { FOLD = 24, RUNS_MOST = 4 << 10 };

static void write_letters(FILE *out, enum segmap_page_state state, uint64_t count)
{
	char letter = segmap_page_letter(state);

	fprintf(out, "<i class=\"s%d%s\">", state, count > FOLD ? " w" : "");
	if (count > FOLD)
		fprintf(out, "%c{%" PRIu64 "}", letter, count);
	else
		for (; count > 0; count--)
			fputc(letter, out);
	fputs("</i>", out);
}

/* Pages that are alike at one of the two times, which may be so in several runs. */
struct strip {
	FILE *out;
	enum segmap_page_state state;
	uint64_t count;
};

static void add(struct strip *strip, enum segmap_page_state state, uint64_t count)
{
	if (count == 0)
		return;
	if (state != strip->state && strip->count) {
		write_letters(strip->out, strip->state, strip->count);
		strip->count = 0;
	}
	strip->state = state;
	strip->count += count;
}

static void write_strip(const struct report_row *row, bool exit, FILE *out)
{
	struct strip strip = {.out = out};
	uint64_t at = 0;

	for (size_t i = 0; i < row->run_count && i < RUNS_MOST; i++) {
		const struct report_run *run = &row->runs[i];

		add(&strip, SEGMAP_PAGE_ABSENT, run->page - at);
		add(&strip, exit ? run->exit : run->entry, run->count);
		at = run->page + run->count;
	}
	if (row->run_count <= RUNS_MOST)
		add(&strip, SEGMAP_PAGE_ABSENT, row->pages - at);
	if (strip.count)
		write_letters(out, strip.state, strip.count);
	if (row->run_count > RUNS_MOST)
		fputs(" and more, which the picture shows", out);
}

static void write_row(const struct report *report, const struct report_row *row, FILE *out)
{
	bool seen = report->faults->has_exit;

	fprintf(out, "<tr><th scope=row class=n>%08" PRIx64 "<td class=n>%s<td class=p>",
		row->start, row->region->perms);
	if (row->late)
		fputs("<span class=d>not there</span>", out);
	else
		write_strip(row, false, out);
	fputs("<td class=p>", out);
	if (row->gone || !seen)
		fprintf(out, "<span class=d>%s</span>", seen ? "not there" : "not seen");
	else
		write_strip(row, true, out);
	fputs("<td>", out);
	html_text(out, row->region->name);
	fputs("\n", out);
}

void report_write_pages(const struct report *report, FILE *out)
{
	fputs("<p>A letter is a page; <code>f{120}</code> is 120 of them.\n"
	      "<div class=scroll tabindex=0 role=region aria-label=\"pages\"><table "
	      "class=pages>"
	      "<thead><tr><th>Address<th>Perms<th>At entry<th>At exit<th>Name\n<tbody>\n",
	      out);
	for (size_t i = 0; i < report->row_count; i++)
		write_row(report, &report->rows[i], out);
	fputs("</table></div>\n", out);
}
