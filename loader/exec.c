/* The stages, one after the other. */
#include <segmap/exec.h>

#include "arch.h"
#include "cpu.h"
#include "fail.h"
#include "leftovers.h"
#include "privilege.h"
#include "script.h"
#include "self.h"
#include "trace.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

/* Everything a load has in its hands; all of it is given back if the load is refused. */
struct load {
	const struct segmap_options *options;
	struct segmap_error *err;
	struct segmap_error ignored; /* where errors go if the caller does not want them */
	struct segmap_script script;
	struct segmap_image *images[2];
	struct segmap_self self;
	struct segmap_plan *plan;
	struct segmap_map *map;
	struct segmap_stack stack;
	struct segmap_handover *handover;
	struct segmap_privilege privilege;
	struct segmap_habits habits;
	const char *execfn;
	bool from_fd;
	int close; /* the caller's descriptor, if exec is to close it, or -1 */
};

static int open_interp(struct segmap_image **interp, const struct segmap_image *program,
		       bool inspect, struct segmap_error *err)
{
	*interp = NULL;
	if (!program->interp)
		return 0;
	return (inspect ? segmap_image_inspect : segmap_image_open)(interp, program->interp,
								    SEGMAP_INTERPRETER, err);
}

int segmap_open_pair(struct segmap_image **program, struct segmap_image **interp,
		     const char *path, bool inspect, struct segmap_error *err)
{
	struct segmap_image *p = NULL, *i = NULL;
	int r = (inspect ? segmap_image_inspect : segmap_image_open)(&p, path, SEGMAP_PROGRAM,
								     err);

	if (r == 0 && p)
		r = open_interp(&i, p, inspect, err);
	if (r < 0) {
		segmap_image_free(p);
		return r;
	}
	*program = p;
	*interp = i;
	return 0;
}

static int draw(void *bytes, size_t size, struct segmap_error *err)
{
	if (getrandom(bytes, size, 0) == (ssize_t)size)
		return 0;
	return fail(err, SELF, SYSTEM, errno ? errno : EIO, .step = "getrandom");
}

static void fill_policy(struct segmap_policy *policy, const struct segmap_self *self,
			const uint64_t random[2])
{
	memset(policy, 0, sizeof(*policy));
	segmap_rules_native(&policy->rules, self->page_size);
	segmap_rules_set_kernel(&policy->rules, self->kernel);
	segmap_rules_set_hwcap2(&policy->rules, segmap_auxv_get(self->auxv, AT_HWCAP2, 0));
	policy->randomize = self->randomize;
	policy->randomize_brk = self->randomize_brk;
	policy->random[0] = random[0];
	policy->random[1] = random[1];
	policy->stack_end = self->stack.end;
	policy->stack_start = self->stack.start;
}

int segmap_policy_current(struct segmap_policy *policy, struct segmap_error *err)
{
	struct segmap_self self;
	uint64_t random[2];
	int r = segmap_self_read(&self, err);

	if (r == 0)
		r = draw(random, sizeof(random), err);
	if (r == 0)
		fill_policy(policy, &self, random);
	if (r == 0)
		self_reach(&policy->rules);
	return r;
}

static void release(struct load *load)
{
	segmap_handover_discard(load->handover);
	free(load->stack.bytes);
	segmap_map_destroy(load->map);
	segmap_plan_free(load->plan);
	segmap_image_free(load->images[SEGMAP_INTERPRETER]);
	segmap_image_free(load->images[SEGMAP_PROGRAM]);
	segmap_script_free(&load->script);
	segmap_habits_restore(&load->habits);
}

/* For where the question below is forbidden: what /proc knows of are threads. */
static bool has_threads(void)
{
	DIR *dir = opendir("/proc/self/task");
	const struct dirent *entry;
	int count = 0;

	while (dir && (entry = readdir(dir)))
		count += entry->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return count > 1;
}

/* Mappings that only such a personality makes executable are so by execve as well, or they are
 * not. */
static unsigned implied_exec(void)
{
	return cpu_find(ARCH_MACHINE)->keeps_implied_exec ? 0 : READ_IMPLIES_EXEC;
}

