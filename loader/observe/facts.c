#include "facts.h"

#include <ctype.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* Takes VALUE and WHY, which are the caller's no more. */
static void add(struct facts *facts, char *value, char *why, const char *format, va_list args)
{
	if (facts->count == facts->room) {
		size_t room = facts->room ? 2 * facts->room : 128;
		struct fact *items = reallocarray(facts->items, room, sizeof(*items));

		if (!items)
			goto failed;
		facts->items = items;
		facts->room = room;
	}
	struct fact *fact = &facts->items[facts->count];
	*fact = (struct fact){.value = value, .why = why, .at_end = facts->at_end};
	if (vasprintf(&fact->what, format, args) < 0)
		goto failed;
	facts->count++;
	return;
failed:
	free(value);
	free(why);
	facts->failed = true;
}

void facts_add(struct facts *facts, const char *value, const char *format, ...)
{
	char *copy = strdup(value);
	va_list args;

	if (!copy) {
		facts->failed = true;
		return;
	}
	va_start(args, format);
	add(facts, copy, NULL, format, args);
	va_end(args);
}

void facts_add_unknown(struct facts *facts, int error, const char *format, ...)
{
	char *why = strdup(strerrordesc_np(error) ? strerrordesc_np(error) : "unknown error");
	va_list args;

	if (!why) {
		facts->failed = true;
		return;
	}
	va_start(args, format);
	add(facts, NULL, why, format, args);
	va_end(args);
}

void facts_add_bytes(struct facts *facts, const char *data, size_t size, const char *what)
{
	while (size && data[size - 1] == '\0')
		size--;
	char *text = malloc(4 * size + 1), *p = text;

	if (!text) {
		facts->failed = true;
		return;
	}
	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)data[i];

		if (c == '\n')
			p = stpcpy(p, "\\n");
		else if (isascii(c) && isprint(c) && c != '\\')
			*p++ = (char)c;
		else
			p += sprintf(p, "\\%03o", c);
	}
	*p = '\0';
	facts_add(facts, text, "%s", what);
	free(text);
}

void facts_add_words(struct facts *facts, const char *data, size_t size, int64_t from,
		     const char *what)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	if (!out) {
		facts->failed = true;
		return;
	}
	for (size_t i = 0; i + sizeof(uint64_t) <= size; i += sizeof(uint64_t)) {
		uint64_t word;

		memcpy(&word, data + i, sizeof(word));
		if (word)
			fprintf(out, "%s%+" PRId64 ":0x%" PRIx64, ftell(out) ? " " : "",
				from + (int64_t)i, word);
	}
	if (ftell(out) == 0)
		fputs("all zero", out);
	if (fclose(out) == 0)
		facts_add(facts, text, "%s", what);
	else
		facts->failed = true;
	free(text);
}

void facts_free(struct facts *facts)
{
	for (size_t i = 0; i < facts->count; i++) {
		free(facts->items[i].what);
		free(facts->items[i].value);
		free(facts->items[i].why);
	}
	free(facts->items);
	*facts = (struct facts){0};
}

/* Where the strings begin: argv[0] points there. */
static uint64_t start_of_strings(const struct segmap_process *process)
{
	uint64_t at = process->sp - process->stack_addr + sizeof(uint64_t), word = 0;

	if (process->stack.data && at + sizeof(word) <= process->stack.size)
		memcpy(&word, process->stack.data + at, sizeof(word));
	return word;
}

static void about_beginning(struct facts *facts, const struct segmap_process *process,
			    bool aslr)
{
	const struct roles roles = {
		.regions = &process->regions,
		.sp = process->sp,
		.arg_start = start_of_strings(process),
		.numbers = !aslr,
	};

	facts_about_regions(facts, &process->regions, &roles);
	facts_about_auxv(facts, process, &roles);
	facts_about_stack(facts, process, &roles);
	facts_about_registers(facts, process, &roles);
	facts_about_descriptors(facts, process);
	facts_about_files(facts, process, &roles);
}

static void about_status(struct facts *facts, int status)
{
	char text[64];

	if (WIFSIGNALED(status)) /* if there is a core file depends on limits, not on loaders */
		snprintf(text, sizeof(text), "killed by SIG%s",
			 sigabbrev_np(WTERMSIG(status)) ? sigabbrev_np(WTERMSIG(status)) : "?");
	else
		snprintf(text, sizeof(text), "exit %d", WEXITSTATUS(status));
	facts_add(facts, text, "status");
}

static void about_output(struct facts *facts, const struct segmap_bytes *bytes,
			 const char *what)
{
	if (bytes->error)
		facts_add_unknown(facts, bytes->error, "%s", what);
	else
		facts_add_bytes(facts, bytes->data, bytes->size, what);
}

/* What segload says that execve would have done. */
static const char *refusal(const struct segmap_observation *o, char out[64])
{
	static const char fails[] = "execve(2): fails with ";
	const char *text = o->err.data ? o->err.data : "";
	const char *found = strstr(text, fails);

	if (found)
		snprintf(out, 64, "%.*s", (int)strcspn(found + sizeof(fails) - 1, " \n"),
			 found + sizeof(fails) - 1);
	else if (strstr(text, "execve(2): would run it, where"))
		snprintf(out, 64, FACT_UNSUPPORTED_MODE);
	else if (strstr(text, "execve(2): would run it"))
		snprintf(out, 64, FACT_UNSUPPORTED);
	else if (strstr(text, "killed with SIGSEGV"))
		snprintf(out, 64, FACT_REFUSED_EARLY);
	else
		snprintf(out, 64, "exit %d", WEXITSTATUS(o->status));
	return out;
}

static void about_start(struct facts *facts, const struct segmap_observation *o)
{
	const char *text = FACT_RUNS;
	char said[64];
	int status = o->status;

	if (o->exec_errno)
		text = strerrorname_np(o->exec_errno) ? strerrorname_np(o->exec_errno) : "?";
	else if (!o->started && WIFSIGNALED(status))
		text = WTERMSIG(status) == SIGSEGV ? FACT_KILLED : "killed before it began";
	else if (!o->started)
		text = refusal(o, said);
	facts_add(facts, text, "start");
}

void facts_about(struct facts *facts, const struct segmap_observation *o,
		 const struct fact_scope *scope)
{
	const struct roles roles = {.regions = &o->exit, .numbers = !scope->aslr};

	about_start(facts, o);
	if (scope->beginning)
		about_beginning(facts, &o->entry, scope->aslr);
	if (!scope->end)
		return;
	facts->at_end = true;
	about_status(facts, o->status);
	about_output(facts, &o->out, "standard output");
	about_output(facts, &o->err, "standard error");
	facts_about_regions(facts, &o->exit, &roles);
}
