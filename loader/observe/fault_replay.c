/*
 * The page tables of the watched processes, replayed from their faults and from what else
 * happened: each fault is decided by what is believed of its page until then, and changes it.
 */
#include "fault_replay.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

/* Two threads that fault at one page within this time have done so at once. Nanoseconds. */
#define AT_ONCE 1000000

uint64_t replay_page_of(const struct replay *r, uint64_t addr)
{
	return addr - addr % r->context->page_size;
}

/* ---- which faults are at one page ---- */

struct sorter {
	const struct segmap_fault *items;
	uint64_t page_size;
};

static int compare_faults(const struct sorter *s, size_t i, pid_t pid, uint64_t page, size_t j)
{
	uint64_t own = s->items[i].addr / s->page_size;

	if (s->items[i].pid != pid)
		return s->items[i].pid < pid ? -1 : 1;
	if (own != page)
		return own < page ? -1 : 1;
	return i < j ? -1 : i > j;
}

static int compare_places(const void *a, const void *b, void *data)
{
	const struct sorter *s = data;
	size_t i = *(const size_t *)a, j = *(const size_t *)b;

	return compare_faults(s, i, s->items[j].pid, s->items[j].addr / s->page_size, j);
}

static int sort_faults(struct replay *r)
{
	struct sorter sorter = {r->faults->items, r->context->page_size};

	r->order = calloc(r->faults->count + 1, sizeof(*r->order));
	if (!r->order)
		return -ENOMEM;
	for (size_t i = 0; i < r->faults->count; i++)
		r->order[i] = i;
	qsort_r(r->order, r->faults->count, sizeof(*r->order), compare_places, &sorter);
	return 0;
}

const struct segmap_fault *replay_next_at(const struct replay *r, pid_t pid, uint64_t page,
					  size_t index)
{
	const struct sorter sorter = {r->faults->items, r->context->page_size};
	const uint64_t number = page / sorter.page_size;
	size_t low = 0, high = r->faults->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_faults(&sorter, r->order[middle], pid, number, index + 1) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == r->faults->count)
		return NULL;
	const struct segmap_fault *next = &r->faults->items[r->order[low]];
	return next->pid == pid && next->addr / sorter.page_size == number ? next : NULL;
}

/* ---- pages ---- */

static bool is_current(const struct known_page *page, const struct known_region *region)
{
	return page && region && page->step >= region->born;
}

enum segmap_page_state replay_state_at(const struct space *space, uint64_t page)
{
	const struct known_page *known = space_find_page(space, page);

	return is_current(known, space_find_region(space, page)) ? known->state
								 : SEGMAP_PAGE_ABSENT;
}

bool replay_find_after(const struct replay *r, const struct segmap_fault *fault,
		       const struct segmap_region *region, uint64_t page,
		       enum segmap_page_state *state)
{
	const struct segmap_fault_context *c = r->context;

	if (fault->pid != c->pid || fault->time < r->last_exec || !c->exit || !c->exit_pages ||
	    c->exit_pages->error)
		return false;
	const struct segmap_region *now = segmap_regions_find(c->exit, page);

	if (now && region && !is_same_origin(now, region))
		return false;
	*state = segmap_pages_state(c->exit_pages, page);
	return true;
}

int replay_set_page(struct replay *r, struct space *space, uint64_t addr,
		    enum segmap_page_state state, const struct segmap_fault *fault)
{
	struct known_page *page = space_take_page(space, addr);

	if (!page)
		return -ENOMEM;
	if (page->frame && fault) {
		r->family.sharers[page->frame]--;
		page->frame = 0;
	}
	page->step = r->step;
	page->state = state;
	page->predicted = !fault;
	page->tid = fault ? fault->tid : 0;
	page->time = fault ? fault->time : 0;
	return 0;
}

/* ---- one fault ---- */

/* A record that the mapping reaches down to the fault's address, before the thread's next
 * fault: the stack has grown. Taken in at once. */
static int grow_stack(struct replay *r, struct space *space, const struct segmap_fault *fault,
		      bool *grows)
{
	const struct segmap_faults *all = r->faults;
	const struct known_region *above = space_find_above(space, fault->addr);

	for (size_t i = r->happening; above && i < all->happening_count; i++) {
		const struct segmap_happening *h = &all->happenings[i];

		if (h->tid != fault->tid)
			continue;
		if (h->kind != SEGMAP_HAPPENED_MAP || h->region.start > fault->addr ||
		    h->region.end < above->region.end)
			return 0;
		*grows = true;
		r->consumed[i] = true;
		return space_add_region(space, &h->region, r->step);
	}
	return 0;
}

/* The mapping of the fault, in *REGION; NULL if there is none. mremap leaves no record: what is
 * there at exit is taken for what was there. */
static int find_region(struct replay *r, struct space *space, const struct segmap_fault *fault,
		       struct moment *m)
{
	const struct segmap_fault_context *c = r->context;
	int error = 0;

	m->region = space_find_region(space, fault->addr);
	if (!m->region)
		error = grow_stack(r, space, fault, &m->grows);
	if (!m->region && !m->grows && error == 0 && c->exit && fault->pid == c->pid) {
		const struct segmap_region *exit = segmap_regions_find(c->exit, fault->addr);

		if (exit && fault->time >= r->last_exec)
			error = space_add_region(space, exit, r->step);
	}
	m->region = space_find_region(space, fault->addr);
	m->kind = m->region ? segmap_region_kind(&m->region->region) : SEGMAP_KIND_ANON_PRIVATE;
	return error;
}

