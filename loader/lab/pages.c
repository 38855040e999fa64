/* What the page table of this process says, beside what was predicted. */
#include "inside.h"

#include <errno.h>
#include <inttypes.h>
#include <segmap/permits.h>
#include <segmap/process.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The pages of [ADDR, ADDR + LENGTH), which is in one mapping. */
static int read_pages(struct segmap_pages *pages, const char *addr, size_t length)
{
	struct segmap_regions regions = {0};
	int r = segmap_regions_read(&regions, getpid(), false);

	if (r == 0 && regions.error)
		r = -regions.error;
	const struct segmap_region *found =
		r == 0 ? segmap_regions_find(&regions, (uintptr_t)addr) : NULL;
	if (r == 0 && !found)
		r = -EFAULT;
	if (r == 0) {
		struct segmap_region part = *found;
		const struct segmap_regions only = {.items = &part, .count = 1};

		part.start = (uintptr_t)addr - (uintptr_t)addr % lab_page_size();
		part.end = part.start + length;
		r = segmap_pages_read(pages, getpid(), &only);
	}
	segmap_regions_free(&regions);
	return r;
}

int lab_entry_read(struct lab_entry *entry, const char *addr)
{
	struct segmap_pages pages = {0};
	int r = read_pages(&pages, addr, lab_page_size());

	if (r < 0)
		return r;
	const struct segmap_page *page = segmap_pages_find(&pages, (uintptr_t)addr);
	*entry = (struct lab_entry){
		.frames_error = pages.frames_error,
		.counts_error = pages.counts_error,
	};
	if (page)
		entry->page = *page;
	r = -pages.error;
	segmap_pages_free(&pages);
	return r;
}

/* The entry; what is said instead if there is none is added here, and NULL returned. */
static bool ask(struct lab *lab, struct lab_entry *entry, enum lab_witness witness,
		const char *what, const char *predicted, const char *addr)
{
	char why[LAB_REASON];
	int r = lab_entry_read(entry, addr);

	if (r == 0)
		return true;
	snprintf(why, sizeof(why), "/proc/self/pagemap: %s", strerror(-r));
	lab_add(lab, witness, what, predicted, NULL, why);
	return false;
}

void lab_state(struct lab *lab, const char *what, const char *addr,
	       enum segmap_page_state state)
{
	const char *predicted = segmap_page_state_name(state);
	struct lab_entry entry;

	if (!ask(lab, &entry, LAB_PAGE_TABLE, what, predicted, addr))
		return;
	bool unknown = entry.page.state == SEGMAP_PAGE_UNKNOWN;
	lab_add(lab, LAB_PAGE_TABLE, what, predicted,
		unknown ? NULL : segmap_page_state_name(entry.page.state),
		unknown ? "this kernel does not tell the zero page from others" : NULL);
}

void lab_exclusive(struct lab *lab, const char *what, const char *addr, bool exclusive)
{
	const char *predicted = exclusive ? "exclusive" : "not exclusive";
	struct lab_entry entry;

	if (ask(lab, &entry, LAB_PAGE_TABLE, what, predicted, addr))
		lab_add(lab, LAB_PAGE_TABLE, what, predicted,
			entry.page.exclusive ? "exclusive" : "not exclusive", NULL);
}

static const char frames_secret[] = "frame numbers are not told to this user";

void lab_keep_frame(struct lab *lab, const char *addr)
{
	struct lab_entry entry;
	int r = lab_entry_read(&entry, addr);

	lab->common->kept_frame = r == 0 ? entry.page.frame : 0;
}

void lab_frame(struct lab *lab, const char *what, const char *addr, enum lab_frame frame)
{
	const char *predicted = frame == LAB_SAME_FRAME ? "same frame" : "other frame";
	struct lab_entry entry;

	if (!ask(lab, &entry, LAB_FRAMES, what, predicted, addr))
		return;
	bool known = entry.page.frame && lab->common->kept_frame;
	bool same = entry.page.frame == lab->common->kept_frame;
	lab_add(lab, LAB_FRAMES, what, predicted,
		!known ? NULL
		: same ? "same frame"
		       : "other frame",
		frames_secret);
}

void lab_mappers(struct lab *lab, const char *what, const char *addr, uint64_t count)
{
	char predicted[LAB_TEXT], observed[LAB_TEXT], why[LAB_REASON];
	struct lab_entry entry;

	snprintf(predicted, sizeof(predicted), "%" PRIu64, count);
	if (!ask(lab, &entry, LAB_MAPPERS, what, predicted, addr))
		return;
	snprintf(observed, sizeof(observed), "%" PRIu64, entry.page.mapcount);
	if (entry.counts_error)
		snprintf(why, sizeof(why), "/proc/kpagecount: %s",
			 strerror(entry.counts_error));
	else
		snprintf(why, sizeof(why), "%s", frames_secret);
	lab_add(lab, LAB_MAPPERS, what, predicted, entry.page.mapcount ? observed : NULL, why);
}

void lab_present(struct lab *lab, const char *what, const char *addr, size_t pages,
		 uint64_t least, uint64_t most)
{
	char predicted[LAB_TEXT], observed[LAB_TEXT], why[LAB_REASON];
	struct segmap_pages seen = {0};
	int r = read_pages(&seen, addr, pages * lab_page_size());

	if (least == most)
		snprintf(predicted, sizeof(predicted), "%" PRIu64, least);
	else
		snprintf(predicted, sizeof(predicted), "%" PRIu64 " to %" PRIu64, least, most);
	if (r < 0 || seen.error) {
		snprintf(why, sizeof(why), "/proc/self/pagemap: %s",
			 strerror(r < 0 ? -r : seen.error));
		lab_add(lab, LAB_PAGE_TABLE, what, predicted, NULL, why);
	} else {
		snprintf(observed, sizeof(observed), "%zu", seen.count);
		lab_add_range(lab, LAB_PAGE_TABLE, what, predicted, observed,
			      seen.count >= least && seen.count <= most);
	}
	if (r == 0)
		segmap_pages_free(&seen);
}

bool lab_has_zero_page(struct lab *lab)
{
	bool has = segmap_zero_page_is_used();

	if (!has)
		snprintf(lab->common->result.note, LAB_REASON,
			 "there is no shared zero page here: a read gets a page of its own");
	return has;
}
