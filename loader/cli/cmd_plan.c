/* segmap plan: what would be mapped, step by step. Loads nothing. */
#include "plan.h"

#include "../checked.h"

#include <elf.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Exit statuses of --check, as those of grep and diff. */
enum { CHECK_CLEAN = 0, CHECK_FINDINGS = 1, CHECK_FAILED = 2 };

size_t next_load(const struct segmap_image *image, size_t from)
{
	while (from < image->phdr_count && image->phdrs[from].type != PT_LOAD)
		from++;
	return from;
}

bool is_placed(const struct plan_file *file, enum segmap_object_id id)
{
	return file->plan->objects[id].place == SEGMAP_PLACE_FIXED;
}

bool is_guarded(const struct segmap_mapping *m)
{
	return m->prot & ~(PROT_READ | PROT_WRITE | PROT_EXEC);
}

static int check_status(const struct plan_file *file, const struct findings *findings)
{
	int status = CHECK_CLEAN;

	if (findings->failed || file->error.verdict == SEGMAP_VERDICT_SYSTEM)
		return CHECK_FAILED;
	if (!file->images[0] && (file->error.reason == SEGMAP_REASON_OPEN ||
				 file->error.reason == SEGMAP_REASON_READ))
		return CHECK_FAILED;
	for (size_t i = 0; i < findings->count; i++)
		if (findings->items[i].severity > SEVERITY_INFO)
			status = CHECK_FINDINGS;
	return status;
}

static int print_checked(const struct plan_file *file, const struct findings *findings,
			 const struct plan_options *options)
{
	int status = check_status(file, findings);

	if (status == CHECK_FAILED)
		complain_about(file->path, &file->error);
	else
		findings_print(findings, file, options);
	return status;
}

/* Of a file that is not checked: one for another CPU is refused here, plan or not. */
static int plain_status(const struct plan_file *file)
{
	int here = file->here.reason ? status_of(&file->here) : 0;

	return file->error.reason ? status_of(&file->error) : here;
}

static int print_planned(const struct plan_file *file, const struct plan_options *options)
{
	if (file->error.reason) {
		complain_about(file->path, &file->error);
	} else if (text_print(file, options) < 0) {
		complain("out of memory");
		return EXIT_OWN;
	}
	if (file->here.reason)
		complain_about(file->path, &file->here);
	return plain_status(file);
}

static int add_json(json_t *files, const struct plan_file *file,
		    const struct findings *findings)
{
	json_t *object = json_file(file, findings);

	if (object && json_array_append_new(files, object) == 0)
		return findings ? check_status(file, findings) : 0;
	complain("out of memory");
	return findings ? CHECK_FAILED : EXIT_OWN;
}

/* FILES is the array to append to with --json, else NULL. */
static int show_file(const char *path, const struct plan_options *options, json_t *files)
{
	struct plan_file file;
	struct findings findings = {0};
	int status;

	plan_file_open(&file, path, options);
	if (options->check && check_file(&findings, &file) < 0)
		findings.failed = true;
	if (files) {
		status = add_json(files, &file, options->check ? &findings : NULL);
		if (!options->check && status == 0)
			status = plain_status(&file);
	} else if (options->check) {
		status = print_checked(&file, &findings, options);
	} else {
		status = print_planned(&file, options);
	}
	free(findings.items);
	plan_file_close(&file);
	return status;
}

static json_t *new_document(json_t *files)
{
	json_t *root = json_object();

	json_object_set_new(root, "schema", json_string("segmap.plan/1"));
	json_object_set(root, "files", files);
	return root;
}

json_t *plan_json(const char *path)
{
	const struct plan_options options = {.json = true};
	json_t *files = json_array();
	json_t *root = files ? new_document(files) : NULL;

	if (root)
		show_file(path, &options, files);
	json_decref(files);
	return root;
}

/* The worst status of all files is that of the command. */
static int show_files(char **paths, const struct plan_options *options)
{
	json_t *files = options->json ? json_array() : NULL;
	json_t *root = files ? new_document(files) : NULL;
	int worst = 0;

	for (char **path = paths; *path; path++) {
		if (path != paths && !options->json && !options->raw && !options->check)
			putchar('\n');
		int status = show_file(*path, options, files);

		worst = status > worst ? status : worst;
	}
	if (root) {
		json_dumpf(root, stdout, JSON_INDENT(2));
		putchar('\n');
	}
	json_decref(files);
	json_decref(root);
	return worst;
}

enum {
	OPTION_CHECK = 256,
	OPTION_COLOR,
	OPTION_INTERP,
	OPTION_KERNEL,
	OPTION_PAGE_SIZE,
	OPTION_SYSROOT,
};

