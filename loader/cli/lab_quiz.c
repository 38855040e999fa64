/* Asks for what will be seen, before it is shown. */
#include "lab_show.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *choices(const struct lab_observation *o)
{
	switch (o->witness) {
	case LAB_PAGE_TABLE:
		if (strstr(o->predicted, "exclusive"))
			return "exclusive, not exclusive";
		return isdigit((unsigned char)o->predicted[0])
			       ? "a number of pages"
			       : "absent, file, copy, zero, anon, shared";
	case LAB_GETRUSAGE:
	case LAB_PERF:
		return "how many page faults";
	case LAB_FRAMES:
		return "same frame, other frame";
	case LAB_BYTES:
		return "which byte or number";
	case LAB_MAPS:
		return "mapped, not mapped, no file, or its name";
	case LAB_KERNEL:
		return "a number, a signal, an errno or success";
	default:
		return "a number";
	}
}

/* "1" is as good as "1 fault", and a as 'a'. */
static bool is_right(const char *answer, const char *observed)
{
	size_t length = strlen(answer);

	if (strcasecmp(answer, observed) == 0)
		return true;
	if (length && strncasecmp(answer, observed, length) == 0 && observed[length] == ' ')
		return true;
	return observed[0] == '\'' && length && strlen(observed) == length + 2 &&
	       strncmp(observed + 1, answer, length) == 0;
}

static void trim(char *line)
{
	size_t length = strlen(line), start = strspn(line, " \t");

	while (length > start && isspace((unsigned char)line[length - 1]))
		length--;
	line[length] = '\0';
	memmove(line, line + start, length - start + 1);
}

/* perf tells the same as getrusage: once is enough. */
static bool is_asked(const struct lab_observation *o)
{
	return *o->observed && o->witness != LAB_PERF;
}

bool lab_quiz(const struct lab_result *result, struct lab_score *score)
{
	const struct lab_experiment *e = result->experiment;
	char *line = NULL;
	size_t room = 0;
	bool more = true;

	printf("%s: %s%s%s\n", e->name, e->mapping, *e->mapping ? ", " : "", e->event);
	for (size_t i = 0; more && i < result->count; i++) {
		const struct lab_observation *o = &result->observations[i];

		if (!is_asked(o))
			continue;
		printf("  %s, by %s (%s)? ", o->what, lab_witness_name(o->witness), choices(o));
		fflush(stdout);
		more = getline(&line, &room, stdin) >= 0;
		if (!more) {
			putchar('\n');
			break;
		}
		trim(line);
		bool right = is_right(line, o->observed);
		score->asked++;
		score->right += right;
		printf("  %s: %s\n", right ? "right" : "no", o->observed);
	}
	free(line);
	return more;
}
