/* What the pages of `segmap share` come to, and whether the kernel's own sums say the same. */
#include "share.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- verdicts ---- */

const char *share_verdict_name(enum share_verdict verdict)
{
	static const char *const names[] = {
		[SHARE_AGREE] = "agree",
		[SHARE_LESS] = "less",
		[SHARE_DISAGREE] = "DISAGREE",
		[SHARE_UNKNOWN] = "unknown",
	};

	return names[verdict];
}

enum share_verdict share_judge_counts(const struct segmap_sharing_account *account)
{
	if (account->frames_error || account->counts_error || !account->mapcounts.checked)
		return SHARE_UNKNOWN;
	return account->mapcounts.fewer ? SHARE_DISAGREE : SHARE_AGREE;
}

uint64_t share_expected_pss(const struct segmap_sharing_account *account)
{
	return account->mapcounts.pss_known ? account->mapcounts.pss
					    : account->memory.frames * account->page_size;
}

/* The kernel rounds each copy's PSS down to KiB. Where the counts are not known, other
 * processes that map the same pages make it less than the frames are. */
enum share_verdict share_judge_pss(const struct segmap_sharing_account *account)
{
	const struct segmap_sharing_memory *memory = &account->memory;
	uint64_t expected = share_expected_pss(account), slack = account->copies * 1024;

	if (memory->pss_error || (memory->unknown && !account->mapcounts.pss_known))
		return SHARE_UNKNOWN;
	if (memory->pss > expected + slack)
		return SHARE_DISAGREE;
	if (memory->pss + slack >= expected)
		return SHARE_AGREE;
	return account->mapcounts.pss_known ? SHARE_DISAGREE : SHARE_LESS;
}

/* ---- words ---- */

struct printer {
	const struct share_report *report;
	const struct segmap_sharing_account *account;
	FILE *out;
};

static void put_size(const struct printer *p, uint64_t bytes)
{
	char *text = size_text(bytes, p->report->options->subject.view.bytes);

	fputs(text ? text : "?", p->out);
	free(text);
}

static void put_line(const struct printer *p, const char *what, uint64_t pages)
{
	char *text = size_text(pages * p->account->page_size,
			       p->report->options->subject.view.bytes);

	fprintf(p->out, "  %-23s%10s %8" PRIu64 " pages", what, text ? text : "?", pages);
	free(text);
}

void share_print_title(const struct share_report *report, const struct share_side *side,
		       FILE *out)
{
	bool color = report->options->subject.view.color;

	if (side != report->sides)
		fputc('\n', out);
	fputs(style_on(STYLE_TITLE, color), out);
	put_text(out, report->program);
	fprintf(out, ": %zu copies by ", side->account.copies);
	put_text(out, side->by);
	fprintf(out, ", each at %s%s%s\n",
		report->options->place == SHARE_AT_SYMBOL ? "" : "its ",
		share_place_name(report->options), style_off(color));
}

static void print_memory(const struct printer *p)
{
	const struct segmap_sharing_memory *memory = &p->account->memory;
	uint64_t saved = memory->mapped - memory->frames;

	put_line(p, "if nothing were shared", memory->mapped);
	fputc('\n', p->out);
	put_line(p, memory->unknown ? "in fact, at most" : "in fact", memory->frames);
	if (memory->unknown)
		fprintf(p->out, ", %" PRIu64 " of them unknown", memory->unknown);
	fputc('\n', p->out);
	put_line(p, memory->unknown ? "saved, at least" : "saved", saved);
	if (memory->mapped)
		fprintf(p->out, ", %" PRIu64 " %%", saved * 100 / memory->mapped);
	fputc('\n', p->out);
}

static void print_verdict(const struct printer *p, enum share_verdict verdict)
{
	bool color = p->report->options->subject.view.color;

	fprintf(p->out, "%s%s%s",
		style_on(verdict == SHARE_DISAGREE ? STYLE_REFUSED : STYLE_INFO, color),
		share_verdict_name(verdict), style_off(color));
}

