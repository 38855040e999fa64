/* segmap run: the loader by another name. It is a program of its own, so it is executed. */
#include "command.h"
#include "find.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int run_run(int argc, char **argv)
{
	char name[] = "segload";

	(void)argc;
	char *path = find_segload();
	argv[0] = name;
	errno = ENOENT;
	if (path)
		execv(path, argv);
	free(path);
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