static const struct option long_options[] = {
	{"json", no_argument, NULL, 'J'},
	{"check", no_argument, NULL, OPTION_CHECK},
	{"output", required_argument, NULL, 'o'},
	{"noheadings", no_argument, NULL, 'n'},
	{"raw", no_argument, NULL, 'r'},
	{"bytes", no_argument, NULL, 'b'},
	{"color", optional_argument, NULL, OPTION_COLOR},
	{"interp", no_argument, NULL, OPTION_INTERP},
	{"kernel", required_argument, NULL, OPTION_KERNEL},
	{"page-size", required_argument, NULL, OPTION_PAGE_SIZE},
	{"sysroot", required_argument, NULL, OPTION_SYSROOT},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static bool choose_kernel(struct plan_options *options, const char *release)
{
	struct segmap_rules rules;

	segmap_rules_native(&rules, (uint64_t)sysconf(_SC_PAGESIZE));
	if (segmap_rules_set_kernel(&rules, release) < 0) {
		complain("plan: --kernel=%s: must begin with two numbers, as 6.1", release);
		return false;
	}
	options->kernel = release;
	return true;
}

/* "16384" or "16K". Whether the CPU of a file has such pages is seen when it is opened. */
static bool choose_page_size(struct plan_options *options, const char *text)
{
	char *rest;
	unsigned long size = strtoul(text, &rest, 10);
	bool kilo = rest != text && strcmp(rest, "K") == 0;

	if (*text >= '0' && *text <= '9' && (kilo || !*rest) && size <= UINT32_MAX)
		options->page_size = (uint64_t)size << (kilo ? 10 : 0);
	if (is_power_of_two(options->page_size))
		return true;
	complain("plan: --page-size=%s: must be a power of two, as 16384 or 16K", text);
	return false;
}

/* False if C is an option that cannot be followed, which has been said. */
static bool take_option(struct plan_options *options, int c)
{
	switch (c) {
	case 'J':
		options->json = true;
		return true;
	case 'n':
		options->noheadings = true;
		return true;
	case 'r':
		options->raw = true;
		return true;
	case 'b':
		options->bytes = true;
		return true;
	case OPTION_CHECK:
		options->check = true;
		return true;
	case OPTION_INTERP:
		options->interp = true;
		return true;
	case 'o':
		options->columns = optarg;
		return table_columns_valid(optarg);
	case OPTION_KERNEL:
		return choose_kernel(options, optarg);
	case OPTION_PAGE_SIZE:
		return choose_page_size(options, optarg);
	case OPTION_SYSROOT:
		options->sysroot = optarg;
		return true;
	case OPTION_COLOR:
		if (choose_color(optarg ? optarg : "always", &options->color))
			return true;
		complain("plan: --color=%s: must be auto, always or never", optarg);
		return false;
	default: /* getopt has complained */
		return false;
	}
}

static int run_plan(int argc, char **argv)
{
	struct plan_options options = {0};
	char name[] = "segmap plan";
	int c;

	argv[0] = name; /* what getopt's messages begin with */
	choose_color(NULL, &options.color);
	while ((c = getopt_long(argc, argv, "+Jo:nrbh", long_options, NULL)) != -1) {
		if (c == 'h') {
			fputs(command_plan.help, stdout);
			return 0;
		}
		if (!take_option(&options, c))
			goto usage;
	}
	if (optind < argc)
		return finish_output(show_files(argv + optind, &options),
				     options.check ? CHECK_FAILED : EXIT_OWN);
	complain("plan: no FILE given");
usage:
	fputs("Try 'segmap plan --help'.\n", stderr);
	return options.check ? CHECK_FAILED : EXIT_OWN;
}

const struct command command_plan = {
	.name = "plan",
	.run = run_plan,
	.summary = "show what would be mapped for a program, without loading it",
	.help = "Usage: segmap plan [OPTION...] FILE...\n"
		"\n"
		"  segmap plan /bin/cat                 every mapping, and the rest of the "
		"plan\n"
		"  segmap plan --interp /bin/cat        its interpreter's mappings as well\n"
		"  segmap plan --check *.so             what is refused or suspicious\n"
		"  segmap plan -rn -o MEMORY,PROT FILE  for scripts\n"
		"  segmap plan --json FILE              all of it as JSON\n"
		"\n"
		"Options:\n"
		"  -J, --json           JSON, as docs/schemas/plan.schema.json describes it\n"
		"      --check          look for what is refused and what is suspicious\n"
		"  -o, --output LIST    columns, divided by commas; +LIST adds to the usual:\n"
		"                       INDEX FLG FILE MEMORY PROT PAGES KIND SECTIONS SIZE "
		"ALIGN\n"
		"  -n, --noheadings     no headings\n"
		"  -r, --raw            only the table, its columns separated by one space\n"
		"  -b, --bytes          SIZE and ALIGN in bytes\n"
		"      --color[=WHEN]   auto, always or never\n"
		"      --interp         the interpreter's mappings as well\n"
		"      --kernel=RELEASE what that kernel would do: 6.1, say; else the running\n"
		"                       one\n"
		"      --page-size=SIZE with pages of SIZE bytes: 16K, say; else this "
		"machine's\n"
		"      --sysroot=DIR    look for the interpreter under DIR\n"
		"  -h, --help           this text\n"
		"\n"
		"Exit status: 0, 125 if segmap fails, 126 if a FILE is refused or is for "
		"another\n"
		"CPU, 127 if it or its interpreter is not there. With --check: 0 clean, 1\n"
		"findings, 2 usage or I/O.\n",
};
