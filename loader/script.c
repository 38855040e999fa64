/*
 * The "#!" line, read as load_script() in fs/binfmt_script.c reads it: 256 bytes, one argument,
 * and rather no interpreter than one whose name may have been cut.
 */
#include "script.h"

#include "fail.h"
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	HEAD = 256, /* BINPRM_BUF_SIZE */
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Both look at FROM...LAST, LAST included, and answer NULL if there is none. */
static char *find_word(char *from, char *last)
{
	for (; from <= last; from++)
		if (!is_blank(*from))
			return from;
	return NULL;
}

static char *find_end_of_word(char *from, char *last)
{
	for (; from <= last; from++)
		if (is_blank(*from) || *from == '\0')
			return from;
	return NULL;
}

/* Where the line ends, or NULL if the name in it may be cut. */
static char *find_end_of_line(char *head)
{
	char *last = head + HEAD - 1;
	char *end = memchr(head, '\n', HEAD);

	if (end)
		return end;
	char *word = find_word(head + 2, last);
	return word && find_end_of_word(word, last) ? last : NULL;
}

/* Cuts HEAD into the interpreter's NAME and, if there is one, its ARGUMENT. */
static bool cut_line(char *head, char **name, char **argument)
{
	char *end = find_end_of_line(head);

	if (!end)
		return false;
	while (is_blank(end[-1]))
		end--;
	*name = find_word(head + 2, end);
	if (!*name || *name == end)
		return false;
	char *gap = find_end_of_word(*name, end);
	*argument = gap && *gap ? find_word(gap, end) : NULL;
	*end = '\0';
	if (gap && *argument)
		*gap = '\0';
	return true;
}

/* Does segmap_image_open say that the file begins with "#!"? */
static bool is_script(const struct segmap_error *err)
{
	const uint64_t mark = '#' | '!' << 8;

	return err->reason == SEGMAP_REASON_NOT_ELF && (err->value[0] & 0xffff) == mark;
}

static char **make_arguments(char *name, char *argument, const char *path, char *const argv[])
{
	size_t count = 0, n = 0;

	while (argv && argv[count])
		count++;
	char **list = calloc(count + 4, sizeof(*list));
	if (!list)
		return NULL;
	list[n++] = name;
	if (argument)
		list[n++] = argument;
	list[n++] = (char *)(uintptr_t)path;
	for (size_t i = 1; i < count; i++)
		list[n++] = argv[i];
	return list;
}

/* Reads the line of the script that FD is: its interpreter and arguments go to the front of
 * *ARGV. */
static int read_line(struct segmap_script *script, const char *path, int fd, char *const **argv,
		     struct segmap_error *err)
{
	char *head = calloc(1, HEAD + 1);
	char *name, *argument;

	if (!head)
		return fail(err, MEMORY, SYSTEM, ENOMEM);
	script->lines[script->depth++] = head;
	if (pread(fd, head, HEAD, 0) < 0)
		return fail(err, READ, SYSTEM, errno, .step = "pread", .value = {0, HEAD});
	if (head[0] != '#' || head[1] != '!') /* it was a script when it was opened */
		return fail(err, CHANGED, ERRNO, ETXTBSY);
	if (!cut_line(head, &name, &argument))
		return fail(err, SCRIPT, ERRNO, ENOEXEC);
	char **list = make_arguments(name, argument, path, *argv);
	if (!list)
		return fail(err, MEMORY, SYSTEM, ENOMEM);
	free(script->argv);
	script->argv = list;
	*argv = list;
	return 0;
}

/* The kernel gives up after it has opened one file more, and before it has looked into it. */
static int check_depth(const struct segmap_script *script, struct segmap_image **program, int r,
		       struct segmap_error *err)
{
	if (script->depth <= SCRIPT_DEPTH_MAX || (r < 0 && err->reason < SEGMAP_REASON_NOT_ELF))
		return r;
	if (r == 0)
		segmap_image_free(*program);
	*program = NULL;
	return fail(err, SCRIPT_DEEP, ERRNO, ELOOP, .value = {(uint64_t)script->depth});
}

static bool is_cloexec(int fd)
{
	int flags = fd < 0 ? 0 : fcntl(fd, F_GETFD);

	return flags > 0 && (flags & FD_CLOEXEC);
}

int segmap_script_follow(struct segmap_script *script, struct segmap_image **program,
			 const char *path, int fd, const char *name, char *const **argv,
			 struct segmap_error *err)
{
	int kept, r = image_open_keeping(program, fd < 0 ? path : name, fd, &kept, err);

	while (r < 0 && is_script(err) && script->depth <= SCRIPT_DEPTH_MAX) {
		r = read_line(script, path, kept, argv, err);
		if (r == 0 && is_cloexec(fd))
			r = fail(err, SCRIPT_FD, ERRNO, ENOENT);
		if (r < 0)
			break;
		close(kept);
		path = script->argv[0];
		fd = -1;
		/* "" is the working directory, as it is for PT_INTERP */
		r = image_open_keeping(program, *path ? path : ".", -1, &kept, err);
		r = check_depth(script, program, r, err);
		if (r < 0 && !is_script(err) && err->reason != SEGMAP_REASON_SCRIPT_DEEP)
			err->object = SEGMAP_INTERPRETER;
	}
	if (kept >= 0)
		close(kept);
	return r;
}

void segmap_script_free(struct segmap_script *script)
{
	for (int i = 0; i < script->depth; i++)
		free(script->lines[i]);
	free(script->argv);
}
