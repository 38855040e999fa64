/* What /proc says of a process, without what differs between two runs of the same program. */
#include "trial.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const status_lines[] = {
	"Name:",         "Umask:",           "Uid:",         "Gid:",
	"Groups:",       "VmLck:",           "VmPin:",       "VmData:",
	"VmStk:",        "VmExe:",           "VmLib:",       "VmSize:",
	"Threads:",      "SigPnd:",          "ShdPnd:",      "SigBlk:",
	"SigIgn:",       "SigCgt:",          "CapInh:",      "CapPrm:",
	"CapEff:",       "CapBnd:",          "CapAmb:",      "NoNewPrivs:",
	"Seccomp:",      "Seccomp_filters:", "THP_enabled:", "Speculation_Store_Bypass:",
	"Cpus_allowed:", "Mems_allowed:",    "CoreDumping:",
};
/* Not what is dirty: pages of a file that has been written a moment ago are so for everybody.
 */
static const char *const smaps_lines[] = {
	"Size:", "Anonymous:", "Locked:", "VmFlags:", "KernelPageSize:",
};
static const char *const whole_files[] = {
	"comm",          "cmdline",       "environ",     "limits", "coredump_filter",
	"oom_score_adj", "timerslack_ns", "personality", "timers",
};

static bool begins_with_one_of(const char *line, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strncmp(line, list[i], strlen(list[i])) == 0)
			return true;
	return false;
}

static char *read_of(pid_t pid, const char *name, size_t *size)
{
	char path[320];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	char *text = read_whole(path, size);
	return text ? text : strdup("(not there)");
}

static void show_status(FILE *to, pid_t pid)
{
	char *text = read_of(pid, "status", NULL), *save = NULL;

	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
		if (begins_with_one_of(l, status_lines,
				       sizeof(status_lines) / sizeof(status_lines[0])))
			fprintf(to, "%s\n", l);
	free(text);
}

/* Permissions, offset and name; addresses are random, and a file in memory has another inode.
 */
static void show_mapping(FILE *to, const char *line)
{
	char perms[8] = "", offset[24] = "";
	int name = 0;

	sscanf(line, "%*s %7s %23s %*s %*s %n", perms, offset, &name);
	fprintf(to, "smaps %s %s %s\n", perms, offset, line + name);
}

static void show_smaps(FILE *to, pid_t pid)
{
	char *text = read_of(pid, "smaps", NULL), *save = NULL;

	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		bool header = strchr("0123456789abcdef", *l) && strchr(l, '-');

		if (header)
			show_mapping(to, l);
		else if (begins_with_one_of(l, smaps_lines,
					    sizeof(smaps_lines) / sizeof(smaps_lines[0])))
			fprintf(to, "  %s\n", l);
	}
	free(text);
}

static void show_whole(FILE *to, pid_t pid, const char *name)
{
	size_t size = 0;
	char *text = read_of(pid, name, &size);

	for (size_t i = 0; i < size; i++)
		if (text[i] == '\0')
			text[i] = '|';
	fprintf(to, "%s: %s\n", name, text);
	free(text);
}

static void show_link(FILE *to, pid_t pid, const char *name)
{
	char path[320], target[4096] = "";

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	if (readlink(path, target, sizeof(target) - 1) < 0)
		strcpy(target, "(not there)");
	/* pipes have numbers of their own */
	fprintf(to, "%s -> %s\n", name, strncmp(target, "pipe:", 5) == 0 ? "pipe" : target);
}

static void show_descriptors(FILE *to, pid_t pid, const char *title)
{
	for (int fd = 0; fd < 256; fd++) {
		char name[32], path[64];

		snprintf(name, sizeof(name), "fd/%d", fd);
		snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
		if (readlink(path, (char[1]){0}, 1) >= 0) {
			fputs(title, to);
			show_link(to, pid, name);
		}
	}
}

char *look_outside(pid_t pid, bool exe)
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	show_status(to, pid);
	for (size_t i = 0; i < sizeof(whole_files) / sizeof(whole_files[0]); i++)
		show_whole(to, pid, whole_files[i]);
	show_link(to, pid, "cwd");
	show_link(to, pid, "root");
	if (exe)
		show_link(to, pid, "exe");
	show_descriptors(to, pid, "");
	if (shared->sibling)
		show_descriptors(to, shared->sibling, "sibling ");
	show_smaps(to, pid);
	fclose(to);
	return text;
}

static int count_in_range(int mem, uint64_t start, uint64_t end, const char *text)
{
	size_t length = (size_t)(end - start), size = strlen(text);
	char *bytes = malloc(length);
	ssize_t n = bytes ? pread(mem, bytes, length, (off_t)start) : 0;
	const char *at = bytes;
	int count = 0;

	while (n > 0 && (at = memmem(at, (size_t)(bytes + n - at), text, size))) {
		at++;
		count++;
	}
	free(bytes);
	return count;
}

int count_in_memory(pid_t pid, const char *text)
{
	char path[64];
	uint64_t start, end;
	int count = 0;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	int mem = open(path, O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	char *maps = read_whole(path, NULL);
	bool read = mem >= 0 && maps && *maps;
	for (const char *l = read ? maps : ""; *l; l += strcspn(l, "\n") + 1)
		if (sscanf(l, "%" SCNx64 "-%" SCNx64, &start, &end) == 2)
			count += count_in_range(mem, start, end, text);
	free(maps);
	if (mem >= 0)
		close(mem);
	return read ? count : -1;
}