/* Threads would die with the address space, or, sharing it from outside, lose theirs. */
static int check_alone(const struct load *load)
{
	if (unshare(CLONE_VM) == 0 || (errno != EINVAL && !has_threads()))
		return 0;
	return fail(load->err, THREADS, SYSTEM, EBUSY);
}

static int build_stack(struct load *load, char *const argv[], char *const envp[],
		       const uint8_t random[16], unsigned shift)
{
	struct segmap_auxv auxv[SEGMAP_AUXV_MAX];
	const struct segmap_auxv_facts facts = {
		.has_ids = !load->options->pristine || load->privilege.secure,
		.uid = load->privilege.uid,
		.euid = load->privilege.euid,
		.gid = load->privilege.gid,
		.egid = load->privilege.egid,
		.secure = load->privilege.secure,
	};
	const struct segmap_stack_input input = {
		.page_size = load->self.page_size,
		.stack_end = load->self.stack.end,
		.rlimit_stack = load->self.rlimit_stack,
		.shift = load->self.randomize
				 ? (unsigned)(shift % load->plan->rules.stack_shift_range)
				 : 0,
		.execfn = load->execfn,
		.platform = load->plan->rules.platform,
		.argv = argv,
		.envp = envp,
		.random = random,
		.auxv = auxv,
		.plan = load->plan,
	};

	if (segmap_auxv_make(auxv, load->self.auxv, load->plan, &facts) < 0)
		return fail(load->err, SELF, SYSTEM, E2BIG, .step = "auxiliary vector");
	return segmap_stack_build(&load->stack, &input, load->err);
}

/* /proc adds this to the name of a file that has none any more. */
static void drop_deleted(char *target, int fd)
{
	static const char mark[] = " (deleted)";
	size_t length = strlen(target);
	struct stat st;

	if (fstat(fd, &st) == 0 && st.st_nlink == 0 && length >= sizeof(mark) &&
	    strcmp(target + length - (sizeof(mark) - 1), mark) == 0)
		target[length - (sizeof(mark) - 1)] = '\0';
}

static void take_last_part(const char *path, char *name, size_t size)
{
	const char *slash = strrchr(path, '/');

	snprintf(name, size, "%s", slash ? slash + 1 : path);
}

/* The name that the file of FD has where it is; false if that is not told. */
static bool name_by_file(int fd, char *name, size_t size)
{
	char link[64], target[PATH_MAX + 1] = "";

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (readlink(link, target, PATH_MAX) <= 0)
		return false;
	drop_deleted(target, fd);
	take_last_part(target, name, size);
	return true;
}

/* The last part of the path; of a program from a descriptor, the file's own name where the
 * kernel does so, which is the interpreter's for a script. */
static void name_process(const struct load *load, char *name, size_t size)
{
	if (load->from_fd && load->plan->rules.named_by_file &&
	    name_by_file(load->images[SEGMAP_PROGRAM]->fd, name, size))
		return;
	take_last_part(load->execfn, name, size);
}

static int prepare_handover(struct load *load)
{
	char name[16];
	const struct segmap_handover_input input = {
		.plan = load->plan,
		.map = load->map,
		.images = (const struct segmap_image *const *)load->images,
		.stack = &load->stack,
		.self = &load->self,
		.name = name,
		.close = &load->close,
		.close_count = load->close >= 0,
		.pristine = load->options->pristine,
		.privilege = &load->privilege,
		.options = load->options,
	};

	name_process(load, name, sizeof(name));
	return segmap_handover_prepare(&load->handover, &input, load->err);
}

static int tell_mapped(const struct load *load)
{
	const struct segmap_options *options = load->options;
	int r = options->mapped ? options->mapped(options->mapped_data, load->map) : 0;

	return r < 0 ? fail(load->err, CALLER, SYSTEM, -r) : 0;
}

/* From images to a prepared handover. The stack is built before anything is mapped: E2BIG is an
 * answer of execve's, while a mapping that fails would have killed. */
