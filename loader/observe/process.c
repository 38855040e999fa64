/* Taking a snapshot of a stopped process. */
#include "arch_tracee.h"
#include "read.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <unistd.h>

enum { STACK_MOST = 16 << 20 };

static const struct {
	const char *name;
	bool link;
} proc_files[SEGMAP_PROC_COUNT] = {
	[SEGMAP_PROC_AUXV] = {"auxv", false},
	[SEGMAP_PROC_CMDLINE] = {"cmdline", false},
	[SEGMAP_PROC_ENVIRON] = {"environ", false},
	[SEGMAP_PROC_COMM] = {"comm", false},
	[SEGMAP_PROC_EXE] = {"exe", true},
	[SEGMAP_PROC_CWD] = {"cwd", true},
	[SEGMAP_PROC_ROOT] = {"root", true},
	[SEGMAP_PROC_LIMITS] = {"limits", false},
	[SEGMAP_PROC_STATM] = {"statm", false},
	[SEGMAP_PROC_STAT] = {"stat", false},
	[SEGMAP_PROC_STATUS] = {"status", false},
	[SEGMAP_PROC_PERSONALITY] = {"personality", false},
	[SEGMAP_PROC_COREDUMP_FILTER] = {"coredump_filter", false},
	[SEGMAP_PROC_OOM_SCORE_ADJ] = {"oom_score_adj", false},
	[SEGMAP_PROC_TIMERSLACK] = {"timerslack_ns", false},
	[SEGMAP_PROC_TIMERS] = {"timers", false},
	[SEGMAP_PROC_CGROUP] = {"cgroup", false},
};

const char *segmap_proc_name(enum segmap_proc proc)
{
	return proc_files[proc].name;
}

static int read_files(struct segmap_process *process)
{
	char path[64];
	int r = 0;

	for (int i = 0; r == 0 && i < SEGMAP_PROC_COUNT; i++) {
		snprintf(path, sizeof(path), "/proc/%d/%s", process->pid, proc_files[i].name);
		r = proc_files[i].link ? bytes_read_link(&process->proc[i], path)
				       : bytes_read(&process->proc[i], path);
	}
	return r;
}

/* ---- descriptors ---- */

static int read_descriptor(struct segmap_descriptor *fd, pid_t pid)
{
	struct segmap_bytes target, info;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd->number);
	if (bytes_read_link(&target, path) < 0)
		return -ENOMEM;
	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", pid, fd->number);
	if (bytes_read(&info, path) < 0) {
		bytes_free(&target);
		return -ENOMEM;
	}
	fd->target = target.data;
	fd->error = target.error ? target.error : info.error;
	const char *flags = info.data ? strstr(info.data, "flags:") : NULL;
	if (flags)
		fd->flags = (unsigned)strtoul(flags + sizeof("flags:") - 1, NULL, 8);
	bytes_free(&info);
	return 0;
}

static int add_descriptor(struct segmap_process *process, int number)
{
	struct segmap_descriptor *items = reallocarray(
		process->descriptors, process->descriptor_count + 1, sizeof(*items));

	if (!items)
		return -ENOMEM;
	process->descriptors = items;
	struct segmap_descriptor *fd = &items[process->descriptor_count];
	*fd = (struct segmap_descriptor){.number = number};
	int r = read_descriptor(fd, process->pid);
	process->descriptor_count += r == 0;
	return r;
}

static int by_number(const void *a, const void *b)
{
	const struct segmap_descriptor *x = a, *y = b;

	return x->number < y->number ? -1 : x->number > y->number;
}

