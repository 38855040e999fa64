/* The account for people. */
#include "cow.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { DIFFERENCES_MAX = 20 }; /* that are listed without --all */

/* ---- totals ---- */

/* "4 KiB", or "4096 bytes" with --bytes. */
static const char *size_words(const struct cow *cow, uint64_t bytes, char buffer[40])
{
	if (cow->options->subject.view.bytes)
		snprintf(buffer, 40, "%" PRIu64 " bytes", bytes);
	else
		snprintf(buffer, 40, "%" PRIu64 " KiB", bytes / 1024);
	return buffer;
}

static void print_totals(const struct cow *cow, const struct cow_process *p, FILE *out)
{
	static const char *const causes[SEGMAP_CAUSE_COUNT] = {
		[SEGMAP_CAUSE_LOADER] = "by the loader",
		[SEGMAP_CAUSE_PARENT] = "by its parent before the fork",
		[SEGMAP_CAUSE_FORKED] = "by its parent before the fork, or by itself",
		[SEGMAP_CAUSE_START] = "by libc's start",
		[SEGMAP_CAUSE_PROGRAM] = "by the program",
		[SEGMAP_CAUSE_ENTERED] = "by libc's start or the program",
	};
	const struct segmap_account *a = &p->account;
	const char *before = ":";
	char size[40];
	int width =
		fprintf(out, "%zu of %zu data pages copied (%s)", a->copy_count, a->data_pages,
			size_words(cow, a->copy_count * p->looks[0].pages.page_size, size));

	for (size_t i = 0; i < SEGMAP_CAUSE_COUNT; i++) {
		char text[80];

		if (!a->causes[i])
			continue;
		int length = snprintf(text, sizeof(text), "%zu %s", a->causes[i], causes[i]);
		bool wrap = width + length + 3 > 80; /* with what is before and after it */

		width = wrap ? 2 : width + 2;
		width += length;
		fprintf(out, "%s%s%s", before, wrap ? "\n  " : " ", text);
		before = ",";
	}
	fputc('\n', out);
}

static void print_missed(const struct cow *cow, const struct cow_process *p, FILE *out)
{
	const char *main_why = cow_missed_text(cow->main_missed);
	const char *at_why = cow_missed_text(cow->at_missed);

	if (p->end != COW_ENDED)
		fprintf(out, "not looked at its end: %s\n", cow_end_text(p->end));
	if (p->account.causes[SEGMAP_CAUSE_ENTERED] && main_why)
		fprintf(out, "not looked at main: %s\n", main_why);
	if (cow->options->at && at_why && !p->parent) {
		fputs("not looked at ", out);
		put_text(out, seen_name(cow->options->at));
		fprintf(out, ": %s\n", at_why);
	}
}

static void print_files(const struct cow_process *p, FILE *out)
{
	size_t counts[3] = {0};

	for (size_t i = 0; i < p->account.copy_count; i++)
		counts[p->contents[i].file]++;
	if (p->account.copy_count == 0 || p->end != COW_ENDED)
		return;
	fprintf(out, "files: unchanged where %zu of the %zu copies came from",
		counts[SEGMAP_FILE_UNCHANGED], p->account.copy_count);
	if (counts[SEGMAP_FILE_CHANGED])
		fprintf(out, ", %zu CHANGED", counts[SEGMAP_FILE_CHANGED]);
	if (counts[SEGMAP_FILE_UNKNOWN])
		fprintf(out, ", %zu not known", counts[SEGMAP_FILE_UNKNOWN]);
	fputc('\n', out);
}

/* ---- witnesses ---- */

static const char *why_no_faults(int error)
{
	switch (error) {
	case EACCES:
	case EPERM:
		return "hint: a seccomp filter forbids perf_event_open(2), or "
		       "kernel.perf_event_paranoid\n  is above 2: 'sysctl "
		       "kernel.perf_event_paranoid=2' as root permits it";
	case EMFILE:
	case ENFILE:
		return "hint: too many files are open: 'ulimit -n' says how many may be";
	default:
		return "hint: this kernel or virtual machine has no page fault events";
	}
}

