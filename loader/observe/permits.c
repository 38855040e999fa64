/* What is permitted, by trying it. */
#include "permits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* The setting that goes with a permit, if it has one; it is shown, not believed. */
static const struct {
	const char *name;
	int (*trial)(void);
	const char *setting;
} trials[SEGMAP_PERMIT_COUNT] = {
	[SEGMAP_PERMIT_PROC] = {"proc", try_proc, NULL},
	[SEGMAP_PERMIT_PROC_OTHERS] = {"proc-others", try_proc_others, NULL},
	[SEGMAP_PERMIT_PTRACE] = {"ptrace", try_ptrace, NULL},
	[SEGMAP_PERMIT_ATTACH] = {"attach", try_attach, "/proc/sys/kernel/yama/ptrace_scope"},
	[SEGMAP_PERMIT_SMAPS] = {"smaps", try_smaps, NULL},
	[SEGMAP_PERMIT_PAGEMAP] = {"pagemap", try_pagemap, NULL},
	[SEGMAP_PERMIT_PAGEMAP_SCAN] = {"pagemap-scan", try_pagemap_scan, NULL},
	[SEGMAP_PERMIT_FRAMES] = {"frames", try_frames, NULL},
	[SEGMAP_PERMIT_KPAGECOUNT] = {"kpagecount", try_kpagecount, NULL},
	[SEGMAP_PERMIT_KPAGEFLAGS] = {"kpageflags", try_kpageflags, NULL},
	[SEGMAP_PERMIT_MAP_FILES] = {"map-files", try_map_files, NULL},
	[SEGMAP_PERMIT_PERF_USER] = {"perf-user", try_perf_user,
				     "/proc/sys/kernel/perf_event_paranoid"},
	[SEGMAP_PERMIT_PERF_KERNEL] = {"perf-kernel", try_perf_kernel,
				       "/proc/sys/kernel/perf_event_paranoid"},
	[SEGMAP_PERMIT_PERF_RING] = {"perf-ring", try_perf_ring,
				     "/proc/sys/kernel/perf_event_mlock_kb"},
	[SEGMAP_PERMIT_TRACEFS] = {"tracefs", try_tracefs, NULL},
	[SEGMAP_PERMIT_BREAKPOINTS] = {"breakpoints", try_breakpoints, NULL},
	[SEGMAP_PERMIT_ZERO_PAGE] = {"zero-page", try_zero_page, NULL},
	[SEGMAP_PERMIT_ASLR] = {"aslr", try_aslr, "/proc/sys/kernel/randomize_va_space"},
	[SEGMAP_PERMIT_NO_ASLR] = {"no-aslr", try_no_aslr, NULL},
	[SEGMAP_PERMIT_SET_MM] = {"set-mm", try_set_mm, NULL},
	[SEGMAP_PERMIT_EXE_LINK] = {"exe-link", try_exe_link, NULL},
	[SEGMAP_PERMIT_VDSO_MOVE] = {"vdso-move", try_vdso_move, NULL},
	[SEGMAP_PERMIT_RSEQ] = {"rseq", try_rseq, NULL},
	[SEGMAP_PERMIT_COMPAT] = {"32-bit", try_compat, NULL},
	[SEGMAP_PERMIT_OVERCOMMIT] = {"overcommit", try_overcommit,
				      "/proc/sys/vm/overcommit_memory"},
	[SEGMAP_PERMIT_UFFD_ASYNC] = {"uffd-async", try_uffd_async,
				      "/proc/sys/vm/unprivileged_userfaultfd"},
};

const char *segmap_permit_name(enum segmap_permit permit)
{
	return trials[permit].name;
}

static int read_setting(const char *path)
{
	char text[32] = "";
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	ssize_t size = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;

	if (fd >= 0)
		close(fd);
	return size > 0 ? (int)strtol(text, NULL, 10) : SEGMAP_PERMIT_NO_VALUE;
}

/* A trial may be killed for what it does, by seccomp or by a fault: without a core file. */
static _Noreturn void run_trial(int (*trial)(void), int report)
{
	const struct rlimit none = {0};

	setrlimit(RLIMIT_CORE, &none);
	int result = trial();

	_exit(write(report, &result, sizeof(result)) == sizeof(result) ? 0 : 1);
}

static void judge(struct segmap_permit_state *state, int result)
{
	if (result >= TRIAL_UNKNOWN) {
		state->error = result - TRIAL_UNKNOWN;
		return;
	}
	state->answer = result ? SEGMAP_ANSWER_NO : SEGMAP_ANSWER_YES;
	state->error = result;
}

static void wait_for_trial(struct segmap_permit_state *state, pid_t pid, int report)
{
	int result, status = 0;
	bool told = read(report, &result, sizeof(result)) == sizeof(result);

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (told)
		judge(state, result);
	else if (WIFSIGNALED(status)) {
		state->answer = SEGMAP_ANSWER_NO;
		state->signal = WTERMSIG(status);
	}
}

void segmap_permit_try(enum segmap_permit permit, struct segmap_permit_state *out)
{
	struct segmap_permit_state state = {.value = read_setting(trials[permit].setting)};
	int report[2];

	if (pipe2(report, O_CLOEXEC) < 0) {
		state.error = errno;
		*out = state;
		return;
	}
	pid_t pid = fork();
	if (pid == 0)
		run_trial(trials[permit].trial, report[1]);
	state.error = pid < 0 ? errno : 0;
	close(report[1]);
	if (pid > 0)
		wait_for_trial(&state, pid, report[0]);
	close(report[0]);
	*out = state;
}
