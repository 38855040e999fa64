/*
 * What this machine does and permits: kernels and virtual machines differ in what can be seen
 * of a process, and in what is there to be seen.
 */
#ifndef SEGMAP_PERMITS_H
#define SEGMAP_PERMITS_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/*
 * Whether to read an untouched page of private anonymous memory maps the shared zero page,
 * which the first write replaces: two faults. In some virtual machines the read gets a page of
 * its own at once, and the write causes no fault. It is tried with a page of this process,
 * once; if there is no memory for that, the answer is that of most machines, true.
 */
bool segmap_zero_page_is_used(void);

/* Beside it, in <segmap/tracee.h>: segmap_tracee_must_step(), whether breakpoint registers
 * work. */

/* What this user may ask of this kernel, or what there is. */
enum segmap_permit {
	SEGMAP_PERMIT_PROC,         /* /proc is there */
	SEGMAP_PERMIT_PROC_OTHERS,  /* and shows other users' processes (hidepid) */
	SEGMAP_PERMIT_PTRACE,       /* tracing one's own children */
	SEGMAP_PERMIT_ATTACH,       /* tracing one's other processes (Yama) */
	SEGMAP_PERMIT_SMAPS,        /* smaps and smaps_rollup: VmFlags, PSS */
	SEGMAP_PERMIT_PAGEMAP,      /* /proc/PID/pagemap: states of pages */
	SEGMAP_PERMIT_PAGEMAP_SCAN, /* its ioctl, since Linux 6.7 */
	SEGMAP_PERMIT_FRAMES,       /* numbers of page frames there */
	SEGMAP_PERMIT_KPAGECOUNT,
	SEGMAP_PERMIT_KPAGEFLAGS,
	SEGMAP_PERMIT_MAP_FILES,   /* opening what the links of map_files lead to */
	SEGMAP_PERMIT_PERF_USER,   /* perf's page faults in user mode */
	SEGMAP_PERMIT_PERF_KERNEL, /* and in kernel mode */
	SEGMAP_PERMIT_PERF_RING,   /* a ring of 512 KiB for their records */
	SEGMAP_PERMIT_TRACEFS,     /* the page fault tracepoints */
	SEGMAP_PERMIT_BREAKPOINTS, /* breakpoint registers that stop a tracee */
	SEGMAP_PERMIT_ZERO_PAGE,   /* segmap_zero_page_is_used */
	SEGMAP_PERMIT_ASLR,        /* addresses are randomised */
	SEGMAP_PERMIT_NO_ASLR,     /* a child's randomisation can be turned off */
	SEGMAP_PERMIT_SET_MM,      /* prctl(PR_SET_MM, PR_SET_MM_MAP) */
	SEGMAP_PERMIT_EXE_LINK,    /* and the link /proc/PID/exe with it */
	SEGMAP_PERMIT_VDSO_MOVE,   /* mremap of the vdso */
	SEGMAP_PERMIT_RSEQ,        /* restartable sequences can be given up and taken again */
	SEGMAP_PERMIT_COMPAT,      /* 32-bit programs */
	SEGMAP_PERMIT_OVERCOMMIT,  /* mapping more than is free, untouched */
	SEGMAP_PERMIT_UFFD_ASYNC,  /* userfaultfd with UFFD_FEATURE_WP_ASYNC */
	SEGMAP_PERMIT_COUNT,
};

enum segmap_answer { SEGMAP_ANSWER_UNKNOWN, SEGMAP_ANSWER_NO, SEGMAP_ANSWER_YES };

struct segmap_permit_state {
	enum segmap_answer answer;
	int error;  /* positive errno that the trial ended with; 0 if there was none */
	int signal; /* that killed it, as seccomp may; or 0 */
	int value; /* the setting that decides, as in perf_event_paranoid; -100 if there is none
		    */
};

enum { SEGMAP_PERMIT_NO_VALUE = -100 };

/*
 * Tries whether PERMIT is there: not a version is looked at, nor a setting, but the thing
 * itself is done, in a child that is gone afterwards. UNKNOWN if it could not be tried, or if
 * what it needs is missing.
 */
void segmap_permit_try(enum segmap_permit permit, struct segmap_permit_state *state);

/* "ptrace", "perf-kernel": a stable word. */
const char *segmap_permit_name(enum segmap_permit permit);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
