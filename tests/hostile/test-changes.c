/*
 * The file changes while it is loaded. Either the load is of what it was when it was opened, or
 * it is refused in words; nobody dies of it.
 */
#include "changes.h"

#include "trial.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const change_names[CHANGES] = {"truncated",  "cut",      "grown",   "rewritten",
					   "touched up", "replaced", "removed", "forbidden"};
const int change_is_harmless[CHANGES] = {[REPLACED] = 1, [REMOVED] = 1, [FORBIDDEN] = 1};

static char directory[] = "/tmp/segmap-changes-XXXXXX";

void changes_begin(unsigned user)
{
	cr_assert_not_null(mkdtemp(directory));
	if (user != SAME_USER)
		cr_assert_eq(chown(directory, user, user), 0);
	cr_assert_eq(chdir(directory), 0);
}

void changes_end(void)
{
	static const char *const names[] = {"program", "ld", "script", "other"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		remove(names[i]);
	cr_expect_eq(rmdir(directory), 0, "%s: %s", directory, strerror(errno));
}

void make_old(const char *name)
{
	const struct timespec long_ago[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};

	cr_assert_eq(utimensat(AT_FDCWD, name, long_ago, 0), 0, "%s", name);
}

void make_old_copy(const char *name, const char *program)
{
	remove(name);
	cr_assert(copy_file(testdata(program), name, 0755), "%s: %s", name, strerror(errno));
	make_old(name);
}

static int shorten(const char *name)
{
	struct stat st;

	return stat(name, &st) == 0 && truncate(name, (st.st_size - 1) & ~4095) == 0;
}

static int write_at(const char *name, int flags, const char *bytes, size_t size)
{
	int fd = open(name, O_WRONLY | O_CLOEXEC | flags);
	int ok = fd >= 0 && write(fd, bytes, size) == (ssize_t)size;

	if (fd >= 0)
		close(fd);
	return ok;
}

static int rewrite(const char *name, const char *other)
{
	size_t size;
	char *bytes = read_whole(other, &size);
	int ok = bytes && write_at(name, O_TRUNC, bytes, size);

	free(bytes);
	return ok;
}

static int replace(const char *name, const char *other)
{
	return copy_file(other, "other", 0755) && rename("other", name) == 0;
}

int change_file(enum change change, const char *name, const char *other)
{
	switch (change) {
	case TRUNCATED:
		return truncate(name, 0) == 0;
	case CUT:
		return shorten(name);
	case GROWN:
		return write_at(name, O_APPEND, "more", 4);
	case REWRITTEN:
		return rewrite(name, other);
	case TOUCHED_UP:
		return write_at(name, 0, "\177", 1);
	case REPLACED:
		return replace(name, other);
	case REMOVED:
		return unlink(name) == 0;
	default:
		return chmod(name, 0) == 0;
	}
}
