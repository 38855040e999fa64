/*
 * Pages as letters. A mapping can have more pages than could ever be written down, so nothing
 * here walks over what is absent page by page: only over runs of the same letter.
 */
#include "cow.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { SHORT_RUN = 3, STEP_MAX = 24 };

/* What a line has of one look: the runs before the last one as text, and the last. */
struct pen {
	FILE *out;
	char *text;
	size_t size;
	char letter;
	uint64_t count;
};

char cow_run_at(const struct cow_process *process, const struct segmap_strip *strip,
		size_t look, uint64_t addr, uint64_t *end)
{
	const struct segmap_pages *pages = &process->looks[look].pages;

	if (!strip->regions[look])
		return COW_NOT_MAPPED;
	if (pages->error)
		return segmap_page_letter(SEGMAP_PAGE_UNKNOWN);
	size_t i = segmap_pages_from(pages, addr);
	if (i == pages->count || pages->items[i].addr > addr) {
		if (i < pages->count && pages->items[i].addr < *end)
			*end = pages->items[i].addr;
		return segmap_page_letter(SEGMAP_PAGE_ABSENT);
	}
	enum segmap_page_state state = pages->items[i].state;
	uint64_t next = addr + pages->page_size;

	for (i++; i < pages->count && next < *end && pages->items[i].addr == next &&
		  pages->items[i].state == state;
	     i++)
		next += pages->page_size;
	if (next < *end)
		*end = next;
	return segmap_page_letter(state);
}

static uint64_t page_size_of(const struct cow_process *process)
{
	return process->looks[0].pages.page_size;
}

void cow_count_letters(const struct cow_process *process, const struct segmap_strip *strip,
		       size_t look, uint64_t counts[256])
{
	uint64_t end;

	for (uint64_t addr = strip->start; addr < strip->end; addr = end) {
		end = strip->end;
		char letter = cow_run_at(process, strip, look, addr, &end);

		counts[(unsigned char)letter] += (end - addr) / page_size_of(process);
	}
}

/* ---- writing ---- */

/* A run that has a count needs something between it and the next letter, which may be '0'. */
static int format_run(char *buffer, size_t size, char letter, uint64_t count)
{
	if (count > SHORT_RUN)
		return snprintf(buffer, size, "%c*%" PRIu64, letter, count);
	memset(buffer, letter, count);
	buffer[count] = '\0';
	return (int)count;
}

static void end_run(struct pen *pen, bool more)
{
	char buffer[STEP_MAX];

	if (pen->count == 0)
		return;
	format_run(buffer, sizeof(buffer), pen->letter, pen->count);
	fputs(buffer, pen->out);
	if (more && pen->count > SHORT_RUN)
		fputc(' ', pen->out);
	pen->count = 0;
}

/* How long the text is when COUNT pages of LETTER have been added. */
static size_t length_with(struct pen *pen, char letter, uint64_t count)
{
	char buffer[STEP_MAX];
	size_t length = (size_t)ftell(pen->out);

	if (pen->count && pen->letter == letter)
		count += pen->count;
	else if (pen->count) {
		length += (size_t)format_run(buffer, sizeof(buffer), pen->letter, pen->count);
		length += pen->count > SHORT_RUN;
	}
	return length + (size_t)format_run(buffer, sizeof(buffer), letter, count);
}

static void add_run(struct pen *pen, char letter, uint64_t count)
{
	if (pen->count && pen->letter != letter)
		end_run(pen, true);
	pen->letter = letter;
	pen->count += count;
}

static int open_pens(const struct cow_process *process, struct pen *pens)
{
	int r = 0;

	for (size_t i = 0; i < process->look_count; i++) {
		pens[i] = (struct pen){0};
		if (!process->looks[i].title)
			continue;
		pens[i].out = open_memstream(&pens[i].text, &pens[i].size);
		if (!pens[i].out)
			r = -ENOMEM;
	}
	return r;
}

static int close_pens(const struct cow_process *process, struct pen *pens,
		      struct cow_line *line, int r)
{
	for (size_t i = 0; i < process->look_count; i++) {
		if (!pens[i].out)
			continue;
		end_run(&pens[i], false);
		if (fclose(pens[i].out) != 0)
			r = -ENOMEM;
		line->text[i] = pens[i].text;
	}
	if (r < 0)
		cow_line_free(line);
	return r;
}

/* Adds the longest run that has one letter at each look. False if the line is full. */
static bool add_step(struct cow_walk *walk, struct pen *pens)
{
	const struct cow_process *process = walk->process;
	uint64_t end = walk->strip->end;
	char letters[SEGMAP_LOOKS_MAX] = {0};
	bool fits = true;

	/* the second limit is said for gcc, which optimises without knowing it */
	for (size_t i = 0; i < process->look_count && i < SEGMAP_LOOKS_MAX; i++)
		if (pens[i].out)
			letters[i] = cow_run_at(process, walk->strip, i, walk->addr, &end);
	uint64_t count = (end - walk->addr) / page_size_of(process);

	for (size_t i = 0; i < process->look_count; i++)
		fits &= !pens[i].out || length_with(&pens[i], letters[i], count) <= walk->width;
	/* The first step of a line is taken in any case, or there would be no end. */
	for (size_t i = 0; !fits && i < process->look_count; i++)
		if (pens[i].out && pens[i].count)
			return false;
	for (size_t i = 0; i < process->look_count; i++)
		if (pens[i].out)
			add_run(&pens[i], letters[i], count);
	walk->addr = end;
	return true;
}

/* The whole strip with a letter for each page. */
static void write_letters(struct cow_walk *walk, struct pen *pens)
{
	const struct cow_process *process = walk->process;

	for (size_t i = 0; i < process->look_count; i++) {
		uint64_t end;

		for (uint64_t addr = walk->strip->start; pens[i].out && addr < walk->strip->end;
		     addr = end) {
			end = walk->strip->end;
			char letter = cow_run_at(process, walk->strip, i, addr, &end);

			for (uint64_t n = (end - addr) / page_size_of(process); n; n--)
				fputc(letter, pens[i].out);
		}
	}
	walk->addr = walk->strip->end;
}

int cow_walk_next(struct cow_walk *walk, struct cow_line *line)
{
	const struct segmap_strip *strip = walk->strip;
	struct pen pens[SEGMAP_LOOKS_MAX];

	*line = (struct cow_line){.start = walk->addr};
	if (walk->addr >= strip->end)
		return 0;
	int r = open_pens(walk->process, pens);

	if (r == 0 && walk->addr == strip->start &&
	    (strip->end - strip->start) / page_size_of(walk->process) <= walk->width)
		write_letters(walk, pens);
	while (r == 0 && walk->addr < strip->end && add_step(walk, pens))
		;
	line->end = walk->addr;
	r = close_pens(walk->process, pens, line, r);
	return r < 0 ? r : 1;
}

void cow_line_free(struct cow_line *line)
{
	for (size_t i = 0; i < SEGMAP_LOOKS_MAX; i++)
		free(line->text[i]);
	*line = (struct cow_line){0};
}
