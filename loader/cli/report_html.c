/* The page: one file that needs no other. All that can be read is in its HTML; page.js adds the
 * slider and the details of a single page. */
#include "report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* ---- text ---- */

/* U+202A to U+202E and U+2066 to U+2069 turn the direction of what follows. */
static bool is_turning(const unsigned char *c)
{
	return c[0] == 0xe2 && ((c[1] == 0x80 && c[2] >= 0xaa && c[2] <= 0xae) ||
				(c[1] == 0x81 && c[2] >= 0xa6 && c[2] <= 0xa9));
}

static size_t put_escaped(FILE *out, const unsigned char *c)
{
	bool high = c[0] == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f;
	size_t n = is_turning(c) ? 3 : high ? 2 : 1;

	for (size_t i = 0; i < n; i++)
		fprintf(out, "\\x%02x", c[i]);
	return n;
}

static size_t put_character(FILE *out, const unsigned char *c)
{
	static const char special[] = "&<>\"'";

	if (*c < 0x20 || *c == 0x7f || is_turning(c) ||
	    (c[0] == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f))
		return put_escaped(out, c);
	if (strchr(special, *c))
		fprintf(out, "&#%d;", *c);
	else
		fputc(*c, out);
	return 1;
}

void html_text(FILE *out, const char *text)
{
	json_t *valid = json_text(text); /* UTF-8, whatever it was */
	const unsigned char *c = (const unsigned char *)(valid ? json_string_value(valid) : "");

	while (*c)
		c += put_character(out, c);
	json_decref(valid);
}

void html_format(FILE *out, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	int length = vasprintf(&text, format, args);
	va_end(args);
	if (length < 0)
		return;
	html_text(out, text);
	free(text);
}

/* ---- the embedded data ---- */

/* In a script element "</script" and "<!--" would be seen by the browser. A '<' can only be in
 * a string, where it can be written otherwise. */
static int put_json(const char *bytes, size_t size, void *data)
{
	FILE *out = data;

	for (size_t i = 0; i < size; i++)
		if (bytes[i] == '<')
			fputs("\\u003c", out);
		else
			fputc(bytes[i], out);
	return 0;
}

static int write_json(const json_t *root, FILE *out)
{
	fputs("<script type=\"application/json\" id=\"segmap-report\">", out);
	int r = json_dump_callback(root, put_json, out, JSON_COMPACT);
	fputs("</script>\n", out);
	return r < 0 ? -ENOMEM : 0;
}

/* ---- the head ---- */

static void write_command(const struct report *report, FILE *out)
{
	for (char *const *arg = report->faults->subject->argv; *arg; arg++) {
		if (arg != report->faults->subject->argv)
			fputc(' ', out);
		html_text(out, *arg);
	}
}

static void write_head(const struct report *report, FILE *out)
{
	fputs("<!DOCTYPE html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n"
	      "<meta name=viewport content=\"width=device-width, initial-scale=1\">\n"
	      "<meta name=color-scheme content=\"light dark\">\n"
	      "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; "
	      "style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:\">\n"
	      "<link rel=icon href=\"data:,\">\n<title>",
	      out);
	write_command(report, out);
	fputs(" - segmap report</title>\n<style>\n", out);
	fputs(page_css, out);
	fputs("</style>\n</head>\n<body>\n", out);
}

static void write_number(FILE *out, const char *href, uint64_t value, const char *what)
{
	fprintf(out, "<li><a href=\"%s\"><b>%" PRIu64 "</b> %s</a>\n", href, value, what);
}

static void write_numbers(const struct report *report, FILE *out)
{
	uint64_t sums[SEGMAP_PAGE_STATE_COUNT] = {0}, counts[SEGMAP_PAGE_STATE_COUNT];

	for (size_t i = 0; i < report->row_count; i++) {
		report_count(&report->rows[i], counts);
		for (int s = 0; s < SEGMAP_PAGE_STATE_COUNT; s++)
			sums[s] += counts[s];
	}
	fputs("<ul class=numbers>\n", out);
	write_number(out, "#picture", report->row_count, "mappings");
	if (!report->faults->exit_pages.error && report->faults->has_exit) {
		write_number(out, "#pages", sums[SEGMAP_PAGE_FILE], "pages of files");
		write_number(out, "#pages", sums[SEGMAP_PAGE_COPY], "copies");
		write_number(out, "#pages", sums[SEGMAP_PAGE_ANON], "anonymous pages");
	}
	if (!report->faults->watch_error)
		write_number(out, "#faults", report->faults->faults.count, "page faults");
	if (report->compare)
		write_number(out, "#compare",
			     (uint64_t)json_integer_value(json_object_get(
				     json_object_get(report->compare, "counts"), "unexpected")),
			     "unexpected differences");
	fputs("</ul>\n", out);
}

