/*
 * What is known about a process, as a list of facts with names: the form in which two processes
 * can be compared. Pure: facts are made from a snapshot and from nothing else.
 */
#ifndef OBSERVE_FACTS_H
#define OBSERVE_FACTS_H

#include <segmap/compare.h>

struct fact {
	char *what;
	char *value; /* NULL if it is not known */
	char *why;   /* it is not known, or NULL */
	bool at_end;
};

struct facts {
	struct fact *items;
	size_t count, room;
	bool failed;         /* out of memory: some are missing */
	bool at_end;         /* of those that are added now */
	bool layout_refused; /* the kernel would not let a program describe this layout */
};

/* Adds a fact, with a copy of VALUE, under the name that FORMAT makes. */
void facts_add(struct facts *facts, const char *value, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Adds one that could not be learnt because of ERROR, a positive errno. */
void facts_add_unknown(struct facts *facts, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Adds one whose value is SIZE bytes, printable or escaped as in C; zeros at the end are left
 * out. */
void facts_add_bytes(struct facts *facts, const char *data, size_t size, const char *what);

/* Adds one whose value is the words of DATA that are not 0, each with its offset, where the
 * first has the offset FROM. */
void facts_add_words(struct facts *facts, const char *data, size_t size, int64_t from,
		     const char *what);

void facts_free(struct facts *facts);

/*
 * How addresses are told. Without randomisation an address is a number. With it, it is the
 * mapping that it is in and the distance from that mapping's start, which are the same in
 * every process; on the stack it is the distance from its end or, below the strings, where a
 * random gap is between, from the stack pointer.
 */
struct roles {
	const struct segmap_regions *regions;
	uint64_t sp, arg_start; /* 0 where that is not known */
	bool numbers;           /* just numbers */
};

enum { ROLE_SIZE = 128, LABEL_SIZE = 96 };

/* Writes what ADDR is to OUT, and returns that. */
const char *role_of(const struct roles *roles, uint64_t addr, char out[ROLE_SIZE]);

/* Writes a name for the region INDEX to OUT: "cat[1]", "cat bss[0]", "[stack]". */
const char *region_label(const struct segmap_regions *regions, size_t index,
			 char out[LABEL_SIZE]);

/* The facts of each part of a snapshot. */
void facts_about_regions(struct facts *facts, const struct segmap_regions *regions,
			 const struct roles *roles);
void facts_about_auxv(struct facts *facts, const struct segmap_process *process,
		      const struct roles *roles);
void facts_about_stack(struct facts *facts, const struct segmap_process *process,
		       const struct roles *roles);
void facts_about_registers(struct facts *facts, const struct segmap_process *process,
			   const struct roles *roles);
void facts_about_files(struct facts *facts, const struct segmap_process *process,
		       const struct roles *roles);
void facts_about_descriptors(struct facts *facts, const struct segmap_process *process);

/* A field of /proc/PID/stat by its number in proc(5); 0 if that is not known. */
uint64_t stat_field(const struct segmap_process *process, int number);

/* Values of the fact "start". */
#define FACT_RUNS             "runs"
#define FACT_KILLED           "killed by SIGSEGV before it began"
#define FACT_REFUSED_EARLY    "refused: execve would kill it"
#define FACT_UNSUPPORTED      "refused as unsupported"
#define FACT_UNSUPPORTED_MODE "refused as unsupported: a 32-bit program"

/* What of an observation is wanted, and in which form. */
struct fact_scope {
	bool beginning, end, aslr;
};

/* Everything about OBSERVATION that is in SCOPE. */
void facts_about(struct facts *facts, const struct segmap_observation *observation,
		 const struct fact_scope *scope);

#endif
