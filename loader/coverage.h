/*
 * In a build for coverage (b_coverage) the files of the library begin with this: what a process
 * has counted must be written down before it becomes another program, and by children that end
 * in a hurry.
 */
#ifndef LOADER_COVERAGE_H
#define LOADER_COVERAGE_H

#if __STDC_HOSTED__ /* not the stub: there is no counter where it runs */
void __gcov_dump(void);

/* Without unistd.h: a file may have to say first what it wants of the headers. */
_Noreturn void coverage_real_exit(int status) __asm__("_exit");

static inline _Noreturn void coverage_exit(int status)
{
	__gcov_dump();
	coverage_real_exit(status);
}

#define _exit           coverage_exit
#define SEGMAP_COVERAGE 1
#endif

#endif