static void write_top(const struct report *report, FILE *out)
{
	static const char *const links[][2] = {
		{"picture", "Picture"}, {"pages", "Pages"}, {"faults", "Faults"},
		{"plan", "Plan"},       {"stack", "Stack"}, {"compare", "Compare"},
		{"share", "Share"},
	};

	fputs("<header>\n<h1><code>", out);
	write_command(report, out);
	fputs("</code></h1>\n<p><code>", out);
	html_text(out, report->faults->subject->program);
	fputs("</code> loaded by ", out);
	html_text(out, faults_by(report->faults));
	fprintf(out, ", pages of %" PRIu64 " bytes, %s randomised addresses. segmap %s.\n",
		report->faults->page_size,
		report->options->faults.subject.aslr ? "with" : "without", SEGMAP_VERSION);
	write_numbers(report, out);
	fputs("<nav aria-label=sections>", out);
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		fprintf(out, "<a href=\"#%s\">%s</a>\n", links[i][0], links[i][1]);
	fputs("</nav>\n</header>\n<main>\n", out);
}

static void write_legend(FILE *out)
{
	static const char *const meanings[SEGMAP_PAGE_STATE_COUNT] = {
		[SEGMAP_PAGE_ABSENT] = "not in memory",
		[SEGMAP_PAGE_FILE] = "the file's own page",
		[SEGMAP_PAGE_COPY] = "private copy of a file's page",
		[SEGMAP_PAGE_ZERO] = "the shared zero page",
		[SEGMAP_PAGE_ANON] = "anonymous page of its own",
		[SEGMAP_PAGE_SHARED] = "shared memory",
		[SEGMAP_PAGE_SWAPPED] = "swapped out",
		[SEGMAP_PAGE_KERNEL] = "the kernel's own",
		[SEGMAP_PAGE_UNKNOWN] = "not known",
	};

	fputs("<ul class=legend aria-label=\"states of a page\">\n", out);
	for (int i = 0; i < SEGMAP_PAGE_STATE_COUNT; i++)
		fprintf(out, "<li><i class=\"s%d\">%c</i> %s: %s\n", i,
			segmap_page_letter((enum segmap_page_state)i),
			segmap_page_state_name((enum segmap_page_state)i), meanings[i]);
	fputs("</ul>\n", out);
}

static void open_section(FILE *out, const char *id, const char *title)
{
	fprintf(out, "<section id=%s>\n<h2>%s</h2>\n", id, title);
}

static void write_sections(const struct report *report, const json_t *root, FILE *out)
{
	open_section(out, "picture", "File, address space, frames");
	write_legend(out);
	report_write_picture(report, out);
	fputs("</section>\n", out);
	open_section(out, "pages", "Page by page, at entry and at exit");
	report_write_pages(report, out);
	fputs("</section>\n", out);
	open_section(out, "faults", "Page faults");
	report_write_faults(report, root, out);
	fputs("</section>\n", out);
	open_section(out, "plan", "The plan");
	report_write_plan(report->plan, out);
	fputs("</section>\n", out);
	open_section(out, "stack", "The initial stack");
	report_write_stack(json_object_get(root, "stack"), out);
	fputs("</section>\n", out);
	open_section(out, "compare", "Beside the kernel's execve");
	report_write_compare(report->compare, out);
	fputs("</section>\n", out);
	open_section(out, "share", "Many copies at once");
	report_write_share(report->share, out);
	fputs("</section>\n", out);
}

int report_write(const struct report *report, FILE *out)
{
	json_t *root = report_json(report);

	if (!root)
		return -ENOMEM;
	write_head(report, out);
	write_top(report, out);
	write_sections(report, root, out);
	fputs("</main>\n", out);
	int r = write_json(root, out);
	fputs("<script>\n", out);
	fputs(page_js, out);
	fputs("</script>\n</body>\n</html>\n", out);
	json_decref(root);
	return r;
}