static void look_at_page(const struct replay *r, const struct space *space, struct moment *m)
{
	const struct segmap_fault *fault = m->fault;
	const struct known_page *page = space_find_page(space, replay_page_of(r, fault->addr));

	m->before = SEGMAP_PAGE_ABSENT;
	if (!is_current(page, m->region))
		return;
	m->before = page->state;
	m->predicted = page->predicted;
	m->sharers = page->frame ? r->family.sharers[page->frame] : 0;
	m->changed = page->step < m->region->changed;
	m->elsewhere =
		page->tid && page->tid != fault->tid && fault->time - page->time < AT_ONCE;
}

static bool is_deadly(int status)
{
	return WIFSIGNALED(status) &&
	       (WTERMSIG(status) == SIGSEGV || WTERMSIG(status) == SIGBUS);
}

static bool brings_others(const struct outcome *out)
{
	return out->access != SEGMAP_ACCESS_WRITE &&
	       (out->class == SEGMAP_FAULT_FILE_MAPPED || out->class == SEGMAP_FAULT_REFAULT ||
		out->class == SEGMAP_FAULT_SHARED_MAPPED) &&
	       (out->state == SEGMAP_PAGE_FILE || out->state == SEGMAP_PAGE_SHARED);
}

static int apply(struct replay *r, struct space *space, const struct moment *m, size_t index,
		 const struct outcome *out)
{
	const uint64_t page = replay_page_of(r, m->fault->addr);
	struct known_region *region = space_find_region(space, page);
	int error = 0;

	if (out->class == SEGMAP_FAULT_SIGNAL || out->class == SEGMAP_FAULT_ALREADY_THERE ||
	    out->class == SEGMAP_FAULT_UNCLASSIFIED || !region)
		return 0;
	region->copied |= out->state == SEGMAP_PAGE_COPY || out->state == SEGMAP_PAGE_ANON;
	error = replay_set_page(r, space, page, out->state, m->fault);
	if (error == 0 && index != SIZE_MAX && brings_others(out))
		error = replay_map_around(r, space, m->fault, index, &region->region,
					  out->state);
	return error;
}

/* INDEX is SIZE_MAX for a fault that nobody will see. */
static int replay_fault(struct replay *r, struct segmap_fault *fault, size_t index)
{
	struct space *space = family_take(&r->family, fault->pid);
	struct moment m = {.fault = fault, .zero_page = r->context->zero_page};

	if (!space)
		return -ENOMEM;
	int error = find_region(r, space, fault, &m);
	if (error < 0)
		return error;
	look_at_page(r, space, &m);
	space->loading &= fault->kernel;
	m.loading = space->loading;
	m.repeats = index != SIZE_MAX &&
		    replay_next_at(r, fault->pid, replay_page_of(r, fault->addr), index);
	m.after_known = replay_find_after(r, fault, m.region ? &m.region->region : NULL,
					  replay_page_of(r, fault->addr), &m.after);
	m.last = index == r->last_fault && is_deadly(r->context->status);
	const struct outcome out = fault_decide(&m);
	fault->class = out.class;
	fault->around = 0;
	if (fault->access == SEGMAP_ACCESS_UNKNOWN)
		fault->access = out.access;
	return apply(r, space, &m, index, &out);
}

/* ---- all of it ---- */

static int replay_happening(struct replay *r, const struct segmap_happening *h)
{
	struct segmap_fault unseen = {
		.time = h->time, .addr = h->region.start, .pid = h->pid, .tid = h->tid};

	if (h->kind == SEGMAP_HAPPENED_FAULT)
		return replay_fault(r, &unseen, SIZE_MAX);
	return family_happen(&r->family, h, r->step);
}

static int begin(struct replay *r)
{
	int error = sort_faults(r);

	r->consumed = calloc(r->faults->happening_count + 1, sizeof(*r->consumed));
	if (!r->consumed)
		error = -ENOMEM;
	return error < 0 ? error : family_begin(&r->family, r->context);
}

static void find_last(struct replay *r)
{
	const struct segmap_faults *all = r->faults;

	r->last_fault = SIZE_MAX;
	for (size_t i = 0; i < all->count; i++)
		if (all->items[i].pid == r->context->pid)
			r->last_fault = i;
	for (size_t i = 0; i < all->happening_count; i++)
		if (all->happenings[i].kind == SEGMAP_HAPPENED_EXEC &&
		    all->happenings[i].pid == r->context->pid)
			r->last_exec = all->happenings[i].time;
}

static int run(struct replay *r)
{
	struct segmap_faults *all = r->faults;
	size_t fault = 0;
	int error = 0;

	while (error == 0 && (fault < all->count || r->happening < all->happening_count)) {
		r->step++;
		if (family_happens_next(all, fault, r->happening)) {
			if (!r->consumed[r->happening])
				error = replay_happening(r, &all->happenings[r->happening]);
			r->happening++;
		} else {
			error = replay_fault(r, &all->items[fault], fault);
			fault++;
		}
	}
	return error;
}

int segmap_faults_classify(struct segmap_faults *faults,
			   const struct segmap_fault_context *context)
{
	struct replay r = {
		.faults = faults, .context = context, .family = {.first = context->pid}};
	int error = begin(&r);

	find_last(&r);
	if (error == 0)
		error = run(&r);
	family_free(&r.family);
	free(r.order);
	free(r.consumed);
	return error;
}
