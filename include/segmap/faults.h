/*
 * The page faults of a process, in order, by perf events. Nothing is written into the process,
 * and it is not stopped by them.
 */
#ifndef SEGMAP_FAULTS_H
#define SEGMAP_FAULTS_H

#include <segmap/names.h>
#include <segmap/pages.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Bytes of the aligned window in which one fault may map all pages of a file: the kernel's
 * fault_around_bytes, unless changed. With pages as large as that a fault maps one. */
#define SEGMAP_FAULT_AROUND 65536

enum segmap_access {
	SEGMAP_ACCESS_UNKNOWN,
	SEGMAP_ACCESS_READ,
	SEGMAP_ACCESS_WRITE,
	SEGMAP_ACCESS_EXECUTE,
};

/* What the kernel did at a fault; docs/segmap-faults.1.scd has the rule of each. */
enum segmap_fault_class {
	SEGMAP_FAULT_UNCLASSIFIED,
	SEGMAP_FAULT_FILE_MAPPED,      /* a page of the page cache, with its neighbours */
	SEGMAP_FAULT_COPY_FIRST_WRITE, /* absent before: copied at once */
	SEGMAP_FAULT_COPY_AFTER_READ,  /* the page cache's page was there, for reading */
	SEGMAP_FAULT_ZERO_PAGE,        /* the shared zero page, for reading */
	SEGMAP_FAULT_ZERO_FILLED,      /* a new page of zeros */
	SEGMAP_FAULT_ZERO_REPLACED,    /* a new page in the zero page's place */
	SEGMAP_FAULT_STACK_GROWTH,     /* zero-filled, and the stack's mapping grew */
	SEGMAP_FAULT_COPY_AFTER_FORK,  /* a copy of a page that parent and child shared */
	SEGMAP_FAULT_REUSED,           /* made writable: only this process still had it, or the
					  mapping is shared */
	SEGMAP_FAULT_SHARED_MAPPED,    /* a page of shared anonymous memory */
	SEGMAP_FAULT_REFAULT,          /* had been there, was taken away, is mapped again */
	SEGMAP_FAULT_SIGNAL,        /* nothing: it ended in SIGSEGV or SIGBUS, or in EFAULT */
	SEGMAP_FAULT_ALREADY_THERE, /* nothing: another thread had it done meanwhile */
	SEGMAP_FAULT_KERNEL,        /* a page of the kernel's own, as [vvar] */
	SEGMAP_FAULT_CLASS_COUNT,
};

struct segmap_fault {
	uint64_t time;  /* nanoseconds since the watch began to count */
	uint64_t addr;  /* that was accessed */
	uint64_t ip;    /* of the instruction */
	pid_t pid, tid; /* of the process, and of the thread */
	bool kernel;    /* in kernel mode: a system call, or exec itself */
	enum segmap_access access;
#ifdef __cplusplus /* where it is a keyword */
	enum segmap_fault_class fault_class;
#else
	enum segmap_fault_class class;
#endif
	unsigned around; /* pages beside this one that came along, as far as is known */
};

/* What else happened meanwhile, as far as it changes page tables. */
enum segmap_happening_kind {
	SEGMAP_HAPPENED_MAP,   /* mmap, mprotect or brk: REGION is the mapping as it is then */
	SEGMAP_HAPPENED_FORK,  /* PID came from PARENT; the same two numbers for a thread */
	SEGMAP_HAPPENED_EXEC,  /* PID has an address space of its own, and a new one */
	SEGMAP_HAPPENED_EXIT,  /* of the thread TID */
	SEGMAP_HAPPENED_FAULT, /* of a process that is not followed, at REGION.start */
};

struct segmap_happening {
	uint64_t time; /* as that of a fault */
	enum segmap_happening_kind kind;
	pid_t pid, tid, parent;
	struct segmap_region region; /* its name is owned; NULL where there is no region */
};

struct segmap_faults {
	struct segmap_fault *items; /* owned; by time */
	size_t count;
	struct segmap_happening *happenings; /* owned; by time */
	size_t happening_count;
	uint64_t lost;    /* records that the kernel could not store */
	bool kernel_seen; /* those in kernel mode are among them */
	int kernel_error; /* else positive errno: why not */
};

/* Faults of a process as the kernel counts them: what getrusage(2) tells. Those that end in a
 * signal are not in it. */
struct segmap_fault_counts {
	uint64_t minor, major; /* without and with a wait for a disk */
	int error;             /* positive errno if they could not be read */
};

/* Since PID began, of all its threads. What could not be read is in COUNTS->error. Returns 0 or
 * -ENOMEM. */
int segmap_fault_counts_read(struct segmap_fault_counts *counts, pid_t pid);

struct segmap_watch;

/*
 * Begins to watch PID, a stopped child, its threads, and what it will create with fork if
 * FOLLOW. Counting begins at its next exec if ON_EXEC, else at once. A thread of this process
 * drains the records while the child runs. On success *WATCH is the caller's, to be given to
 * segmap_watch_free.
 * Errors: negative errno of perf_event_open(2): -EACCES or -EPERM if it is not permitted,
 * -ENOENT or -ENOSYS if this kernel has none; -ENOBUFS if not even the smallest rings for the
 * records may be locked in memory; -ENOMEM.
 */
int segmap_watch_open(struct segmap_watch **watch, pid_t pid, bool on_exec, bool follow);

/*
 * Takes all records since the beginning. FAULTS is the caller's, to be given to
 * segmap_faults_free. May be called more than once; the process should be stopped or gone.
 */
int segmap_watch_read(struct segmap_watch *watch, struct segmap_faults *faults);

void segmap_watch_free(struct segmap_watch *watch);
void segmap_faults_free(struct segmap_faults *faults);

/* What is known beside the faults. Whatever is NULL is not known. */
struct segmap_fault_context {
	pid_t pid;                              /* of the process that all this is of */
	const struct segmap_regions *entry;     /* its mappings when the watch began */
	const struct segmap_regions *exit;      /* and when it was about to end */
	const struct segmap_pages *entry_pages; /* its pages then */
	const struct segmap_pages *exit_pages;  /* and then */
	uint64_t page_size;                     /* bytes */
	bool zero_page;                         /* this machine has a shared zero page */
	int status;                             /* as wait(2) gives it, or 0 */
};

/*
 * Sets access of the faults in user mode where the instruction tells it, from the files that
 * are mapped; code that is in no file is read from the process's memory, so it should be
 * stopped and not gone. To be called before segmap_faults_classify. Returns 0 or -ENOMEM.
 */
int segmap_faults_find_access(struct segmap_faults *faults,
			      const struct segmap_fault_context *context);

/*
 * Sets class, around and, where it follows from what the kernel did, access of all FAULTS, by
 * replaying what they do to page tables. Makes no system call. Returns 0 or -ENOMEM.
 */
int segmap_faults_classify(struct segmap_faults *faults,
			   const struct segmap_fault_context *context);

/* The fault that made the page of PID at ADDR a copy: the last one of a copying class there. Or
 * NULL. */
const struct segmap_fault *segmap_faults_find_copy(const struct segmap_faults *faults,
						   pid_t pid, uint64_t addr,
						   uint64_t page_size);

/* "copy on first write". */
const char *segmap_fault_class_name(enum segmap_fault_class fault_class);

/* "copy-first-write", for JSON. */
const char *segmap_fault_class_id(enum segmap_fault_class fault_class);

/* A sentence that says what it means. */
const char *segmap_fault_class_meaning(enum segmap_fault_class fault_class);

/* "unknown", "read", "write", "execute". */
const char *segmap_access_name(enum segmap_access access);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
