/* From a path to a plan, by the rules of the CPU that the file is for. */
#include "plan.h"

#include "../fail.h"
#include "../self.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/utsname.h>
#include <unistd.h>

/* The stack as the kernel first maps it, where nothing is randomised: 128 KiB and a page or
 * more for the strings. A segment that would meet it is refused. */
static void quiet_stack(struct segmap_policy *policy)
{
	policy->stack_end = policy->rules.stack_top_max;
	policy->stack_start = policy->stack_end - (128 << 10) - policy->rules.page_size;
}

/* What was asked for, or what this machine has, or the least there is on another. */
static uint64_t choose_page(const struct plan_file *file, const struct plan_options *options,
			    uint64_t sizes)
{
	if (options->page_size)
		return options->page_size;
	return file->here.reason ? sizes & -sizes : (uint64_t)sysconf(_SC_PAGESIZE);
}

static int choose_rules(struct plan_file *file, uint16_t machine,
			const struct plan_options *options)
{
	uint64_t sizes = segmap_rules_page_sizes(machine);
	uint64_t page = choose_page(file, options, sizes);
	struct utsname running;

	bool possible = !options->page_size || (page & sizes);

	segmap_rules_for(&file->rules, machine, possible ? page : sizes & -sizes);
	if (options->kernel) /* it has been found valid with the options */
		segmap_rules_set_kernel(&file->rules, options->kernel);
	else if (uname(&running) == 0)
		segmap_rules_set_kernel(&file->rules, running.release);
	if (!file->here.reason)
		segmap_rules_set_hwcap2(&file->rules, getauxval(AT_HWCAP2));
	return possible ? 0
			: fail(&file->error, PAGE_SIZE, SYSTEM, EINVAL, .value = {page, sizes});
}

/* The rules of another CPU are taken where this one's kernel has refused the file because of
 * it, and there are such. */
static int open_program(struct plan_file *file, const struct plan_options *options)
{
	struct segmap_image **image = &file->images[SEGMAP_PROGRAM];
	struct segmap_error *err = &file->error;
	struct segmap_rules native;
	int r = segmap_image_inspect(image, file->path, SEGMAP_PROGRAM, err);
	uint16_t machine = (uint16_t)err->value[0];

	segmap_rules_native(&native, 1);
	if (r == 0 || err->reason != SEGMAP_REASON_MACHINE || !segmap_rules_page_sizes(machine))
		machine = native.machine;
	else
		file->here = *err;
	if (file->here.reason) {
		*err = (struct segmap_error){0};
		r = segmap_image_explain(image, file->path, SEGMAP_PROGRAM, machine, err);
	}
	if (r == 0)
		r = segmap_symbols_open(&file->symbols[SEGMAP_PROGRAM], (*image)->fd, err);
	return r == 0 ? choose_rules(file, machine, options) : r;
}

/* That there is no interpreter for another CPU says nothing about where the program will run;
 * what is there by its name may be for this CPU. */
static bool is_elsewhere(const struct plan_file *file, const struct plan_options *options)
{
	return file->here.reason && !options->sysroot &&
	       (file->error.reason == SEGMAP_REASON_OPEN ||
		file->error.reason == SEGMAP_REASON_MACHINE);
}

static int open_interpreter(struct plan_file *file, const struct plan_options *options)
{
	struct segmap_image **image = &file->images[SEGMAP_INTERPRETER];
	const char *name = file->images[SEGMAP_PROGRAM]->interp;
	struct segmap_error *err = &file->error;
	char *path = NULL;

	if (asprintf(&path, "%s%s", options->sysroot ? options->sysroot : "", name) < 0)
		return fail(err, MEMORY, SYSTEM, ENOMEM);
	int r = segmap_image_explain(image, path, SEGMAP_INTERPRETER, file->rules.machine, err);
	if (r == 0)
		r = segmap_symbols_open(&file->symbols[SEGMAP_INTERPRETER], (*image)->fd, err);
	if (r < 0 && !err->path[0])
		segmap_error_set_path(err, path);
	free(path);
	if (r < 0 && is_elsewhere(file, options)) {
		*err = (struct segmap_error){0};
		return 0;
	}
	return r;
}

void plan_file_open(struct plan_file *file, const char *path,
		    const struct plan_options *options)
{
	struct segmap_policy policy = {.randomize = false};

	*file = (struct plan_file){.path = path};
	int r = open_program(file, options);
	if (r == 0 && file->images[SEGMAP_PROGRAM]->interp)
		r = open_interpreter(file, options);
	if (r == 0 && !file->here.reason && !options->kernel && !options->page_size)
		self_reach_for(&file->rules, file->images[0], file->images[1]);
	policy.rules = file->rules;
	quiet_stack(&policy);
	if (r == 0)
		segmap_plan_make(&file->plan, file->images[0], file->images[1], &policy,
				 &file->error);
}

bool lacks_interpreter(const struct plan_file *file)
{
	return file->plan && file->images[SEGMAP_PROGRAM]->interp &&
	       !file->images[SEGMAP_INTERPRETER];
}

void plan_file_close(struct plan_file *file)
{
	segmap_plan_free(file->plan);
	for (int id = 0; id < 2; id++) {
		segmap_symbols_free(file->symbols[id]);
		segmap_image_free(file->images[id]);
	}
}