static int read_descriptors(struct segmap_process *process)
{
	char path[64];
	struct dirent *entry;
	int r = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", process->pid);
	DIR *dir = opendir(path);
	if (!dir) {
		process->descriptors_error = errno;
		return 0;
	}
	while (r == 0 && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			r = add_descriptor(process, (int)strtol(entry->d_name, NULL, 10));
	closedir(dir);
	if (process->descriptor_count)
		qsort(process->descriptors, process->descriptor_count,
		      sizeof(*process->descriptors), by_number);
	return r;
}

/* ---- registers ---- */

static int read_registers(struct segmap_process *process)
{
	process->registers_error = -arch_get_registers(process->pid, &process->registers);
	arch_forget_trap(&process->registers);
	process->sp = arch_sp(&process->registers);
	if (process->registers_error == ESRCH)
		return -ESRCH;
	struct iovec area = {calloc(1, ARCH_STATE_MOST), ARCH_STATE_MOST};
	if (!area.iov_base)
		return -ENOMEM;
	int r = arch_read_state(process->pid, &area);
	if (r < 0) {
		process->xstate.error = -r;
		free(area.iov_base);
		return 0;
	}
	process->xstate = (struct segmap_bytes){area.iov_base, area.iov_len, 0};
	return 0;
}

/* ---- the stack ---- */

enum { PAGE_PRESENT = 63, PAGE_SWAPPED = 62 }; /* bits of an entry of pagemap */

/* Reads the pages that there are; the others of an anonymous mapping are zero, and to read one
 * would put the zero page there. */
static int read_pages(struct segmap_bytes *stack, uint64_t addr, int memory, int pagemap)
{
	uint64_t size = (uint64_t)sysconf(_SC_PAGESIZE), entry;

	for (uint64_t at = 0; at < stack->size; at += size) {
		off_t index = (off_t)((addr + at) / size * sizeof(entry));

		if (pread(pagemap, &entry, sizeof(entry), index) != sizeof(entry))
			return errno ? errno : EIO;
		if (!(entry >> PAGE_PRESENT & 1) && !(entry >> PAGE_SWAPPED & 1))
			continue;
		if (pread(memory, stack->data + at, size, (off_t)(addr + at)) != (ssize_t)size)
			return errno ? errno : EIO;
	}
	return 0;
}

static int read_memory(struct segmap_process *process)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/mem", process->pid);
	int memory = open(path, O_RDONLY | O_CLOEXEC);
	int error = memory < 0 ? errno : 0;
	snprintf(path, sizeof(path), "/proc/%d/pagemap", process->pid);
	int pagemap = open(path, O_RDONLY | O_CLOEXEC);
	if (!error && pagemap < 0)
		error = errno;
	errno = 0;
	if (!error)
		error = read_pages(&process->stack, process->stack_addr, memory, pagemap);
	if (memory >= 0)
		close(memory);
	if (pagemap >= 0)
		close(pagemap);
	return error;
}

static int read_stack(struct segmap_process *process)
{
	const struct segmap_region *r = segmap_regions_find(&process->regions, process->sp);
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	process->stack_addr = process->sp & ~(page - 1);
	if (!r || r->end - process->stack_addr > STACK_MOST) {
		process->stack.error = process->regions.error ? process->regions.error : EFAULT;
		return 0;
	}
	process->stack.size = r->end - process->stack_addr;
	process->stack.data = calloc(1, process->stack.size + 1);
	if (!process->stack.data)
		return -ENOMEM;
	int error = read_memory(process);
	if (error) {
		bytes_free(&process->stack);
		process->stack.error = error;
	}
	return 0;
}

int segmap_process_read(struct segmap_process *process, pid_t pid)
{
	struct segmap_process p = {.pid = pid};
	int r = read_registers(&p);

	if (r == 0)
		r = read_files(&p);
	if (r == 0)
		r = segmap_regions_read(&p.regions, pid, true);
	if (r == 0)
		r = read_descriptors(&p);
	if (r == 0)
		r = read_stack(&p);
	if (r == 0)
		*process = p;
	else
		segmap_process_free(&p);
	return r;
}

void segmap_process_free(struct segmap_process *process)
{
	for (int i = 0; i < SEGMAP_PROC_COUNT; i++)
		bytes_free(&process->proc[i]);
	for (size_t i = 0; i < process->descriptor_count; i++)
		free(process->descriptors[i].target);
	free(process->descriptors);
	segmap_regions_free(&process->regions);
	bytes_free(&process->xstate);
	bytes_free(&process->stack);
	*process = (struct segmap_process){0};
}
