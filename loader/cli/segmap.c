/* segmap: the microscope. This file only finds the command; each has a file of its own. */
#include "command.h"

#include <string.h>

static int run_help(int argc, char **argv);

static const struct command command_help = {
	.name = "help",
	.run = run_help,
	.summary = "show how a command is used",
	.help = "Usage: segmap help [COMMAND]\n\nShows how COMMAND is used.\n",
};

static const struct command *const commands[] = {
	&command_plan,   &command_maps,   &command_cow,     &command_faults,
	&command_share,  &command_report, &command_compare, &command_lab,
	&command_doctor, &command_spawn,  &command_run,     &command_help};

enum { COMMAND_COUNT = sizeof(commands) / sizeof(commands[0]) };

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	complain("%s: no such command; 'segmap --help' lists them", name);
	return NULL;
}

static void print_help(FILE *out)
{
	fputs("Usage: segmap COMMAND [ARG...]\n"
	      "\n"
	      "Shows what an ELF file becomes in memory.\n"
	      "\n"
	      "  segmap plan /bin/cat            what would be mapped\n"
	      "  segmap plan --check ./program   what will be refused, what is suspicious\n"
	      "  segmap maps /bin/cat            what is mapped when it begins\n"
	      "  segmap cow ./program            which pages it copies, and what wrote there\n"
	      "  segmap share -n 100 /bin/cat    what 100 copies have in common\n"
	      "  segmap compare /bin/cat         what differs from the kernel's execve\n"
	      "  segmap faults ./program         its page faults, and what the kernel did\n"
	      "  segmap report -o page.html ls   all of it, as a page for a browser\n"
	      "  segmap lab                      what each kind of mapping does, tried out\n"
	      "  segmap doctor                   what this machine lets one see\n"
	      "  segmap spawn -n 1000 ./program  load once, start many times\n"
	      "  segmap run ./program            load and run it in userspace\n"
	      "\n"
	      "Commands:\n",
	      out);
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		fprintf(out, "  %-8s %s\n", commands[i]->name, commands[i]->summary);
	fputs("\n"
	      "Options:\n"
	      "  -h, --help      this text\n"
	      "  -V, --version   the version\n"
	      "\n"
	      "'segmap help COMMAND' shows how a command is used.\n",
	      out);
}

static int run_help(int argc, char **argv)
{
	if (argc > 2) {
		complain("help: one command at a time");
		return EXIT_OWN;
	}
	if (argc < 2) {
		print_help(stdout);
		return 0;
	}
	const struct command *command = find_command(argv[1]);
	if (!command)
		return EXIT_OWN;
	fputs(command->help, stdout);
	return 0;
}

static int run_option(const char *option)
{
	if (strcmp(option, "--help") == 0 || strcmp(option, "-h") == 0) {
		print_help(stdout);
		return 0;
	}
	if (strcmp(option, "--version") == 0 || strcmp(option, "-V") == 0) {
		puts("segmap " SEGMAP_VERSION);
		return 0;
	}
	complain("%s: no such option; 'segmap --help' lists them", option);
	return EXIT_OWN;
}

int main(int argc, char **argv)
{
	int status = EXIT_OWN;

	if (argc < 2)
		print_help(stderr);
	else if (argv[1][0] == '-')
		status = run_option(argv[1]);
	else {
		const struct command *command = find_command(argv[1]);

		if (command)
			status = command->run(argc - 1, argv + 1);
	}
	return finish_output(status, EXIT_OWN);
}
