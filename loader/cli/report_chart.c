/* The faults over time: a column for each hundredth of the time, divided by what the pages have
 * become. */
#include "report.h"

#include <inttypes.h>

enum { COLUMNS = 100, WIDTH = 1080, HEIGHT = 110, COLUMN = 10, LEFT = 60, BASE = 90 };

/* The state of a page that a fault has led to; absent for one that has changed nothing. */
static enum segmap_page_state state_after(enum segmap_fault_class class)
{
	switch (class) {
	case SEGMAP_FAULT_FILE_MAPPED:
	case SEGMAP_FAULT_REFAULT:
		return SEGMAP_PAGE_FILE;
	case SEGMAP_FAULT_COPY_FIRST_WRITE:
	case SEGMAP_FAULT_COPY_AFTER_READ:
	case SEGMAP_FAULT_COPY_AFTER_FORK:
		return SEGMAP_PAGE_COPY;
	case SEGMAP_FAULT_ZERO_PAGE:
		return SEGMAP_PAGE_ZERO;
	case SEGMAP_FAULT_ZERO_FILLED:
	case SEGMAP_FAULT_ZERO_REPLACED:
	case SEGMAP_FAULT_STACK_GROWTH:
		return SEGMAP_PAGE_ANON;
	case SEGMAP_FAULT_SHARED_MAPPED:
		return SEGMAP_PAGE_SHARED;
	case SEGMAP_FAULT_KERNEL:
		return SEGMAP_PAGE_KERNEL;
	default:
		return SEGMAP_PAGE_ABSENT;
	}
}

struct chart {
	size_t counts[COLUMNS][SEGMAP_PAGE_STATE_COUNT];
	size_t highest; /* sum of a column */
	uint64_t end;   /* of time, in nanoseconds */
};

static void count(struct chart *chart, const struct segmap_faults *faults)
{
	chart->end = faults->items[faults->count - 1].time + 1;
	for (size_t i = 0; i < faults->count; i++) {
		const struct segmap_fault *fault = &faults->items[i];
		size_t at = (size_t)((double)fault->time / (double)chart->end * COLUMNS);

		chart->counts[at < COLUMNS ? at : COLUMNS - 1][state_after(fault->class)]++;
	}
	for (size_t c = 0; c < COLUMNS; c++) {
		size_t sum = 0;

		for (int s = 0; s < SEGMAP_PAGE_STATE_COUNT; s++)
			sum += chart->counts[c][s];
		chart->highest = sum > chart->highest ? sum : chart->highest;
	}
}

static void write_column(const struct chart *chart, size_t column, FILE *out)
{
	double y = BASE;

	for (int s = 0; s < SEGMAP_PAGE_STATE_COUNT; s++) {
		size_t n = chart->counts[column][s];
		double height = (double)n / (double)chart->highest * (BASE - 10);

		if (n == 0)
			continue;
		y -= height;
		fprintf(out,
			"<rect class=s%d x=\"%zu\" y=\"%.1f\" width=\"%d\" height=\"%.1f\">"
			"<title>%zu: %s</title></rect>",
			s, LEFT + column * COLUMN, y, COLUMN - 1, height, n,
			s == SEGMAP_PAGE_ABSENT
				? "nothing new"
				: segmap_page_state_name((enum segmap_page_state)s));
	}
}

void report_write_chart(const struct report *report, FILE *out)
{
	const struct segmap_faults *faults = &report->faults->faults;
	struct chart chart = {0};

	if (faults->count == 0)
		return;
	count(&chart, faults);
	fprintf(out,
		"<div class=scroll><svg class=chart viewBox=\"0 0 %d %d\" role=\"img\" "
		"aria-label=\"faults over time, at most %zu in a hundredth of %" PRIu64
		" microseconds\">\n<text x=\"%d\" y=\"18\">%zu</text><text x=\"%d\" "
		"y=\"%d\">0</text>",
		WIDTH, HEIGHT, chart.highest, chart.end / 1000, LEFT - 8, chart.highest,
		LEFT - 8, BASE);
	for (size_t c = 0; c < COLUMNS; c++)
		write_column(&chart, c, out);
	fprintf(out,
		"<path d=\"M%d %dH%d\"/>\n<text class=left x=\"%d\" y=\"%d\">0</text>"
		"<text x=\"%d\" y=\"%d\">%" PRIu64 " us</text></svg></div>\n",
		LEFT, BASE, LEFT + COLUMNS * COLUMN, LEFT, HEIGHT - 5, LEFT + COLUMNS * COLUMN,
		HEIGHT - 5, chart.end / 1000);
}
