/* SPDX-License-Identifier: MIT */
/* What execve does and what segload does, and whether that is the same. */
#include "fuzz.h"

#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>

enum { SCALE_MAX = 8 };

static const char *const ending_names[] = {"fails", "dies", "runs", "unsupported", "strange"};

static void describe(const struct run *run, char *text, size_t size)
{
	int n = snprintf(text, size, "%s", ending_names[run->ending]);

	text += n;
	size -= (size_t)n;
	if (run->ending == FAILS)
		snprintf(text, size, " with %s", strerrorname_np(run->error));
	else if (run->ending == RUNS)
		snprintf(text, size, " (0x%" PRIx64 "), %s %d", run->entry,
			 WIFSIGNALED(run->status) ? "signal" : "exit",
			 WIFSIGNALED(run->status) ? WTERMSIG(run->status)
						  : WEXITSTATUS(run->status));
	else if (run->ending == STRANGE)
		snprintf(text, size, ", wait status 0x%x, '%.300s'", (unsigned)run->status,
			 run->err);
}

/* The first line of A and B that differs. */
static void first_difference(const char *a, const char *b, const char **x, const char **y)
{
	size_t line = 0;

	for (size_t i = 0; a[i] && a[i] == b[i]; i++)
		if (a[i] == '\n')
			line = i + 1;
	*x = a + line;
	*y = b + line;
}

/* Writes the kind and the text of a difference; returns its opinion. */
static enum opinion differ(struct judgement *j, const char *kind, const struct run *kernel,
			   const struct run *ours, const char *a, const char *b)
{
	char theirs[512], own[512];
	const char *x = "", *y = "";

	describe(kernel, theirs, sizeof(theirs));
	describe(ours, own, sizeof(own));
	if (a)
		first_difference(a, b, &x, &y);
	snprintf(j->kind, sizeof(j->kind), "%s", kind);
	snprintf(j->text, sizeof(j->text), "%s\nexecve: %s\nsegload: %s%s%.400s", kind, theirs,
		 own, ours->ending == RUNS ? "" : "\nsegload says: ",
		 ours->ending == RUNS ? "" : ours->err);
	if (a) {
		size_t used = strlen(j->text);

		snprintf(j->text + used, sizeof(j->text) - used,
			 "\nexecve: '%.*s'\nsegload: '%.*s'", (int)strcspn(x, "\n"), x,
			 (int)strcspn(y, "\n"), y);
	}
	return DISAGREE;
}

/* The kernel names mappings after the heap and the stack that it has been told of, and it
 * cannot be told of a layout that PR_SET_MM_MAP refuses (kernel-differences.md). */
static void forget_labels(char *maps)
{
	static const char *const labels[] = {"[heap]", "[stack]"};

	for (size_t i = 0; i < 2; i++)
		for (char *p = maps; (p = strstr(p, labels[i]));) {
			char *end = p + strlen(labels[i]);

			while (p > maps && p[-1] == ' ')
				p--;
			memmove(p, end, strlen(end) + 1);
		}
	for (char *p = maps; (p = strstr(p, " \n"));) /* the blank behind inode 0 */
		memmove(p, p + 1, strlen(p));
}

static bool same_but_labels(const struct run *kernel, const struct run *ours)
{
	static char a[TEXT_MAX], b[TEXT_MAX];

	memcpy(a, kernel->maps, TEXT_MAX);
	memcpy(b, ours->maps, TEXT_MAX);
	forget_labels(a);
	forget_labels(b);
	return strcmp(a, b) == 0;
}

/* The kernel joins a new bss with what ends where it begins, mmap also with what begins where
 * it ends: neighbours that only we have as one (kernel-differences.md). Joins them all. */
static void join_neighbours(char *maps)
{
	uint64_t start, end, next_start, next_end;
	char perms[5], next_perms[5];
	unsigned long inode, next_inode;

	for (char *line = maps, *next; *line; line = next) {
		next = strchr(line, '\n') + 1;
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %*s %*s %lu", &start, &end, perms,
			   &inode) != 4 ||
		    sscanf(next, "%" SCNx64 "-%" SCNx64 " %4s %*s %*s %lu", &next_start,
			   &next_end, next_perms, &next_inode) != 4 ||
		    end != next_start || inode || next_inode || strcmp(perms, next_perms) != 0)
			continue;
		char *to = line + strcspn(line, "-") + 1;
		const char *from = next + strcspn(next, "-") + 1;

		memmove(to, from, strlen(from) + 1);
		next = line; /* there may be a third */
	}
}

static bool same_but_joined(const struct run *kernel, const struct run *ours)
{
	static char a[TEXT_MAX], b[TEXT_MAX];

	memcpy(a, kernel->maps, TEXT_MAX);
	memcpy(b, ours->maps, TEXT_MAX);
	forget_labels(a); /* one that has two parts of one mapping's name is such a neighbour */
	forget_labels(b);
	join_neighbours(a);
	join_neighbours(b);
	return strcmp(a, b) == 0;
}

