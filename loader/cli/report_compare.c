/* The comparison with execve: what `segmap compare --json` says. */
#include "report.h"

static void write_text(FILE *out, const json_t *item, const char *key, const char *why_key)
{
	const char *text = json_string_value(json_object_get(item, key));
	const char *why = json_string_value(json_object_get(item, why_key));

	if (text)
		html_text(out, text);
	else
		html_format(out, "not known%s%s", why ? ": " : "", why ? why : "");
}

static void write_item(FILE *out, const json_t *item)
{
	const char *verdict = json_string_value(json_object_get(item, "verdict"));
	const char *why = json_string_value(json_object_get(item, "why"));

	fputs("<tr><th scope=row>", out);
	html_text(out, json_string_value(json_object_get(item, "item")));
	fputs("<td>", out);
	html_text(out, json_string_value(json_object_get(item, "stage")));
	fputs("<td class=text>", out);
	write_text(out, item, "execve", "execve_why");
	fputs("<td class=text>", out);
	write_text(out, item, "loader", "loader_why");
	fprintf(out, "<td><span class=\"v-%s\">%s</span><td>", verdict, verdict);
	html_text(out, why ? why : "");
	fputs("\n", out);
}

static long long count_of(const json_t *counts, const char *key)
{
	return (long long)json_integer_value(json_object_get(counts, key));
}

void report_write_compare(const json_t *compare, FILE *out)
{
	const json_t *counts = json_object_get(compare, "counts");
	const json_t *item;

	if (!compare) {
		fputs("<p>Not compared. <code>segmap report</code> does it unless "
		      "<code>--no-compare</code> is given, or the comparison failed.\n",
		      out);
		return;
	}
	fputs("<p>Run by execve and by ", out);
	html_text(out, json_string_value(json_object_get(compare, "loader")));
	fprintf(out,
		": %lld things compared, %lld the same, %lld vary from run to run, %lld differ "
		"as "
		"expected, <b>%lld unexpected</b>, %lld unknown.\n",
		count_of(counts, "compared"), count_of(counts, "same"),
		count_of(counts, "varies"), count_of(counts, "expected"),
		count_of(counts, "unexpected"), count_of(counts, "unknown"));
	fputs("<div class=scroll tabindex=0 role=region aria-label=\"differences\"><table>"
	      "<thead><tr><th>What<th>When<th>By execve<th>By the loader<th>Verdict<th>Why\n"
	      "<tbody>\n",
	      out);
	for (size_t i = 0; (item = json_array_get(json_object_get(compare, "items"), i)); i++)
		write_item(out, item);
	fputs("</table></div>\n", out);
}
