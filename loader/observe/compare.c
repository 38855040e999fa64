/* Pairs the facts about two processes, and judges each pair. */
#include <segmap/compare.h>

#include "expected.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const size_t nowhere = SIZE_MAX;

/* The three lists that a comparison is about, and how the first two belong together. */
struct matching {
	struct facts kernel, loader, again;
	size_t *to_loader, *to_kernel; /* owned; by index, or nowhere */
};

const char *segmap_likeness_name(enum segmap_likeness likeness)
{
	static const char *const names[SEGMAP_LIKENESS_COUNT] = {
		[SEGMAP_SAME] = "same",         [SEGMAP_VARIES] = "varies",
		[SEGMAP_EXPECTED] = "expected", [SEGMAP_UNEXPECTED] = "UNEXPECTED",
		[SEGMAP_UNKNOWN] = "unknown",
	};

	return names[likeness];
}

/* The N-th fact of that name, from 0. */
static size_t find_nth(const struct facts *facts, const char *what, size_t n)
{
	for (size_t i = 0; i < facts->count; i++)
		if (strcmp(facts->items[i].what, what) == 0 && n-- == 0)
			return i;
	return nowhere;
}

static size_t ordinal(const struct facts *facts, size_t index)
{
	size_t n = 0;

	for (size_t i = 0; i < index; i++)
		n += strcmp(facts->items[i].what, facts->items[index].what) == 0;
	return n;
}

static int match(struct matching *m)
{
	m->to_loader = calloc(m->kernel.count + 1, sizeof(size_t));
	m->to_kernel = calloc(m->loader.count + 1, sizeof(size_t));
	if (!m->to_loader || !m->to_kernel)
		return -ENOMEM;
	for (size_t i = 0; i < m->loader.count; i++)
		m->to_kernel[i] = nowhere;
	for (size_t i = 0; i < m->kernel.count; i++) {
		size_t j =
			find_nth(&m->loader, m->kernel.items[i].what, ordinal(&m->kernel, i));

		m->to_loader[i] = j;
		if (j != nowhere)
			m->to_kernel[j] = i;
	}
	return 0;
}

/* ---- judging ---- */

static bool values_equal(const struct fact *a, const struct fact *b)
{
	return a && b && a->value && b->value && strcmp(a->value, b->value) == 0;
}

static void judge(struct segmap_item *item, const struct fact_pair *pair,
		  const struct segmap_compare_options *options)
{
	const struct segmap_expectation *why = NULL;
	const struct fact *k = pair->kernel, *l = pair->loader;

	if (values_equal(k, l)) {
		item->likeness = SEGMAP_SAME;
		return;
	}
	if (k && l && !k->value && !l->value) {
		item->likeness = SEGMAP_UNKNOWN;
		item->why = k->why;
		return;
	}
	item->likeness = SEGMAP_UNEXPECTED;
	if ((why = why_varies(pair))) {
		item->likeness = SEGMAP_VARIES;
	} else if (!options->foreign && (why = why_expected(pair))) {
		item->likeness = SEGMAP_EXPECTED;
		item->reason = why->id;
	}
	item->why = why ? why->why : NULL;
}

/* execve is no measure where it differs from itself. K is the index in its first run, or
 * nowhere for what only the loader has. */
static bool is_repeated(const struct matching *m, size_t k, const struct fact *loader)
{
	if (k == nowhere)
		return find_nth(&m->again, loader->what, 0) == nowhere;
	size_t a = find_nth(&m->again, m->kernel.items[k].what, ordinal(&m->kernel, k));

	return a != nowhere && values_equal(&m->kernel.items[k], &m->again.items[a]);
}

static const char *why_missing(const struct fact *fact)
{
	return !fact ? "absent" : fact->value ? NULL : fact->why;
}

static void add_item(struct segmap_comparison *c, const struct matching *m, size_t k, size_t l,
		     const struct segmap_compare_options *options)
{
	const struct fact_pair pair = {
		.kernel = k == nowhere ? NULL : &m->kernel.items[k],
		.loader = l == nowhere ? NULL : &m->loader.items[l],
		.kernel_all = &m->kernel,
		.loader_all = &m->loader,
		.aslr = options->aslr,
	};
	const struct fact *any = k == nowhere ? &m->loader.items[l] : &m->kernel.items[k];
	struct segmap_item *item = &c->items[c->item_count++];

	*item = (struct segmap_item){
		.what = any->what,
		.kernel = pair.kernel ? pair.kernel->value : NULL,
		.kernel_why = why_missing(pair.kernel),
		.loader = pair.loader ? pair.loader->value : NULL,
		.loader_why = why_missing(pair.loader),
		.at_end = any->at_end,
	};
	judge(item, &pair, options);
	if (item->likeness == SEGMAP_UNEXPECTED && m->again.count &&
	    !is_repeated(m, k, pair.loader)) {
		item->likeness = SEGMAP_VARIES;
		item->reason = not_repeatable.id;
		item->why = not_repeatable.why;
	}
	c->counts[item->likeness]++;
}

/* In the kernel's order; what only the loader has stands where it has it. */
static void add_items(struct segmap_comparison *c, const struct matching *m,
		      const struct segmap_compare_options *options)
{
	size_t j = 0;

	for (size_t i = 0; i < m->kernel.count; i++) {
		for (; m->to_loader[i] != nowhere && j < m->to_loader[i]; j++)
			if (m->to_kernel[j] == nowhere)
				add_item(c, m, nowhere, j, options);
		add_item(c, m, i, m->to_loader[i], options);
	}
	for (; j < m->loader.count; j++)
		if (m->to_kernel[j] == nowhere)
			add_item(c, m, nowhere, j, options);
}

/* ---- what is compared at all ---- */

/* Where one of them did not come as far as the other there is nothing to compare but that. */
static int collect(struct matching *m, const struct segmap_observation *kernel,
		   const struct segmap_observation *loader,
		   const struct segmap_observation *again, bool aslr)
{
	const struct fact_scope scope = {
		.beginning = kernel->began && loader->began,
		.end = kernel->started && loader->started,
		.aslr = aslr,
	};

	facts_about(&m->kernel, kernel, &scope);
	facts_about(&m->loader, loader, &scope);
	if (again)
		facts_about(&m->again, again, &scope);
	return m->kernel.failed || m->loader.failed || m->again.failed ? -ENOMEM : match(m);
}

static void matching_free(struct matching *m)
{
	if (!m)
		return;
	facts_free(&m->kernel);
	facts_free(&m->loader);
	facts_free(&m->again);
	free(m->to_loader);
	free(m->to_kernel);
	free(m);
}

int segmap_compare(struct segmap_comparison *comparison,
		   const struct segmap_observation *kernel,
		   const struct segmap_observation *loader,
		   const struct segmap_observation *again,
		   const struct segmap_compare_options *options)
{
	struct matching *m = calloc(1, sizeof(*m));
	struct segmap_comparison c = {.facts = m};

	if (!m || collect(m, kernel, loader, again, options->aslr) < 0)
		goto failed;
	c.items = calloc(m->kernel.count + m->loader.count + 1, sizeof(*c.items));
	if (!c.items)
		goto failed;
	add_items(&c, m, options);
	*comparison = c;
	return 0;
failed:
	matching_free(m);
	return -ENOMEM;
}

void segmap_comparison_free(struct segmap_comparison *comparison)
{
	matching_free(comparison->facts);
	free(comparison->items);
	*comparison = (struct segmap_comparison){0};
}