static void print_counts(const struct printer *p)
{
	const struct segmap_sharing_counts *counts = &p->account->mapcounts;
	enum share_verdict verdict = share_judge_counts(p->account);

	if (p->account->frames_error || p->account->counts_error) {
		int error = p->account->frames_error ? p->account->frames_error
						     : p->account->counts_error;

		fprintf(p->out,
			"frames: not told to this user (%s)\n"
			"  so by pagemap's bits: a page of a file is one for all who map it, "
			"and an\n  exclusive page is one process's own\n"
			"  hint: as root, frame numbers and kpagecount can be read\n",
			strerror(error));
		return;
	}
	if (verdict == SHARE_UNKNOWN) {
		fputs("kpagecount: no page is one frame in all, nothing to check\n", p->out);
		return;
	}
	fprintf(p->out,
		"kpagecount: %" PRIu64 " of %" PRIu64
		" shared frames are in %zu page tables or more: ",
		counts->checked - counts->fewer, counts->checked, p->account->copies);
	print_verdict(p, verdict);
	fputc('\n', p->out);
}

static void explain_pss(const struct printer *p, enum share_verdict verdict, uint64_t expected)
{
	uint64_t pss = p->account->memory.pss;

	if (verdict == SHARE_AGREE)
		return;
	fputs(", by ", p->out);
	put_size(p, pss > expected ? pss - expected : expected - pss);
	if (verdict == SHARE_LESS)
		fputs("\n  other processes map the same files, and PSS counts a part as theirs",
		      p->out);
	else if (p->account->mapcounts.pss_known)
		fputs("\n  or processes that map the same files began or ended meanwhile",
		      p->out);
}

static void print_pss(const struct printer *p)
{
	const struct segmap_sharing_memory *memory = &p->account->memory;
	enum share_verdict verdict = share_judge_pss(p->account);
	uint64_t expected = share_expected_pss(p->account);
	uint64_t in_fact = memory->frames * p->account->page_size;

	if (verdict == SHARE_UNKNOWN) {
		fprintf(p->out, "PSS: %s\n",
			memory->pss_error ? strerror(memory->pss_error)
					  : "cannot be compared while pages are unknown");
		return;
	}
	fputs("PSS of all copies: ", p->out);
	put_size(p, memory->pss);
	fputs(p->account->mapcounts.pss_known ? ", by kpagecount " : ", by these pages ",
	      p->out);
	put_size(p, expected);
	fputs(": ", p->out);
	print_verdict(p, verdict);
	explain_pss(p, verdict, expected);
	fputc('\n', p->out);
	if (p->account->mapcounts.pss_known && in_fact > expected + p->account->copies * 1024) {
		fputs("  the rest of ", p->out);
		put_size(p, in_fact);
		fputs(" is charged to other processes that map the same files\n", p->out);
	}
}

void share_print_sums(const struct share_report *report, const struct share_side *side,
		      FILE *out)
{
	const struct printer p = {report, &side->account, out};
	const uint64_t *counts = side->account.counts;

	fprintf(out,
		"strip: . absent  1 one frame  0 zero page  - one, in some  N parted\n"
		"       m parted, in part  ? unknown%s\n",
		report->options->all ? "" : "  * pages that differ, see --all");
	fprintf(out, "pages: %" PRIu64 " one frame in all %zu, %" PRIu64 " parted",
		counts[SEGMAP_SHARING_ONE], side->account.copies,
		counts[SEGMAP_SHARING_PARTED]);
	if (counts[SEGMAP_SHARING_SOME])
		fprintf(out, ", %" PRIu64 " in some only", counts[SEGMAP_SHARING_SOME]);
	if (counts[SEGMAP_SHARING_UNKNOWN])
		fprintf(out, ", %" PRIu64 " unknown", counts[SEGMAP_SHARING_UNKNOWN]);
	fputc('\n', out);
	print_memory(&p);
	print_counts(&p);
	print_pss(&p);
}

/* Two loaders: what all copies take by each. */
void share_print_beside(const struct share_report *report, FILE *out)
{
	fputs("\nin memory, for all copies:\n", out);
	for (size_t i = 0; i < report->side_count; i++) {
		const struct share_side *side = &report->sides[i];
		const struct printer p = {report, &side->account, out};

		put_line(&p, side->by, side->account.memory.frames);
		fprintf(out, "%s, %" PRIu64 " saved\n",
			side->account.memory.unknown ? " at most" : "",
			side->account.memory.mapped - side->account.memory.frames);
	}
}
