#include "fault_family.h"

#include <errno.h>
#include <stdlib.h>

static struct space *find_space(const struct family *f, pid_t pid)
{
	for (size_t i = 0; i < f->space_count; i++)
		if (f->spaces[i]->pid == pid)
			return f->spaces[i];
	return NULL;
}

static struct space *add_space(struct family *f, pid_t pid)
{
	struct space *space = calloc(1, sizeof(*space));
	struct space **spaces =
		space ? reallocarray(f->spaces, f->space_count + 1, sizeof(struct space *))
		      : NULL;

	if (!spaces) {
		free(space);
		return NULL;
	}
	f->spaces = spaces;
	space->pid = pid;
	spaces[f->space_count++] = space;
	return space;
}

struct space *family_take(struct family *f, pid_t pid)
{
	struct space *space = find_space(f, pid);

	return space ? space : add_space(f, pid);
}

size_t family_add_frame(struct family *f, unsigned count)
{
	unsigned *sharers = reallocarray(f->sharers, f->frame_count + 2, sizeof(*sharers));

	if (!sharers)
		return 0;
	f->sharers = sharers;
	sharers[++f->frame_count] = count;
	return f->frame_count;
}

/* The process is gone, or has another address space now. */
static void leave_space(struct family *f, struct space *space)
{
	for (size_t i = 0; i < space->page_room; i++)
		if (space->pages[i].key && space->pages[i].frame)
			f->sharers[space->pages[i].frame]--;
	pid_t pid = space->pid;
	space_free(space);
	space->pid = pid;
}

static void remove_space(struct family *f, pid_t pid)
{
	for (size_t i = 0; i < f->space_count; i++) {
		if (f->spaces[i]->pid != pid)
			continue;
		leave_space(f, f->spaces[i]);
		free(f->spaces[i]);
		f->spaces[i--] = f->spaces[--f->space_count];
	}
}

/* A fork leaves out the page tables of mappings in which there is no copy: the child finds its
 * file pages absent there. Where there is one, the others come along, as far as is known. */
static int fork_page(struct family *f, struct known_page *page,
		     const struct known_region *region, struct known_page *child)
{
	bool own = page->state == SEGMAP_PAGE_ANON || page->state == SEGMAP_PAGE_COPY;

	if (own && !page->frame) {
		page->frame = family_add_frame(f, 1);
		if (!page->frame)
			return -ENOMEM;
	}
	*child = *page;
	child->tid = 0;
	if (own)
		f->sharers[page->frame]++;
	else if (region && region->copied)
		child->predicted = true;
	else
		child->state = SEGMAP_PAGE_ABSENT;
	return 0;
}

static int fork_space(struct family *f, pid_t parent_pid, pid_t pid)
{
	struct space *parent = family_take(f, parent_pid);
	struct space *child = NULL;

	remove_space(f, pid); /* a number may come again */
	if (parent)
		child = add_space(f, pid);
	if (!child || space_copy(child, parent, pid) < 0)
		return -ENOMEM;
	int error = 0;
	for (size_t i = 0; error == 0 && i < parent->page_room; i++)
		if (parent->pages[i].key)
			error = fork_page(f, &parent->pages[i],
					  space_find_region(parent, parent->pages[i].key - 1),
					  &child->pages[i]);
	return error;
}

static int begin_page(struct family *f, struct space *space, const struct segmap_page *page)
{
	bool own = page->state == SEGMAP_PAGE_ANON || page->state == SEGMAP_PAGE_COPY;
	struct known_region *region = space_find_region(space, page->addr);
	struct known_page *known = space_take_page(space, page->addr);

	if (!known)
		return -ENOMEM;
	known->state = page->state;
	if (own && !page->exclusive) { /* with somebody who is not watched */
		known->frame = family_add_frame(f, 2);
		if (!known->frame)
			return -ENOMEM;
	}
	if (region)
		region->copied |= own;
	return 0;
}

int family_begin(struct family *f, const struct segmap_fault_context *c)
{
	struct space *space = family_take(f, c->pid);
	int r = space ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && c->entry && i < c->entry->count; i++)
		r = space_add_region(space, &c->entry->items[i], 0);
	for (size_t i = 0; r == 0 && c->entry_pages && i < c->entry_pages->count; i++)
		r = begin_page(f, space, &c->entry_pages->items[i]);
	return r;
}

bool family_happens_next(const struct segmap_faults *faults, size_t fault, size_t happening)
{
	return happening < faults->happening_count &&
	       (fault == faults->count ||
		faults->happenings[happening].time <= faults->items[fault].time);
}

int family_happen(struct family *f, const struct segmap_happening *h, uint64_t step)
{
	struct space *space;

	switch (h->kind) {
	case SEGMAP_HAPPENED_MAP:
		space = family_take(f, h->pid);
		return space ? space_add_region(space, &h->region, step) : -ENOMEM;
	case SEGMAP_HAPPENED_FORK:
		return h->pid == h->parent ? 0 : fork_space(f, h->parent, h->pid);
	case SEGMAP_HAPPENED_EXEC:
		space = family_take(f, h->pid);
		if (!space)
			return -ENOMEM;
		leave_space(f, space);
		space->loading = true;
		return 0;
	case SEGMAP_HAPPENED_EXIT:
		if (h->tid == h->pid && h->pid != f->first)
			remove_space(f, h->pid);
		return 0;
	case SEGMAP_HAPPENED_FAULT:
		return 0;
	}
	return 0;
}

void family_free(struct family *f)
{
	for (size_t i = 0; i < f->space_count; i++) {
		space_free(f->spaces[i]);
		free(f->spaces[i]);
	}
	free(f->spaces);
	free(f->sharers);
	*f = (struct family){0};
}
