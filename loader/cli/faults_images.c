/* Names for the addresses of several processes, which execute what they like. */
#include "faults.h"

#include <errno.h>
#include <stdlib.h>

/* What one process executes from SINCE on. */
struct image {
	pid_t pid;
	uint64_t since;
	struct segmap_names *names;
	bool own; /* and not its parent's */
};

struct faults_images {
	const char *program;
	struct image *items; /* owned, and those of the names that are their own */
	size_t count;
};

static int add(struct faults_images *images, const struct image *image)
{
	struct image *items = reallocarray(images->items, images->count + 1, sizeof(*items));

	if (!items)
		return -ENOMEM;
	images->items = items;
	items[images->count++] = *image;
	return 0;
}

static int add_new(struct faults_images *images, pid_t pid, uint64_t since)
{
	struct image image = {.pid = pid, .since = since, .own = true};
	int r = segmap_names_open(&image.names, pid, images->program);

	if (r == 0) {
		r = add(images, &image);
		if (r < 0)
			segmap_names_free(image.names);
	}
	return r;
}

int faults_images_open(struct faults_images **out, pid_t pid, const char *program)
{
	struct faults_images *images = calloc(1, sizeof(*images));

	if (!images)
		return -ENOMEM;
	images->program = program;
	int r = add_new(images, pid, 0);
	if (r < 0)
		faults_images_free(images);
	else
		*out = images;
	return r;
}

void faults_images_free(struct faults_images *images)
{
	if (!images)
		return;
	for (size_t i = 0; i < images->count; i++)
		if (images->items[i].own)
			segmap_names_free(images->items[i].names);
	free(images->items);
	free(images);
}

int faults_images_look(struct faults_images *images, const struct segmap_regions *regions)
{
	return segmap_names_update(images->items[0].names, regions);
}

static const struct image *find(const struct faults_images *images, pid_t pid, uint64_t time)
{
	const struct image *found = NULL;

	for (size_t i = 0; i < images->count; i++)
		if (images->items[i].pid == pid && images->items[i].since <= time)
			found = &images->items[i];
	return found;
}

static int fork_image(struct faults_images *images, const struct segmap_happening *h)
{
	const struct image *parent = find(images, h->parent, h->time);
	struct image child = {.pid = h->pid, .since = h->time};

	if (!parent || h->pid == h->parent)
		return 0;
	child.names = parent->names;
	return add(images, &child);
}

/* Only mappings with a name: the others would be told apart by nothing. */
static int map(const struct faults_images *images, const struct segmap_happening *h)
{
	const struct image *image = find(images, h->pid, h->time);
	struct segmap_region region = h->region;
	const struct segmap_regions one = {.items = &region, .count = 1};

	if (!image || !image->own || !region.name || !*region.name)
		return 0;
	return segmap_names_update(image->names, &one);
}

int faults_images_replay(struct faults_images *images, const struct segmap_faults *faults)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < faults->happening_count; i++) {
		const struct segmap_happening *h = &faults->happenings[i];

		if (h->kind == SEGMAP_HAPPENED_FORK)
			r = fork_image(images, h);
		else if (h->kind == SEGMAP_HAPPENED_EXEC && h->time > 0)
			r = add_new(images, h->pid, h->time);
		else if (h->kind == SEGMAP_HAPPENED_MAP)
			r = map(images, h);
	}
	return r;
}

void faults_images_find(const struct faults_images *images, pid_t pid, uint64_t time,
			uint64_t addr, bool lines, struct segmap_name *out)
{
	const struct image *image = find(images, pid, time);

	*out = (struct segmap_name){
		.role = SEGMAP_ROLE_NONE, .object = "", .vaddr = addr, .segment = SIZE_MAX};
	if (image)
		segmap_names_find(image->names, addr, lines, out);
}
