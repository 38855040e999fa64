/* Trials of what is permitted: each is a function that runs in a child of its own, does the
 * thing, and returns. What it leaves behind is gone with the child. */
#ifndef OBSERVE_PERMITS_H
#define OBSERVE_PERMITS_H

#include <segmap/permits.h>

/* 0 if it works, else a positive errno; TRIAL_UNKNOWN + errno if that could not be found out.
 */
enum { TRIAL_UNKNOWN = 10000 };

/* permits_proc.c */
int try_proc(void);
int try_proc_others(void);
int try_smaps(void);
int try_pagemap(void);
int try_pagemap_scan(void);
int try_frames(void);
int try_kpagecount(void);
int try_kpageflags(void);
int try_map_files(void);

/* permits_perf.c */
int try_perf_user(void);
int try_perf_kernel(void);
int try_perf_ring(void);
int try_tracefs(void);

/* permits_trace.c */
int try_ptrace(void);
int try_attach(void);
int try_breakpoints(void);
int try_aslr(void);
int try_no_aslr(void);
int try_compat(void);

/* permits_memory.c */
int try_zero_page(void);
int try_set_mm(void);
int try_exe_link(void);
int try_vdso_move(void);
int try_rseq(void);
int try_overcommit(void);
int try_uffd_async(void);

#endif