static void print_difference(const struct cow_process *p, const struct segmap_difference *d,
			     FILE *out)
{
	static const char *const texts[SEGMAP_DIFFERENCE_COUNT] = {
		[SEGMAP_COPY_IN_KERNEL] = "a copy; its fault was in kernel mode, and not shown",
		[SEGMAP_COPY_LOST] = "a copy; its fault may be one of the records lost",
		[SEGMAP_COPY_DROPPED] = "copied, then given back, as by madvise(2)",
		[SEGMAP_COPY_UNMAPPED] = "copied, then unmapped",
		[SEGMAP_FAULT_UNCLEAR] = "a fault; whether it copied is not known",
		[SEGMAP_COPY_WITHOUT_FAULT] = "a COPY in the page tables WITHOUT A FAULT",
		[SEGMAP_FAULT_WITHOUT_COPY] = "a copying FAULT, but NO COPY in the page tables",
	};
	char *where = cow_address_text(p, d->fault ? d->fault->addr : d->addr);
	char *who = cow_writer_text(p, d->fault);

	fprintf(out, "  %08" PRIx64 " ", d->addr);
	put_text(out, where ? where : "?");
	fprintf(out, ": %s", texts[d->kind]);
	if (d->fault) {
		fputs("; by ", out);
		put_text(out, who ? who : "?");
	}
	fputc('\n', out);
	free(where);
	free(who);
}

static void print_differences(const struct cow *cow, const struct cow_process *p, FILE *out)
{
	size_t count = p->account.difference_count;

	if (count > DIFFERENCES_MAX && !cow->options->all)
		count = DIFFERENCES_MAX;
	for (size_t i = 0; i < count; i++)
		print_difference(p, &p->account.differences[i], out);
	if (count < p->account.difference_count)
		fprintf(out, "  ... %zu more; --all shows them\n",
			p->account.difference_count - count);
}

static void print_witnesses(const struct cow *cow, const struct cow_process *p, FILE *out)
{
	static const char *const verdicts[SEGMAP_AGREEMENT_COUNT] = {
		[SEGMAP_WITNESSES_AGREE] = "agree",
		[SEGMAP_WITNESSES_EXPLAINED] = "agree but for",
		[SEGMAP_WITNESSES_DISAGREE] = "DISAGREE",
	};
	const struct segmap_account *a = &p->account;

	if (p->end != COW_ENDED)
		return; /* what the faults have copied until then is not to be seen */
	if (p->faults_error) {
		fprintf(out, "one witness: page faults are not known: %s\n  %s\n",
			strerror(p->faults_error), why_no_faults(p->faults_error));
		return;
	}
	fprintf(out, "two witnesses: %zu %s%s in page tables, %zu copying fault%s: %s\n",
		a->copied_pages, a->copied_pages == 1 ? "copy" : "copies",
		a->causes[SEGMAP_CAUSE_LOADER] ? " since entry" : "", a->faulted_pages,
		a->faulted_pages == 1 ? "" : "s", verdicts[a->agreement]);
	print_differences(cow, p, out);
	if (!p->faults.kernel_seen)
		fputs("  faults in kernel mode are not shown to this user: 'sysctl "
		      "kernel.perf_event_paranoid=1'\n  as root permits it\n",
		      out);
	if (p->faults.lost)
		fprintf(out, "  %" PRIu64 " records of faults were lost\n", p->faults.lost);
}

static void print_smaps(const struct cow *cow, const struct cow_process *p, FILE *out)
{
	uint64_t bytes = p->account.copy_count * p->looks[0].pages.page_size;
	char size[40];

	if (p->end != COW_ENDED)
		return;
	if (p->anonymous_error) {
		fprintf(out, "smaps: not known: %s\n", strerror(p->anonymous_error));
		return;
	}
	fprintf(out, "smaps: %s anonymous in private file mappings: ",
		size_words(cow, p->anonymous, size));
	if (p->anonymous == bytes)
		fputs("agrees\n", out);
	else
		fprintf(out, "DISAGREES, the copies are %s\n", size_words(cow, bytes, size));
}

static int print_process(const struct cow *cow, const struct cow_process *p, FILE *out)
{
	bool raw = cow->options->subject.view.raw;
	int r = 0;

	if (!raw) {
		r = cow_print_strips(cow, p, out);
		if (r == 0 && p->account.copy_count)
			fputc('\n', out);
	}
	if (r == 0)
		r = cow_print_copies(cow, p, out);
	if (r < 0 || raw)
		return r;
	fputc('\n', out);
	if (cow_pages_error(p)) {
		fprintf(out, "copies are not known: page tables cannot be read: %s\n",
			strerror(cow_pages_error(p)));
		return 0;
	}
	print_totals(cow, p, out);
	print_files(p, out);
	print_missed(cow, p, out);
	print_witnesses(cow, p, out);
	print_smaps(cow, p, out);
	return 0;
}

int cow_print_table(const struct cow *cow, FILE *out)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < cow->process_count; i++) {
		const struct cow_process *p = cow->processes[i];

		if (p->parent && !cow->options->subject.view.raw)
			fprintf(out, "\nprocess %d, forked by %d\n", p->pid, p->parent);
		r = print_process(cow, p, out);
	}
	return r;
}
