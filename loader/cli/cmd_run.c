/* segmap run: the loader by another name. It is a program of its own, so it is executed. */
#include "command.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The loader that was built or installed together with this program. Returns if it is not
 * there. */
static void exec_sibling(char **argv)
{
	char path[PATH_MAX + sizeof("segload")];
	ssize_t length = readlink("/proc/self/exe", path, PATH_MAX);
	char *slash = length > 0 ? memrchr(path, '/', (size_t)length) : NULL;

	errno = ENOENT;
	if (!slash)
		return;
	memcpy(slash + 1, "segload", sizeof("segload"));
	execv(path, argv);
}

/* Not execvp: that would give a file without an ELF header to a shell. */
static void exec_from_path(char **argv)
{
	const char *next = getenv("PATH");

	while (next && *next) {
		char path[PATH_MAX];
		size_t length = strcspn(next, ":");
		int n = snprintf(path, sizeof(path), "%.*s%ssegload", (int)length, next,
				 length ? "/" : "");

		if (n > 0 && (size_t)n < sizeof(path))
			execv(path, argv);
		next += length + (next[length] == ':');
	}
}

static int run_run(int argc, char **argv)
{
	char name[] = "segload";

	(void)argc;
	argv[0] = name;
	exec_sibling(argv);
	if (errno == ENOENT)
		exec_from_path(argv);
	complain("run: cannot execute segload: %s", strerror(errno));
	return EXIT_OWN;
}

const struct command command_run = {
	.name = "run",
	.run = run_run,
	.summary = "become a program, loaded in userspace (the same as segload)",
	.help = "Usage: segmap run [OPTION...] PROGRAM [ARG...]\n"
		"\n"
		"  segmap run ./program a b     run it with two arguments\n"
		"  segmap run -v ./program      show each system call of the load\n"
		"\n"
		"The same as segload, whose options are shown by 'segmap run --help'. The "
		"segload\n"
		"beside this program is taken, else the first one in PATH.\n",
};
