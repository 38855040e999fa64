/*
 * Putting the agent into a stopped process. The process makes the system calls for that itself,
 * by an instruction that it has anyway: nothing of the program is written to.
 */
#include "template.h"

#include "arch_tracee.h"
#include "read.h"
#include "tracee_run.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

extern const uint8_t __start_segmap_agent[], __stop_segmap_agent[];

/* Where there is room in any usual address space, away from where mmap would look. */
static const uint64_t home = UINT64_C(1) << 40;

enum { CODE_MOST = 64 << 10, LIBC_TID_BEFORE_LIST = 16 };

/* The process, and how it is made to call. */
struct remote {
	struct segmap_tracee *tracee;
	struct user_regs_struct registers; /* at the place */
	uint64_t call;                     /* address of an instruction that calls the kernel */
};

/* ---- its memory ---- */

static int write_memory(const struct remote *remote, uint64_t addr, void *from, size_t size)
{
	const struct iovec here = {from, size}, there = {(void *)addr, size}; // NOLINT
	ssize_t n = process_vm_writev(remote->tracee->pid, &here, 1, &there, 1, 0);

	if (n < 0)
		return -errno;
	return (size_t)n == size ? 0 : -EFAULT;
}

static int read_memory(const struct remote *remote, uint64_t addr, void *to, size_t size)
{
	const struct iovec here = {to, size}, there = {(void *)addr, size}; // NOLINT
	ssize_t n = process_vm_readv(remote->tracee->pid, &here, 1, &there, 1, 0);

	if (n < 0)
		return -errno;
	return (size_t)n == size ? 0 : -EFAULT;
}

/* ---- its system calls ---- */

static bool find_call_in(struct remote *remote, const struct segmap_region *region)
{
	size_t size = region->end - region->start, offset;
	uint8_t *code = size <= CODE_MOST ? malloc(size) : NULL;
	bool found = code && read_memory(remote, region->start, code, size) == 0 &&
		     arch_find_call(code, size, &offset);

	if (found)
		remote->call = region->start + offset;
	free(code);
	return found;
}

static int find_call(struct remote *remote, struct segmap_template_error *err)
{
	struct segmap_regions regions;
	bool found = false;
	int r = segmap_regions_read(&regions, remote->tracee->pid, false);

	for (size_t i = 0; r == 0 && !found && i < regions.count; i++)
		found = strcmp(regions.items[i].name, "[vdso]") == 0 &&
			find_call_in(remote, &regions.items[i]);
	segmap_regions_free(&regions);
	return found ? 0 : template_fail(err, NO_CALL, ENOSYS);
}

/* The result is in *RESULT, if the call has not failed. */
static int call(struct remote *remote, uint64_t number, const uint64_t arguments[6],
		uint64_t *result)
{
	struct user_regs_struct registers = remote->registers;
	struct segmap_tracee *tracee = remote->tracee;

	arch_prepare_call(&registers, remote->call, number, arguments);
	int r = arch_set_registers(tracee->pid, &registers);
	for (int i = 0; r == 0 && i < 2; i++) { /* where it begins and where it has returned */
		tracee->signal = 0;
		r = tracee_resume(tracee, PTRACE_SYSCALL);
		if (r == 0 && !tracee_is_in_call(tracee))
			return -ESRCH; /* only SIGKILL can come */
	}
	if (r == 0)
		r = segmap_tracee_registers(tracee, &registers);
	if (r == 0 && (int64_t)arch_call_result(&registers) < 0 &&
	    (int64_t)arch_call_result(&registers) >= -4095)
		return (int)(int64_t)arch_call_result(&registers);
	if (r == 0)
		*result = arch_call_result(&registers);
	return r;
}

/* clang-format off */
#define CALL(remote, result, number, ...) call(remote, number, (const uint64_t[6]){__VA_ARGS__}, result)
/* clang-format on */

/* ---- what the process is ---- */

static int count_threads(pid_t pid, uint64_t *count)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	DIR *directory = opendir(path);
	if (!directory)
		return -errno;
	*count = 0;
	for (const struct dirent *e = readdir(directory); e; e = readdir(directory))
		*count += e->d_name[0] != '.';
	closedir(directory);
	return 0;
}

