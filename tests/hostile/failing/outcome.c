/* What has become of a load, in words that are the same on every machine. */
#include "failing.h"

#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* How the names of facts begin, and what they are called here; all others, counters and sizes
 * that vary from run to run, say nothing. The first that fits counts. */
static const struct {
	const char *prefix, *word;
} kinds[] = {
	{"maps", "mappings"},
	{"auxv", "auxiliary vector"},
	{"cmdline", "cmdline"},
	{"environ", "environ"},
	{"comm", "comm"},
	{"exe", "exe"},
	{"fd", "descriptors"},
	{"limits", "limits"},
	{"personality", "personality"},
	{"timers", "timers"},
	{"register fs_base", "segment bases"},
	{"register gs_base", "segment bases"},
	{"stat start", "layout in stat"},
	{"stat end", "layout in stat"},
	{"stat arg_", "layout in stat"},
	{"stat env_", "layout in stat"},
	{"status Sig", "signals"},
	{"status Shd", "signals"},
	{"status Cap", "capabilities"},
	{"status Uid", "ids"},
	{"status Gid", "ids"},
};

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

static const char *word_for(const struct segmap_item *item)
{
	if (item->at_end || strncmp(item->what, "stat starttime", 14) == 0)
		return NULL;
	for (size_t i = 0; i < KINDS; i++)
		if (strncmp(item->what, kinds[i].prefix, strlen(kinds[i].prefix)) == 0)
			return kinds[i].word;
	return NULL;
}

static void add_word(char text[OUTCOME], const char *word)
{
	size_t used = strlen(text);

	if (word && !strstr(text, word))
		snprintf(text + used, OUTCOME - used, "%s%s", used ? ", " : "", word);
}

/* In what the program that has begun differs from one after an undisturbed load. */
static void list_differences(char text[OUTCOME], const struct reference *r,
			     const struct segmap_observation *end)
{
	const struct segmap_compare_options options = {.foreign = true};
	struct segmap_comparison c;

	text[0] = '\0';
	if (segmap_compare(&c, &r->seen[0], end, &r->seen[1], &options) < 0)
		abort();
	for (size_t i = 0; i < c.item_count; i++)
		if (c.items[i].likeness == SEGMAP_EXPECTED ||
		    c.items[i].likeness == SEGMAP_UNEXPECTED)
			add_word(text, word_for(&c.items[i]));
	segmap_comparison_free(&c);
}

static bool describe_run(char text[OUTCOME], const struct reference *r,
			 const struct segmap_observation *end)
{
	char what[OUTCOME];
	bool same_end = end->status == r->seen[0].status;

	if (end->began)
		list_differences(what, r, end);
	else
		snprintf(what, sizeof(what), "addresses");
	snprintf(text, OUTCOME, "runs%.20s%.80s%.40s", what[0] ? "; differs in: " : "", what,
		 same_end ? "" : "; ends otherwise");
	return true;
}

static void copy_plain(char text[OUTCOME], const char *from)
{
	size_t n = 0;

	while (*from && *from != '\n' && n + 2 < OUTCOME) {
		size_t word = strcspn(from, " \n");
		const char *slash = memchr(from, '/', word);

		if (slash || isdigit((unsigned char)*from)) {
			text[n++] = '#';
			if (from[word - 1] == ':')
				text[n++] = ':';
			from += word;
		} else {
			while (word-- && n + 2 < OUTCOME)
				text[n++] = *from++;
		}
		if (*from == ' ')
			text[n++] = *from++;
	}
	text[n] = '\0';
}

/* Copies the first line of FROM, where "(the error)" is in the place of the words for ERRNUM, a
 * # in that of each number and of each word with a slash. */
static void copy_cause(char text[OUTCOME], const char *from, int errnum)
{
	const char *words = strerror(errnum);
	char line[512];

	snprintf(line, sizeof(line), "%.*s", (int)strcspn(from, "\n"), from);
	char *at = words[0] ? strstr(line, words) : NULL;
	if (at) {
		char rest[512];

		snprintf(rest, sizeof(rest), "%s", at + strlen(words));
		snprintf(at, sizeof(line) - (size_t)(at - line), "(the error)%s", rest);
	}
	copy_plain(text, line);
}

/* "segload: FILE: cause" on standard error, and a status of our own. */
static bool describe_refusal(char text[OUTCOME], const struct segmap_observation *end,
			     int errnum)
{
	const char *err = end->err.data ? end->err.data : "";
	const char *cause = strstr(err, ": ");
	char plain[OUTCOME];

	cause = cause ? strstr(cause + 2, ": ") : NULL;
	if (strncmp(err, "segload: ", 9) != 0 || !cause)
		return false;
	copy_cause(plain, cause + 2, errnum);
	snprintf(text, OUTCOME, "status %d: %.120s", WEXITSTATUS(end->status), plain);
	return true;
}

static bool describe_death(char text[OUTCOME], const struct segmap_observation *end)
{
	static const char mark[] = ": killed after the point of no return: ";
	const char *said = end->err.data ? strstr(end->err.data, mark) : NULL;
	char plain[OUTCOME];

	if (!said || WTERMSIG(end->status) != SIGSEGV) {
		snprintf(text, OUTCOME, "dies of signal %d without a word",
			 WTERMSIG(end->status));
		return false;
	}
	copy_plain(plain, said + sizeof(mark) - 1);
	char *error = strstr(plain, ": error");
	if (error)
		*error = '\0';
	snprintf(text, OUTCOME, "SIGSEGV, and the line: %.100s", plain);
	return true;
}

bool outcome_describe(char text[OUTCOME], const struct reference *r,
		      const struct segmap_observation *end, enum phase phase, int errnum)
{
	int status = end->status;

	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) {
		snprintf(text, OUTCOME, "hangs");
		return false;
	}
	if (WIFSIGNALED(status) && !end->began)
		return describe_death(text, end) && phase == AFTER;
	if (end->began || (status == r->seen[0].status && end->out.size == r->seen[0].out.size))
		return describe_run(text, r, end);
	int code = WEXITSTATUS(status);
	if (phase == BEFORE && code >= 125 && code <= 127 &&
	    describe_refusal(text, end, errnum))
		return true;
	snprintf(text, OUTCOME, "status %d: %.100s", code, end->err.data ? end->err.data : "");
	return false;
}
