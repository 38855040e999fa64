/* Many copies of the program: what `segmap share --json` says. */
#include "report.h"

#include <stdlib.h>
#include <string.h>

enum { FOLD = 24, RUNS_MOST = 512 };

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static long long count_of(const json_t *object, const char *key)
{
	return (long long)json_integer_value(json_object_get(object, key));
}

/* The letters of segmap-share(1). */
static char letter_of(const json_t *run, long long copies)
{
	const char *sharing = text_of(run, "sharing");

	if (strcmp(sharing, "one") == 0)
		return strcmp(text_of(run, "state"), "zero") == 0 ? '0' : '1';
	if (strcmp(sharing, "some") == 0)
		return '-';
	if (strcmp(sharing, "parted") == 0)
		return count_of(run, "frames") == copies ? 'N' : 'm';
	return '?';
}

static void write_letters(FILE *out, char letter, long long count)
{
	if (count <= 0)
		return;
	fprintf(out, "<i class=\"x-%s%s\">",
		letter == '.'   ? "absent"
		: letter == '1' ? "one"
		: letter == '0' ? "zero"
		: letter == '-' ? "some"
		: letter == '?' ? "unknown"
				: "parted",
		count > FOLD ? " w" : "");
	if (count > FOLD)
		fprintf(out, "%c{%lld}", letter, count);
	else
		for (; count > 0; count--)
			fputc(letter, out);
	fputs("</i>", out);
}

static void write_strip(FILE *out, const json_t *mapping, long long page_size, long long copies)
{
	unsigned long long at = strtoull(text_of(mapping, "start"), NULL, 16);
	unsigned long long end = strtoull(text_of(mapping, "end"), NULL, 16);
	const json_t *run;

	for (size_t i = 0; (run = json_array_get(json_object_get(mapping, "runs"), i)); i++) {
		unsigned long long start = strtoull(text_of(run, "address"), NULL, 16);
		long long pages = count_of(run, "pages");

		if (i == RUNS_MOST) {
			fputs(" and more", out);
			return;
		}
		write_letters(out, '.', (long long)(start - at) / page_size);
		write_letters(out, letter_of(run, copies), pages);
		at = start + (unsigned long long)(pages * page_size);
	}
	write_letters(out, '.', (long long)(end - at) / page_size);
}

static void write_mapping(FILE *out, const json_t *share, const json_t *mapping)
{
	const json_t *pages = json_object_get(mapping, "pages");

	fputs("<tr><th scope=row class=n>", out);
	html_text(out, text_of(mapping, "start"));
	fputs("<td class=n>", out);
	html_text(out, text_of(mapping, "permissions"));
	fprintf(out, "<td class=r>%lld<td class=r>%lld<td class=r>%lld<td class=p>",
		count_of(pages, "one"), count_of(pages, "parted"), count_of(pages, "absent"));
	write_strip(out, mapping, count_of(share, "page_size"), count_of(share, "copies"));
	fputs("<td>", out);
	html_text(out, text_of(mapping, "name"));
	fputs("\n", out);
}

/* Two bars: what the copies would take, and what they take. */
static void write_bars(FILE *out, const json_t *memory)
{
	long long apart = count_of(memory, "unshared_bytes"),
		  frames = count_of(memory, "bytes");
	double part = apart ? 100.0 * (double)frames / (double)apart : 0;
	char *all = size_text((uint64_t)apart, false);
	char *taken = size_text((uint64_t)frames, false);
	char *saved = size_text((uint64_t)count_of(memory, "saved_bytes"), false);

	if (all && taken && saved)
		fprintf(out,
			"<div class=bars><div><span style=\"width:100%%\"></span>%s if nothing "
			"were "
			"shared</div><div><span style=\"width:%.1f%%\"></span>%s in fact: %s "
			"saved</div></div>\n",
			all, part, taken, saved);
	free(all);
	free(taken);
	free(saved);
}

static void write_load(FILE *out, const json_t *share, const json_t *load)
{
	const json_t *mapping;

	fprintf(out, "<h3>%lld copies by ", count_of(share, "copies"));
	html_text(out, text_of(load, "by"));
	fputs(", at their ", out);
	html_text(out, text_of(share, "at"));
	fputs("</h3>\n", out);
	write_bars(out, json_object_get(load, "memory"));
	fputs("<div class=scroll tabindex=0 role=region aria-label=\"sharing\">"
	      "<table class=pages><thead><tr><th>Address<th>Perms<th class=r>One"
	      "<th class=r>Parted<th class=r>Absent<th>Pages<th>Name\n<tbody>\n",
	      out);
	for (size_t i = 0; (mapping = json_array_get(json_object_get(load, "mappings"), i));
	     i++)
		write_mapping(out, share, mapping);
	fputs("</table></div>\n", out);
}

void report_write_share(const json_t *share, FILE *out)
{
	const json_t *load;

	if (!share) {
		fputs("<p>One copy only. <code>segmap report -n 20</code> shows what twenty "
		      "have "
		      "in common.\n",
		      out);
		return;
	}
	fputs("<p><i class=\"x-one\">1</i> one frame in all copies, <i class=\"x-zero\">0</i> "
	      "the "
	      "zero page in all, <i class=\"x-some\">-</i> one frame in some, <i "
	      "class=\"x-parted\">N</i> a frame for each copy, <i class=\"x-parted\">m</i> "
	      "fewer "
	      "frames than copies, <i class=\"x-absent\">.</i> absent in all, <i "
	      "class=\"x-unknown\">?</i> not known.\n",
	      out);
	for (size_t i = 0; (load = json_array_get(json_object_get(share, "loads"), i)); i++)
		write_load(out, share, load);
}