/* The layout as /proc/PID/stat has it, in the fields of proc(5) from 3 on. */
static int read_layout(pid_t pid, struct prctl_mm_map *mm)
{
	enum { FIRST = 3, LAST = 51 };
	uint64_t field[LAST + 1] = {0};
	struct segmap_bytes stat;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	int r = bytes_read(&stat, path);
	if (r < 0 || stat.error)
		return r < 0 ? r : -stat.error;
	char *text = strrchr(stat.data, ')'), *save = NULL;
	int i = FIRST;
	for (char *word = text ? strtok_r(text + 1, " ", &save) : NULL; word && i <= LAST;
	     word = strtok_r(NULL, " ", &save))
		field[i++] = strtoull(word, NULL, 10);
	bytes_free(&stat);
	*mm = (struct prctl_mm_map){
		.start_code = field[26],
		.end_code = field[27],
		.start_stack = field[28],
		.start_data = field[45],
		.end_data = field[46],
		.start_brk = field[47],
		.arg_start = field[48],
		.arg_end = field[49],
		.env_start = field[50],
		.env_end = field[51],
		.exe_fd = (uint32_t)-1,
	};
	return i > LAST ? 0 : -EPROTO;
}

/* Where libc has the kernel write the thread's id. Without the kernel's word for it, glibc's
 * is right before the list of robust mutexes. */
static int find_tid(struct remote *remote, struct segmap_template *t, uint64_t scratch)
{
	struct agent_args *a = &t->args;
	uint64_t ignored;
	int32_t tid = 0;

	if (CALL(remote, &ignored, SYS_prctl, PR_GET_TID_ADDRESS, scratch) == 0)
		return read_memory(remote, scratch, &a->tid_address, sizeof(a->tid_address));
	if (t->place == PLACE_ENTRY)
		return 0;
	a->tid_address = a->robust_list - LIBC_TID_BEFORE_LIST;
	int r = read_memory(remote, a->tid_address, &tid, sizeof(tid));
	return r < 0 || tid != t->pid ? -ENOTSUP : 0;
}

static int find_lists(struct remote *remote, struct segmap_template *t, uint64_t scratch)
{
	struct agent_args *a = &t->args;
	uint64_t ignored;
	int r = CALL(remote, &ignored, SYS_get_robust_list, 0, scratch, scratch + 8);

	if (r == 0)
		r = read_memory(remote, scratch, &a->robust_list, sizeof(a->robust_list));
	if (r == 0)
		r = read_memory(remote, scratch + 8, &a->robust_length,
				sizeof(a->robust_length));
	return r;
}

static int find_stack(struct segmap_template *t)
{
	struct segmap_regions regions;
	char path[64];
	int r = segmap_regions_read(&regions, t->pid, false);
	const struct segmap_region *stack = segmap_regions_find(&regions, t->args.sp);

	t->args.stack_end = stack ? stack->end : 0;
	segmap_regions_free(&regions);
	snprintf(path, sizeof(path), "/proc/%d/auxv", t->pid);
	if (r == 0)
		r = bytes_read(&t->auxv, path);
	if (r == 0 && t->auxv.error)
		r = -t->auxv.error;
	return r == 0 && !t->args.stack_end ? -EFAULT : r;
}

/* ---- the agent ---- */

static uint64_t page_up(uint64_t value, uint64_t page)
{
	return (value + page - 1) & ~(page - 1);
}

static uint64_t code_size(void)
{
	return (uint64_t)__stop_segmap_agent - (uint64_t)__start_segmap_agent;
}

static uint64_t args_addr(const struct agent_args *a)
{
	return a->block + a->code_length;
}

static int map_block(struct remote *remote, struct agent_args *a)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t args = page_up(sizeof(*a), page);

	a->page_size = page;
	a->code_length = page_up(code_size(), page);
	a->length = a->code_length + args + AGENT_STACK + AGENT_BUFFER;
	int r = CALL(remote, &a->block, SYS_mmap, home, a->length, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, UINT64_MAX, 0);
	a->buffer = a->block + a->code_length + args + AGENT_STACK;
	return r;
}

/* With the registers that its children are to have in it. */
static int write_code(struct remote *remote, struct agent_args *a)
{
	uint64_t saved_at = (uint64_t)segmap_agent_saved - (uint64_t)__start_segmap_agent;
	size_t size = code_size();
	uint64_t ignored;
	uint8_t *code = malloc(size);

	if (!code)
		return -ENOMEM;
	memcpy(code, __start_segmap_agent, size);
	arch_save(&remote->registers, (void *)(code + saved_at), &a->registers);
	int r = write_memory(remote, a->block, code, size);
	free(code);
	if (r == 0)
		r = CALL(remote, &ignored, SYS_mprotect, a->block, a->code_length,
			 PROT_READ | PROT_EXEC);
	return r;
}

