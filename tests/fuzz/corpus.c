/* SPDX-License-Identifier: MIT */
/*
 * Cases as files, one each: comments, and the lines that case_print writes. They are made by
 * craft again when they are replayed, so that the fuzzer's own edits are checked, too, and a
 * person can make the same file with the same words.
 */
#include "fuzz.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { WORDS_MAX = 256 };

/* craft BASE OUT EDIT..., the edits being cut at their blanks. */
static bool run_craft(const struct workshop *shop, const char *base, const char *out,
		      const char *edits)
{
	char *argv[WORDS_MAX], *text = strdup(edits), *save = NULL, path[4096];
	size_t n = 0;
	int status;
	pid_t pid;

	snprintf(path, sizeof(path), "%s/%s", shop->testdata, base);
	argv[n++] = (char[]){"craft"};
	argv[n++] = path;
	argv[n++] = (char *)(uintptr_t)out;
	for (char *word = strtok_r(text, " ", &save); word && n < WORDS_MAX - 1;
	     word = strtok_r(NULL, " ", &save))
		argv[n++] = word;
	argv[n] = NULL;
	bool ok = posix_spawn(&pid, shop->craft, NULL, NULL, argv, environ) == 0 &&
		  waitpid(pid, &status, 0) == pid && status == 0;
	free(text);
	return ok;
}

static bool read_file(struct file *file, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	memset(file, 0, sizeof(*file));
	ssize_t n = read(fd, file->bytes, sizeof(file->bytes));
	close(fd);
	file->size = n > 0 ? (size_t)n : 0;
	return n > 0 && n < FILE_MAX;
}

bool base_make(struct base *base, const struct workshop *shop, const struct place *place)
{
	for (int which = PROGRAM; which < FILES && base->name[which]; which++)
		if (!run_craft(shop, base->name[which], place->path[which],
			       base->edits[which]) ||
		    !read_file(&base->file[which], place->path[which]))
			return false;
	return true;
}

/* Words of letters and digits, joined by dashes. */
static void add_words(char *name, size_t size, const char *words)
{
	size_t used = strlen(name);

	if (used && used + 1 < size)
		name[used++] = '-';
	for (; *words && used + 1 < size; words++) {
		if (isalnum((unsigned char)*words) || *words == '_')
			name[used++] = *words;
		else if (used && name[used - 1] != '-')
			name[used++] = '-';
	}
	name[used] = '\0';
}

/* The same kind with the same fields changed is most often the same cause. */
static void name_case(const struct fuzz_case *c, const struct judgement *j, char *name,
		      size_t size)
{
	static const char *const kinds[] = {NULL, NULL, "swap", "size"};

	name[0] = '\0';
	add_words(name, size, j->kind);
	for (size_t i = 0; i < c->count; i++) {
		const struct edit *e = &c->edits[i];

		if (e->which == INTERPRETER && (i == 0 || c->edits[i - 1].which == PROGRAM))
			add_words(name, size, "interp");
		add_words(name, size,
			  e->kind == SET_EHDR   ? ehdr_fields[e->field].name
			  : e->kind == SET_PHDR ? phdr_fields[e->field].name
						: kinds[e->kind]);
	}
}

void corpus_write(const char *directory, const struct fuzz_case *c, uint64_t seed,
		  const struct judgement *j)
{
	char name[160], path[4096];

	name_case(c, j, name, sizeof(name));
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	FILE *file = fopen(path, "wxe");
	if (!file)
		return;
	fprintf(file, "# seed %" PRIu64 ", case %" PRIu64 "\n# ", seed, c->number);
	for (const char *p = j->text; *p; p++) {
		fputc(*p, file);
		if (*p == '\n')
			fputs(p[1] ? "# " : "", file);
	}
	fputs(j->text[0] ? "\n" : "", file);
	case_print(c, file);
	fclose(file);
}

/* One line `program BASE EDIT...` or `interp BASE EDIT...`. */
static bool make_line(char *line, const struct workshop *shop, struct place *place)
{
	char *word = strsep(&line, " "), *base = strsep(&line, " ");
	enum which which = strcmp(word, "interp") == 0 ? INTERPRETER : PROGRAM;

	if (!base || (which == PROGRAM && strcmp(word, "program") != 0))
		return false;
	return run_craft(shop, base, place->path[which], line ? line : "");
}

static bool make_case(const char *path, const struct workshop *shop, struct place *place)
{
	char *line = NULL;
	size_t size = 0;
	int made = 0;
	bool ok = true;
	FILE *file = fopen(path, "re");

	if (!file)
		return false;
	while (ok && getline(&line, &size, file) > 0) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '\0' || line[0] == '#')
			continue;
		ok = make_line(line, shop, place);
		made++;
	}
	free(line);
	fclose(file);
	return ok && made > 0;
}

static bool replay_one(const char *directory, const char *name, const struct workshop *shop,
		       struct place *place)
{
	static const char *const words[] = {"agree", "agree but for a known difference",
					    "DISAGREE", "not repeatable", "BROKEN"};
	struct judgement j = {.opinion = BROKEN};
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	if (make_case(path, shop, place))
		judge(place, &j);
	printf("%s: %s%s%s\n", name, words[j.opinion], j.text[0] ? ": " : "", j.text);
	return j.opinion == AGREE || j.opinion == EXPECTED;
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int corpus_replay(const char *directory, const struct workshop *shop, struct place *place)
{
	struct dirent **entries;
	int count = scandir(directory, &entries, is_visible, alphasort), bad = 0;

	for (int i = 0; i < count; i++) {
		bad += !replay_one(directory, entries[i]->d_name, shop, place);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	printf("%d cases, %d agree, %d disagree\n", count, count - bad, bad);
	return count < 0 ? -1 : bad;
}
