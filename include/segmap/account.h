/*
 * The account of a process's copies on write: what its pages were at several moments, which
 * became copies between them, by whom, and whether the page tables and the page faults tell the
 * same. Only computes: what was seen comes in as arguments.
 */
#ifndef SEGMAP_ACCOUNT_H
#define SEGMAP_ACCOUNT_H

#include <segmap/faults.h>
#include <segmap/pages.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

enum { SEGMAP_LOOKS_MAX = 4 };

/* What was seen at one moment. */
struct segmap_look {
	const struct segmap_regions *regions;
	const struct segmap_pages *pages;
	bool at_main; /* when main was about to begin */
};

/* What is known about where main is. */
enum segmap_main {
	SEGMAP_MAIN_UNKNOWN, /* not seen: what is before it and after it cannot be told apart */
	SEGMAP_MAIN_NONE,    /* the program has none: all that is its own comes after it */
	SEGMAP_MAIN_SEEN,    /* one of the looks was there */
};

struct segmap_evidence {
	pid_t pid;
	/* In the order of time: the first at entry (in a child: when it was created), the last
	 * at exit. */
	struct segmap_look looks[SEGMAP_LOOKS_MAX];
	size_t look_count;
	bool forked; /* what is a copy at the first look was its parent's */
	enum segmap_main main;
	uint64_t interp_start, interp_end; /* where the interpreter is; 0 if there is none */
	/* Since the first look, or NULL: then FAULTS_ERROR, a positive errno, says why. */
	const struct segmap_faults *faults;
	int faults_error;
};

/* When a copy was made, and so by whom. */
enum segmap_cause {
	SEGMAP_CAUSE_LOADER, /* it was there at entry */
	SEGMAP_CAUSE_PARENT, /* it was there when the process was forked, and is the parent's */
	SEGMAP_CAUSE_FORKED, /* there at the fork; whether it is still that one is not known */
	SEGMAP_CAUSE_START,  /* between the first instruction and main, or by the interpreter */
	SEGMAP_CAUSE_PROGRAM, /* after main has begun */
	SEGMAP_CAUSE_ENTERED, /* after the first instruction; where main is, is not known */
	SEGMAP_CAUSE_COUNT,
};

/* Pages that no mapping's edge divides, at any of the looks. */
struct segmap_strip {
	uint64_t start, end;
	/* What they were mapped by at each look, borrowed from it; NULL if not mapped then. */
	const struct segmap_region *regions[SEGMAP_LOOKS_MAX];
	enum segmap_kind kind; /* when they were last mapped */
	size_t copies;         /* of its pages, at the last look */
	bool writable;         /* at one of the looks at least */
};

struct segmap_copy {
	uint64_t addr;                      /* of the page */
	const struct segmap_region *region; /* borrowed from the last look */
	enum segmap_cause cause;
	const struct segmap_fault *fault; /* that made it, borrowed; NULL if it was not seen */
	bool is_new;                      /* made since the first look */
};

enum segmap_difference_kind {
	/* Explained. */
	SEGMAP_COPY_IN_KERNEL, /* no fault was seen, and those in kernel mode cannot be */
	SEGMAP_COPY_LOST,      /* no fault was seen, and records were lost */
	SEGMAP_COPY_DROPPED,   /* copied; the page was given back later, as by madvise(2) */
	SEGMAP_COPY_UNMAPPED,  /* copied; its mapping was gone or another at the last look */
	SEGMAP_FAULT_UNCLEAR,  /* there was a fault; whether it has copied is not known */
	/* Not explained. */
	SEGMAP_COPY_WITHOUT_FAULT,
	SEGMAP_FAULT_WITHOUT_COPY,
	SEGMAP_DIFFERENCE_COUNT,
};

/* A page of which the two witnesses do not tell the same. */
struct segmap_difference {
	uint64_t addr;
	enum segmap_difference_kind kind;
	const struct segmap_fault *fault; /* borrowed; NULL if there is none */
};

enum segmap_agreement {
	SEGMAP_WITNESS_MISSING, /* one of them could not be heard */
	SEGMAP_WITNESSES_AGREE,
	SEGMAP_WITNESSES_EXPLAINED, /* they differ, and it is known why */
	SEGMAP_WITNESSES_DISAGREE,
	SEGMAP_AGREEMENT_COUNT,
};

struct segmap_account {
	struct segmap_strip *strips; /* owned; by address */
	size_t strip_count;
	struct segmap_copy *copies; /* owned; by address: at the last look */
	size_t copy_count;
	size_t causes[SEGMAP_CAUSE_COUNT]; /* how many copies of each */
	size_t data_pages; /* of private file mappings that could be written, or are copies */
	struct segmap_difference *differences; /* owned; by address */
	size_t difference_count;
	/* What the witnesses are compared by: pages that have become copies since the first
	 * look. */
	size_t copied_pages;  /* by the page tables */
	size_t faulted_pages; /* by the faults: how many pages had a copying one */
	enum segmap_agreement agreement;
};

/*
 * Draws up the account. On success *ACCOUNT is the caller's, to be given to
 * segmap_account_free, and borrows from EVIDENCE. Makes no system call. Returns 0 or -ENOMEM.
 */
int segmap_account(struct segmap_account *account, const struct segmap_evidence *evidence);

void segmap_account_free(struct segmap_account *account);

/* What is a copy in an account: a page of a private file mapping that is anonymous memory, be
 * it present or swapped out. */
bool segmap_is_copy(const struct segmap_look *look, const struct segmap_region *region,
		    uint64_t addr);

/* "loader", "parent", "forked", "start", "program", "entered". */
const char *segmap_cause_name(enum segmap_cause cause);

/* "copy-in-kernel", ... */
const char *segmap_difference_name(enum segmap_difference_kind kind);

/* "missing", "agree", "explained", "DISAGREE". */
const char *segmap_agreement_name(enum segmap_agreement agreement);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