static int prepare(struct load *load, char *const argv[], char *const envp[])
{
	struct {
		uint64_t plan[2];
		uint8_t auxv[16];
		unsigned shift;
	} random;
	struct segmap_policy policy;
	int r = draw(&random, sizeof(random), load->err);

	if (r == 0)
		r = self_read_rest(&load->self, load->options->pristine, load->err);
	if (r < 0)
		return r;
	fill_policy(&policy, &load->self, random.plan);
	if (load->options->pristine)
		self_reach_for(&policy.rules, load->images[0], load->images[1]);
	else /* it may have mappings up there, which are to go */
		self_reach(&policy.rules);
	r = segmap_plan_make(&load->plan, load->images[0], load->images[1], &policy, load->err);
	if (r == 0)
		r = build_stack(load, argv, envp, random.auxv, random.shift);
	if (r == 0)
		r = segmap_map_create(&load->map, load->plan,
				      (const struct segmap_image *const *)load->images,
				      load->options, load->err);
	if (r == 0)
		r = tell_mapped(load);
	if (r == 0)
		r = prepare_handover(load);
	return r;
}

/* An error that has not been given a file yet is about one of the two. */
static void name_file(struct load *load)
{
	struct segmap_error *err = load->err;

	if (err->path[0] == '\0' && load->images[err->object])
		segmap_error_set_path(err, load->images[err->object]->path);
}

/* Is the error about what is in the program's file, or about a file that this one names? */
static bool has_been_opened(const struct load *load)
{
	return load->images[SEGMAP_PROGRAM] || load->script.depth ||
	       load->err->reason >= SEGMAP_REASON_NOT_ELF;
}

/* The kernel counts the strings before it looks into the file: their error comes first. R is
 * the error there is already, or 0. */
static int check_strings(struct load *load, char *const argv[], char *const envp[], int r)
{
	struct segmap_error err;
	const struct segmap_stack_input input = {
		.page_size = (uint64_t)sysconf(_SC_PAGESIZE),
		.rlimit_stack = load->self.rlimit_stack,
		.execfn = load->execfn,
		.argv = argv,
		.envp = envp,
	};
	int too_big = segmap_stack_check(&input, &err);
	if (too_big == 0)
		return r;
	*load->err = err;
	return too_big;
}

/* FD and NAME are for fexecve; else FD is -1. */
static int run(struct load *load, int fd, const char *name, char *const argv[],
	       char *const envp[])
{
	if (!load->err)
		load->err = &load->ignored;
	char *const *given = argv;
	int r = segmap_script_follow(&load->script, &load->images[SEGMAP_PROGRAM], load->execfn,
				     fd, name, &argv, load->err);
	if (r == 0)
		r = open_interp(&load->images[SEGMAP_INTERPRETER], load->images[SEGMAP_PROGRAM],
				false, load->err);
	load->self.rlimit_stack = self_stack_limit();
	if (r == 0 || has_been_opened(load))
		r = check_strings(load, given, envp, r);
	if (r == 0)
		r = segmap_privilege_check(&load->privilege, load->images[SEGMAP_PROGRAM],
					   load->options->pristine, load->err);
	if (r == 0)
		r = check_alone(load);
	if (r == 0) {
		segmap_habits_suspend(&load->habits, implied_exec() | load->privilege.unpersona,
				      load->options->pristine);
		load->self.personality = load->habits.current;
		r = prepare(load, argv, envp);
	}
	if (r == 0 && load->options->ready)
		load->options->ready(load->options->ready_data,
				     load->images[SEGMAP_PROGRAM]->path);
	if (r == 0)
		segmap_handover_commit(load->handover);
	name_file(load);
	release(load);
	return r;
}

static const struct segmap_options no_options;

int segmap_execve(const char *path, char *const argv[], char *const envp[],
		  const struct segmap_options *options, struct segmap_error *err)
{
	struct load load = {
		.options = options ? options : &no_options,
		.err = err,
		.execfn = path,
		.close = -1,
	};

	return run(&load, -1, NULL, argv, envp);
}

int segmap_fexecve(int fd, const char *name, char *const argv[], char *const envp[],
		   const struct segmap_options *options, struct segmap_error *err)
{
	char execfn[32];
	int flags = fcntl(fd, F_GETFD);
	struct load load = {
		.options = options ? options : &no_options,
		.err = err,
		.execfn = execfn,
		.from_fd = true,
		.close = flags >= 0 && (flags & FD_CLOEXEC) ? fd : -1,
	};

	snprintf(execfn, sizeof(execfn), "/dev/fd/%d", fd);
	return run(&load, fd, name, argv, envp);
}
