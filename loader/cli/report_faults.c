/* The sums of the faults, and the first and the last of them. */
#include "report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN = 200 };

static void write_sums(const json_t *classes, FILE *out)
{
	const json_t *sum;

	fputs("<table><thead><tr><th>The kernel did<th class=r>Faults<th class=r>Near"
	      "<th>Meaning\n<tbody>\n",
	      out);
	for (size_t i = 0; (sum = json_array_get(classes, i)); i++) {
		fputs("<tr><th scope=row>", out);
		html_text(out, json_string_value(json_object_get(sum, "class")));
		fprintf(out, "<td class=r>%lld<td class=r>%lld<td>",
			(long long)json_integer_value(json_object_get(sum, "faults")),
			(long long)json_integer_value(json_object_get(sum, "around")));
		html_text(out, json_string_value(json_object_get(sum, "meaning")));
		fputs("\n", out);
	}
	fputs("</table>\n", out);
}

static void write_witness(const struct report *report, FILE *out)
{
	struct faults_agreement a;

	faults_agree(report->faults, &a);
	fprintf(out, "<p>%" PRIu64 " events%s, %" PRIu64 " lost; ", a.events,
		report->faults->faults.kernel_seen ? "" : " in user mode",
		report->faults->faults.lost);
	if (a.why)
		html_format(out, "getrusage unknown: %s.", a.why);
	else if (a.agree)
		fprintf(out, "getrusage counts %" PRIu64 ": the two witnesses agree.",
			a.counted);
	else if (a.missing_known)
		html_format(out,
			    "getrusage counts %" PRIu64 ", %" PRIu64
			    " more in kernel mode, which may not be watched here: %s.",
			    a.counted, a.missing, faults_kernel_why(report->faults));
	else
		fprintf(out, "getrusage counts %" PRIu64 ": the two witnesses disagree.",
			a.counted);
	fputs("\n", out);
}

/* A class has the letter of what a page is after it. */
static void write_fault(const struct report *report, const struct segmap_fault *fault,
			FILE *out)
{
	char *time = faults_time_text(fault->time), *done = faults_done_text(fault);
	char *where = faults_where_text(report->faults, fault);

	fputs("<tr><td class=\"n r\">", out);
	html_text(out, time ? time : "");
	fprintf(out, "<td class=n>0x%" PRIx64 "<td>", fault->addr);
	html_text(out, faults_cause_text(fault));
	fputs("<td>", out);
	html_text(out, done ? done : "");
	fputs("<td>", out);
	html_text(out, where ? where : "");
	fputs("\n", out);
	free(time);
	free(done);
	free(where);
}

void report_write_faults(const struct report *report, const json_t *root, FILE *out)
{
	const struct segmap_faults *faults = &report->faults->faults;
	size_t head = faults->count <= SHOWN ? faults->count : SHOWN / 2;

	if (report->faults->watch_error) {
		html_format(out,
			    "Not known: they cannot be watched here (perf_event_open: %s).",
			    strerror(-report->faults->watch_error));
		return;
	}
	write_witness(report, out);
	report_write_chart(report, out);
	write_sums(json_object_get(json_object_get(root, "faults"), "classes"), out);
	fprintf(out,
		"<h3>%s %zu</h3>\n<div class=\"scroll tall\" tabindex=0 role=region "
		"aria-label=\"faults\"><table class=faults>"
		"<thead><tr><th class=r>Time<th>Address<th>Cause<th>The kernel did<th>Where\n"
		"<tbody>\n",
		faults->count <= SHOWN ? "All" : "The first and the last hundred of",
		faults->count);
	for (size_t i = 0; i < head; i++)
		write_fault(report, &faults->items[i], out);
	if (head < faults->count) {
		fprintf(out,
			"<tr><td colspan=5 class=d>%zu more: the slider goes through them\n",
			faults->count - SHOWN);
		for (size_t i = faults->count - SHOWN / 2; i < faults->count; i++)
			write_fault(report, &faults->items[i], out);
	}
	fputs("</table></div>\n", out);
}
