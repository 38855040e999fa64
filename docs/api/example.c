/* Shows what a program will have in memory, and becomes it: example PROGRAM [ARG...] */
#include <segmap/segmap.h>
#include <stdio.h>

extern char **environ;

static void tell(void *data, const char *call, const char *why)
{
	fprintf(data, "%s  (%s)\n", call, why);
}

int main(int argc, char **argv)
{
	struct segmap_options options = {.trace = tell, .trace_data = stderr};
	struct segmap_error error;
	char message[1024];

	if (argc < 2) {
		fprintf(stderr, "usage: %s PROGRAM [ARG...]\n", argv[0]);
		return 125;
	}

	/* Every mapping of the load is told before it is the program's. */
	segmap_execve(argv[1], argv + 1, environ, &options, &error);

	/* Only here if the program was refused: nothing of this process has changed. */
	segmap_error_format(&error, message, sizeof(message));
	fputs(message, stderr);
	return 126;
}
