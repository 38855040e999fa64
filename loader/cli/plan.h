/* The parts of `segmap plan`: one file each for the table, the JSON and the lint. */
#ifndef CLI_PLAN_H
#define CLI_PLAN_H

#include "command.h"

#include <jansson.h>
#include <segmap/plan.h>
#include <segmap/symbols.h>

struct plan_options {
	bool json, check, interp, noheadings, raw, bytes, color;
	const char *columns; /* of -o, or NULL */
	const char *kernel;  /* whose rules count: a release; NULL for the running one's */
	uint64_t page_size;  /* bytes; 0 for what is usual on the file's CPU */
	const char *sysroot; /* where the interpreter's path begins; NULL for / */
};

/* One FILE and what could be learnt about it until something was refused. */
struct plan_file {
	const char *path;
	struct segmap_image *images[2]; /* indexed by enum segmap_object_id; may be NULL */
	struct segmap_symbols *symbols[2];
	struct segmap_plan *plan;  /* NULL if refused */
	struct segmap_error error; /* reason NONE if nothing was refused */
	struct segmap_error here;  /* for another CPU: why this kernel refuses it; else NONE */
	struct segmap_rules rules;
};

/* plan_file.c: opens PATH and plans as OPTIONS say, as far as that goes: what was refused is in
 * FILE->error. The interpreter of a file for another CPU need not be there. */
void plan_file_open(struct plan_file *file, const char *path,
		    const struct plan_options *options);
void plan_file_close(struct plan_file *file);

/* There is a plan, but not of the interpreter that is named. */
bool lacks_interpreter(const struct plan_file *file);

/* cmd_plan.c */

/* What --json prints for the file PATH; NULL if out of memory. */
json_t *plan_json(const char *path);

/* The index of the next PT_LOAD from FROM on, or phdr_count. */
size_t next_load(const struct segmap_image *image, size_t from);

/* Whether a mapping has its address already; if not, mmap will choose it. */
bool is_placed(const struct plan_file *file, enum segmap_object_id id);

/* plan_names.c: words for numbers. Each returns its buffer or a literal. */
const char *name_type(uint16_t type, char buffer[16]);
const char *name_machine(uint16_t machine, char buffer[16]);
const char *name_phdr(uint32_t type, char buffer[16]);
const char *name_flags(uint32_t flags, char buffer[4]);            /* "R E", as readelf does */
const char *name_prot(int prot, char buffer[5]);                   /* "r-xp", as /proc does */
const char *name_size(uint64_t size, bool bytes, char buffer[24]); /* "1.5M", or in bytes */

/* " (_start+0x4)", or "" if nothing is known about the link-time address VADDR. */
const char *name_address(const struct segmap_symbols *symbols, uint64_t vaddr,
			 char buffer[128]);

/*
 * The sections of one mapping of segment P, sorted by address: those with bytes in the file for
 * a mapping of it, those without for bss. The caller frees the array, *COUNT long.
 */
struct segmap_section *list_sections(const struct segmap_symbols *symbols,
				     const struct segmap_phdr *p, enum segmap_mapping_kind kind,
				     size_t *count);

/* Their names in one line, ".note.a .note.b" as ".note.*". The caller frees it. */
char *shorten_sections(const struct segmap_section *sections, size_t count);

/* plan_table.c: false, with a complaint, if COLUMNS names one that there is not. */
bool table_columns_valid(const char *columns);
int table_print(const struct plan_file *file, enum segmap_object_id id,
		const struct plan_options *options);

/* Whether more is asked for than to read, write and execute. */
bool is_guarded(const struct segmap_mapping *m);

/* plan_notes.c: what is to be said under the row of segment INDEX. Free it in any case. */
struct notes {
	char **lines; /* owned, as is each of them */
	size_t count;
	bool failed; /* out of memory: some are missing */
};
int notes_collect(struct notes *notes, const struct plan_file *file, enum segmap_object_id id,
		  size_t index);
void notes_free(struct notes *notes);

/* plan_text.c */
int text_print(const struct plan_file *file, const struct plan_options *options);

/* plan_check.c and plan_rules.c */
enum severity { SEVERITY_INFO, SEVERITY_WARNING, SEVERITY_REFUSED };

struct finding {
	enum severity severity;
	enum segmap_object_id object;
	int index;        /* of the program header, or -1 */
	const char *name; /* a stable word */
	char cause[384];
	char evidence[384];
	char kernel[192]; /* what execve does about it */
};

struct findings {
	struct finding *items; /* owned */
	size_t count;
	bool failed; /* out of memory: some are missing */
};

/* Everything that is refused or suspicious about FILE. 0 or -ENOMEM. */
int check_file(struct findings *findings, const struct plan_file *file);

/* What is suspicious about an image although the kernel runs it. */
void check_image(struct findings *findings, const struct plan_file *file,
		 enum segmap_object_id id);

/* Appends a copy of FINDING. */
void finding_add(struct findings *findings, const struct finding *finding);

void findings_print(const struct findings *findings, const struct plan_file *file,
		    const struct plan_options *options);
const char *severity_name(enum severity severity);

/* plan_json.c: FILE as an object, with FINDINGS unless that is NULL; NULL if out of memory. */
json_t *json_file(const struct plan_file *file, const struct findings *findings);

#endif
