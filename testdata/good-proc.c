/* SPDX-License-Identifier: MIT */
/*
 * What /proc says of the process is what is on its stack: cmdline, environ, auxv, comm and the
 * addresses in stat. The kernel keeps these in its own tables; a loader has to tell it.
 */
#include "tiny.h"

extern const char __ehdr_start[] __attribute__((visibility("hidden")));

static char buffer[1 << 20];

/* A file of /proc has the bytes between two addresses of this process. */
static int check_file(const char *path, const void *from, const void *to)
{
	long size = (const char *)to - (const char *)from;

	return check(slurp(path, buffer, sizeof(buffer)) == size &&
			     same_bytes(buffer, from, (size_t)size),
		     path);
}

static int check_auxv(struct start *start)
{
	Elf64_auxv_t *first = start_auxv(start), *end = first;
	long size;

	while (end->a_type != AT_NULL)
		end++;
	/* The file may go on after AT_NULL: the kernel's table has a fixed size. */
	size = (char *)(end + 1) - (char *)first;
	return check(slurp("/proc/self/auxv", buffer, sizeof(buffer)) >= size &&
			     same_bytes(buffer, first, (size_t)size),
		     "/proc/self/auxv");
}

static int check_comm(struct start *start)
{
	const char *path = (const char *)aux(start, AT_EXECFN), *name = path;
	char comm[16] = "";
	size_t n;

	for (; *path; path++)
		if (*path == '/')
			name = path + 1;
	n = length(name) < 15 ? length(name) : 15;
	sys(prctl, 16 /* PR_GET_NAME */, comm, 0, 0);
	return check(length(comm) == n && same_bytes(comm, name, n), "comm is the file's name");
}

/* Field n of /proc/self/stat, counted from 1 as in proc(5). */
static uint64_t stat_field(unsigned n)
{
	const char *at = buffer;
	uint64_t value = 0;

	for (const char *p = buffer; *p; p++)
		if (*p == ')')
			at = p; /* the name may contain blanks and parentheses */
	for (unsigned field = 2; *at && field < n; at++)
		field += *at == ' ';
	for (; *at >= '0' && *at <= '9'; at++)
		value = value * 10 + (uint64_t)(*at - '0');
	return value;
}

/* The kernel's rule: code is what PF_X segments cover, data begins with the highest p_vaddr. */
static int check_code_and_data(struct start *start)
{
	const Elf64_Phdr *ph = (const Elf64_Phdr *)aux(start, AT_PHDR);
	uint64_t code = UINT64_MAX, code_end = 0, data = 0, data_end = 0, bias = 0;

	for (uint64_t i = 0; i < aux(start, AT_PHNUM); i++) {
		uint64_t from = ph[i].p_vaddr, to = from + ph[i].p_filesz;

		if (ph[i].p_type != PT_LOAD)
			continue;
		if (ph[i].p_offset == 0)
			bias = (uint64_t)__ehdr_start - from;
		if (ph[i].p_flags & PF_X) {
			code = from < code ? from : code;
			code_end = to > code_end ? to : code_end;
		}
		data = from > data ? from : data;
		data_end = to > data_end ? to : data_end;
	}
	return check(stat_field(26) == code + bias && stat_field(27) == code_end + bias,
		     "start and end of code") |
	       check(stat_field(45) == data + bias && stat_field(46) == data_end + bias,
		     "start and end of data");
}

static int check_stat(struct start *start)
{
	char **envp = start_envp(start);
	uint64_t strings = (uint64_t)start->argv[0], execfn = aux(start, AT_EXECFN);
	uint64_t environment = *envp ? (uint64_t)*envp : execfn;
	int failed = 0;

	if (slurp("/proc/self/stat", buffer, sizeof(buffer)) <= 0)
		return check(false, "/proc/self/stat");
	failed |= check_code_and_data(start);
	failed |= check(stat_field(28) == (uint64_t)start, "start of the stack");
	failed |= check(stat_field(47) % PAGE == 0 &&
				stat_field(47) <= (uint64_t)sys(brk, 0, 0, 0, 0),
			"start of the heap");
	failed |= check(stat_field(48) == strings && stat_field(49) == environment,
			"start and end of the arguments");
	failed |= check(stat_field(50) == environment && stat_field(51) == execfn,
			"start and end of the environment");
	return failed;
}

int start_c(struct start *start)
{
	const char *execfn = (const char *)aux(start, AT_EXECFN);
	char **envp = start_envp(start);
	const char *environment = *envp ? *envp : execfn;

	return check_file("/proc/self/cmdline", start->argv[0], environment) |
	       check_file("/proc/self/environ", environment, execfn) | check_auxv(start) |
	       check_comm(start) | check_stat(start);
}
