/*
 * The bench: what an experiment's function has at hand. Nothing here returns an error: what
 * cannot be had (a file, a mapping, a witness that is needed) ends the experiment without a
 * verdict, and says what was missing.
 */
#ifndef LAB_BENCH_H
#define LAB_BENCH_H

#include "lab.h"

#include <segmap/pages.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/types.h>

/* ---- what is experimented on ---- */

/* A new file without a name in TMPDIR, of PAGES pages full of 'a'. */
int lab_file(struct lab *lab, size_t pages);

/* PAGES readable and writable pages of FILE, or of anonymous memory if FILE is -1. FLAGS is
 * MAP_PRIVATE or MAP_SHARED. No huge pages. */
char *lab_map(struct lab *lab, size_t pages, int flags, int file);

/* The same for one page, where neither this process nor any after exec has something. */
char *lab_map_away(struct lab *lab, int flags, int file);

size_t lab_page_size(void);

/* ---- doing ---- */

/* Forks: true in the child, which must end by lab_exit. */
bool lab_fork(struct lab *lab);
__attribute__((noreturn)) void lab_exit(struct lab *lab);

/* Waits until all children have ended. */
void lab_wait(struct lab *lab);

/* Between processes of one experiment: SIGNAL lets one AWAIT of the same TURN go on. Only one
 * of them at a time may predict and observe. */
enum { LAB_TURNS = 8 };
void lab_signal(struct lab *lab, int turn);
void lab_await(struct lab *lab, int turn);

/* A child that writes BYTE to PAGE and then becomes a program by execve, stopped before its
 * first instruction, so that one can look at it; and its end. */
pid_t lab_exec(struct lab *lab, char *page, char byte);
void lab_kill(struct lab *lab);

/* A new file that is a program of one counter, which it increments and prints. */
int lab_program(struct lab *lab);

/* Loads the program PROGRAM by libsegmap's plan, but with a data segment mapped by FLAGS, runs
 * it, and returns the number that it prints. */
int lab_load(struct lab *lab, int program, int flags);

/* ---- predicting and observing ---- */

/* One access to ADDR: what a read finds there (EXPECTED), or BYTE to be written; and how many
 * page faults it takes, by getrusage and by perf. */
void lab_read(struct lab *lab, const char *what, const char *addr, char expected,
	      unsigned faults);
void lab_write(struct lab *lab, const char *what, char *addr, char byte, unsigned faults);

/* The same in a child that dies of SIGNAL. */
void lab_read_dies(struct lab *lab, const char *what, const char *addr, int signal);
void lab_write_dies(struct lab *lab, const char *what, char *addr, int signal);

/* The state of the page at ADDR. */
void lab_state(struct lab *lab, const char *what, const char *addr,
	       enum segmap_page_state state);

/* Whether this page table's entry is the only one with this frame. */
void lab_exclusive(struct lab *lab, const char *what, const char *addr, bool exclusive);

/* Keeps ADDR's frame in mind, for all processes of the experiment; compares another with it. */
enum lab_frame { LAB_SAME_FRAME, LAB_OTHER_FRAME };
void lab_keep_frame(struct lab *lab, const char *addr);
void lab_frame(struct lab *lab, const char *what, const char *addr, enum lab_frame frame);

/* How many page table entries there are for ADDR's frame. */
void lab_mappers(struct lab *lab, const char *what, const char *addr, uint64_t count);

/* How many of PAGES pages at ADDR are present; between LEAST and MOST are predicted. */
void lab_present(struct lab *lab, const char *what, const char *addr, size_t pages,
		 uint64_t least, uint64_t most);

/* The byte of FILE at OFFSET, by pread(2). */
void lab_holds(struct lab *lab, const char *what, int file, off_t offset, char expected);

/* How many pages of FILE the page cache has that its disk does not have yet. */
void lab_dirty(struct lab *lab, const char *what, int file, uint64_t predicted);

/* Whether the mappings of process PID include the address ADDR. */
void lab_mapped(struct lab *lab, const char *what, pid_t pid, const char *addr, bool mapped);

/* Whether the mapping at ADDR has a file of that name ("": none) in /proc/self/maps. */
void lab_named(struct lab *lab, const char *what, const char *addr, const char *name);

/* A number that WITNESS has given. */
void lab_number(struct lab *lab, const char *what, enum lab_witness witness, long observed,
		long predicted);

/* The errno of a call, by its name; 0 is "success". */
void lab_errno(struct lab *lab, const char *what, int observed, int predicted);

/* ---- what a machine has ---- */

/* Whether this kernel has a zero page; if not, the experiment notes that. */
bool lab_has_zero_page(struct lab *lab);

/* ---- for the bench itself and for what it lacks ---- */

/* Ends the experiment without a verdict: WHAT failed with ERROR. */
__attribute__((noreturn)) void lab_give_up(struct lab *lab, const char *what, int error);

/* Ends the experiment if R is negative: WHAT has set errno then. Returns R. */
int lab_need(struct lab *lab, const char *what, int r);

#endif