/* A pair of sockets is made there, and one of them is taken over here. */
static int connect_agent(struct remote *remote, struct segmap_template *t, uint64_t scratch)
{
	uint64_t ignored, moved = 0;
	int32_t pair[2] = {-1, -1};
	int r = CALL(remote, &ignored, SYS_socketpair, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
		     scratch);

	if (r == 0)
		r = read_memory(remote, scratch, pair, sizeof(pair));
	if (r < 0)
		return r;
	t->socket = (int)syscall(SYS_pidfd_getfd, t->pidfd, pair[0], 0);
	if (t->socket < 0)
		return -errno;
	r = CALL(remote, &ignored, SYS_close, (uint64_t)pair[0]);
	/* away from 0, 1 and 2, which the children may be given */
	if (r == 0)
		r = CALL(remote, &moved, SYS_fcntl, (uint64_t)pair[1], F_DUPFD_CLOEXEC, 3);
	if (r == 0)
		r = CALL(remote, &ignored, SYS_close, (uint64_t)pair[1]);
	if (r == 0)
		t->args.socket = (int64_t)moved;
	return r;
}

static int start_agent(struct remote *remote, struct segmap_template *t)
{
	struct agent_args *a = &t->args;
	struct user_regs_struct registers = remote->registers;
	uint64_t run = a->block + (uint64_t)segmap_agent_run - (uint64_t)__start_segmap_agent;
	int r = write_memory(remote, args_addr(a), a, sizeof(*a));

	arch_prepare_function(&registers, run, a->buffer, args_addr(a));
	if (r == 0)
		r = arch_set_registers(t->pid, &registers);
	if (r == 0 && ptrace(PTRACE_DETACH, t->pid, NULL, NULL) < 0)
		r = -errno;
	return r;
}

/* From here on no signal but SIGKILL reaches the process, which its children do not inherit. */
static int block_signals(struct segmap_template *t)
{
	uint64_t all = UINT64_MAX, size = sizeof(all);

	if (ptrace(PTRACE_GETSIGMASK, t->pid, (void *)size, &t->args.mask) < 0 || // NOLINT
	    ptrace(PTRACE_SETSIGMASK, t->pid, (void *)size, &all) < 0)            // NOLINT
		return -errno;
	return 0;
}

static int learn(struct remote *remote, struct segmap_template *t,
		 struct segmap_template_error *err)
{
	uint64_t scratch = args_addr(&t->args);
	int r = find_lists(remote, t, scratch);

	if (r == 0)
		r = read_layout(t->pid, &t->args.mm);
	if (r == 0 && t->place == PLACE_ENTRY)
		r = find_stack(t);
	if (r < 0)
		return template_fail(err, SYSTEM, -r, .step = "reading the process");
	r = find_tid(remote, t, scratch);
	return r < 0 ? template_fail(err, NO_TID, -r) : 0;
}

static int refuse_threads(const struct segmap_template *t, struct segmap_template_error *err)
{
	uint64_t threads = 0;
	int r = count_threads(t->pid, &threads);

	if (r < 0)
		return template_fail(err, SYSTEM, -r, .step = "counting threads");
	return threads > 1 ? template_fail(err, THREADS, EBUSY, .value = threads) : 0;
}

int template_install(struct segmap_template *t, struct segmap_tracee *tracee,
		     struct segmap_template_error *err)
{
	struct remote remote = {.tracee = tracee};
	int r = refuse_threads(t, err);

	if (r == 0)
		r = find_call(&remote, err);
	if (r < 0)
		return r;
	r = segmap_tracee_registers(tracee, &remote.registers);
	t->args.sp = arch_sp(&remote.registers);
	if (r == 0)
		r = block_signals(t);
	if (r == 0)
		r = map_block(&remote, &t->args);
	if (r < 0)
		return template_fail(err, SYSTEM, -r, .step = "making room for the agent");
	r = learn(&remote, t, err);
	if (r < 0)
		return r;
	r = connect_agent(&remote, t, args_addr(&t->args));
	if (r == 0)
		r = write_code(&remote, &t->args);
	if (r == 0)
		r = start_agent(&remote, t);
	return r < 0 ? template_fail(err, SYSTEM, -r, .step = "starting the agent") : 0;
}