static enum opinion compare_runs(struct judgement *j, const struct run *kernel,
				 const struct run *ours)
{
	enum opinion opinion = AGREE;

	if (strcmp(kernel->maps, ours->maps) != 0) {
		if ((!kernel->undescribed || !same_but_labels(kernel, ours)) &&
		    !same_but_joined(kernel, ours))
			return differ(j, "maps differ", kernel, ours, kernel->maps, ours->maps);
		opinion = EXPECTED;
	}
	if (kernel->entry != ours->entry)
		return differ(j, "entry differs", kernel, ours, NULL, NULL);
	if (kernel->stack != ours->stack)
		return differ(j, "stack pointer differs", kernel, ours, NULL, NULL);
	if (kernel->status != ours->status)
		return differ(j, "end differs", kernel, ours, NULL, NULL);
	if (kernel->out_of_time) /* how far it got is a matter of luck */
		return opinion;
	if (strcmp(kernel->out, ours->out) != 0)
		return differ(j, "output differs", kernel, ours, kernel->out, ours->out);
	if (strcmp(kernel->err, ours->err) != 0)
		return differ(j, "messages differ", kernel, ours, kernel->err, ours->err);
	return opinion;
}

/* Layouts that no process can give itself, which segload refuses in these words where the
 * kernel runs or kills (kernel-differences.md, "Files that the kernel runs and segload
 * refuses"). */
static bool is_beyond_us(const struct run *kernel, const struct run *ours)
{
	static const char *const words[] = {
		"unsupported: segment ",
		": replaces a part of the stack",
		": covers the argument strings",
		": no room to prepare the program",
		"interpreter ./interp: refused: segment ",
	};
	bool unsupported = ours->ending == UNSUPPORTED;

	if (kernel->ending == FAILS || ours->ending == RUNS)
		return false;
	if (unsupported && (strstr(ours->err, words[0]) || strstr(ours->err, words[1])))
		return true;
	if (unsupported && strstr(ours->err, words[4]) && strstr(ours->err, " + 0x0 bytes"))
		return true;
	return strstr(ours->err, words[2]) || strstr(ours->err, words[3]);
}

/* An interpreter's empty segment that mmap's choice has put outside user space: the kernel
 * begins at an address where nothing is, we find out too late to say it (kernel-differences.md,
 * empty-interp). Either is a death by SIGSEGV before any instruction. */
static bool dies_at_nothing(const struct run *kernel, const struct run *ours)
{
	uint64_t start, end;

	if (kernel->ending != RUNS || ours->ending != DIES || !WIFSIGNALED(kernel->status) ||
	    WTERMSIG(kernel->status) != SIGSEGV)
		return false;
	for (const char *line = kernel->maps; *line; line = strchr(line, '\n') + 1)
		if (sscanf(line, "%" SCNx64 "-%" SCNx64, &start, &end) != 2 ||
		    (kernel->entry >= start && kernel->entry < end))
			return false;
	return true;
}

static enum opinion compare(struct judgement *j, const struct place *place,
			    const struct run *kernel, const struct run *ours)
{
	char kind[64];

	j->kind[0] = j->text[0] = '\0';
	if (kernel->ending == RUNS && ours->ending == RUNS)
		return compare_runs(j, kernel, ours);
	if (ours->ending == UNSUPPORTED && is_compat(place, kernel))
		return EXPECTED;
	if (is_beyond_us(kernel, ours) || dies_at_nothing(kernel, ours))
		return EXPECTED;
	if (kernel->ending == ours->ending && kernel->error == ours->error &&
	    kernel->ending != STRANGE)
		return AGREE;
	if (kernel->ending == ours->ending)
		snprintf(kind, sizeof(kind), "execve %s otherwise",
			 ending_names[kernel->ending]);
	else
		snprintf(kind, sizeof(kind), "execve %s, segload %s",
			 ending_names[kernel->ending], ending_names[ours->ending]);
	return differ(j, kind, kernel, ours, NULL, NULL);
}

static bool same_runs(const struct run *a, const struct run *b)
{
	return a->ending == b->ending && a->error == b->error && a->status == b->status &&
	       strcmp(a->maps, b->maps) == 0 && (a->out_of_time || strcmp(a->out, b->out) == 0);
}

/*
 * The flags register cannot be given back as execve leaves it (kernel-differences.md), and code
 * that a changed header has made the first may look at it. Whether that is why two runs end
 * differently is tried out: the kernel's process with the flags of the other's must end as
 * the other has.
 */
static enum opinion blame_flags(struct judgement *j, struct place *place,
				const struct run *kernel, const struct run *ours)
{
	static struct run flagged;
	const struct way way = {.scale = SCALE_MAX, .like = ours};
	struct judgement ignored;

	if (kernel->ending != RUNS || ours->ending != RUNS || kernel->flags == ours->flags ||
	    !observe(&flagged, place, &way) ||
	    compare(&ignored, place, &flagged, ours) == DISAGREE)
		return DISAGREE;
	j->kind[0] = j->text[0] = '\0';
	return EXPECTED;
}

void judge(struct place *place, struct judgement *j)
{
	static struct run kernel, again, ours;
	struct way way = {.scale = 1};

	j->opinion = BROKEN;
	for (; way.scale <= SCALE_MAX; way.scale *= SCALE_MAX) { /* again, with more time */
		way.by_segload = false;
		if (!observe(&kernel, place, &way))
			return;
		way.by_segload = true;
		if (!observe(&ours, place, &way))
			return;
		j->opinion = compare(j, place, &kernel, &ours);
		if (j->opinion != DISAGREE)
			return;
	}
	way = (struct way){.scale = SCALE_MAX};
	if (!observe(&again, place, &way))
		j->opinion = BROKEN;
	else if (!same_runs(&kernel, &again))
		j->opinion = NOT_REPEATABLE;
	else
		j->opinion = blame_flags(j, place, &kernel, &ours);
}
