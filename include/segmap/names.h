/*
 * Names for the addresses of a process: which file's, which section, which symbol, and where
 * there is debug information, which line of the source. They come from the files that are
 * mapped, never from the process's memory.
 */
#ifndef SEGMAP_NAMES_H
#define SEGMAP_NAMES_H

#include <segmap/process.h>
#include <segmap/symbols.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct segmap_names;

/* What an address belongs to. */
enum segmap_role {
	SEGMAP_ROLE_PROGRAM,
	SEGMAP_ROLE_INTERPRETER,
	SEGMAP_ROLE_LIBRARY, /* any other ELF file */
	SEGMAP_ROLE_FILE,    /* a mapped file that is no ELF file, or cannot be opened */
	SEGMAP_ROLE_HEAP,
	SEGMAP_ROLE_STACK,
	SEGMAP_ROLE_KERNEL, /* [vdso], [vvar] */
	SEGMAP_ROLE_ANON,   /* any other anonymous memory */
	SEGMAP_ROLE_NONE,   /* no mapping */
	SEGMAP_ROLE_COUNT,
};

/* All strings are borrowed from the struct segmap_names, and valid as long as that is. */
struct segmap_name {
	enum segmap_role role;
	const char *object;  /* path of the file, or "[stack]" and the like; "" for none */
	uint64_t vaddr;      /* link-time address, for an object; else the address itself */
	size_t segment;      /* index of the program header whose memory it is, or SIZE_MAX */
	const char *section; /* ".data", or NULL */
	const char *symbol;  /* or NULL */
	uint64_t symbol_offset; /* of the address, from the symbol's start; bytes */
	uint64_t symbol_size;   /* bytes, 0 if the file does not say */
	const char *source;     /* file name, or NULL without debug information */
	int line;               /* 0 without */
};

/* A range of addresses within one mapping that is all of one object, or of none. */
struct segmap_part {
	uint64_t start, end;
	const char *object; /* as in struct segmap_name, and borrowed likewise */
	enum segmap_role role;
	uint32_t flags;      /* of its (first) program header: PF_R, PF_W, PF_X */
	size_t segment;      /* index of that, or SIZE_MAX */
	uint64_t file_bytes; /* that are the segment's in the file; not what only fills pages */
	uint64_t bss_bytes;  /* that are the segment's, beyond those in the file */
	int error; /* positive errno if the file cannot be opened: segments are not known */
};

/*
 * PROGRAM is the path of the program's file, by which its mappings are told from a library's;
 * if it is no ELF file, the program is what has the entry point of AT_ENTRY.
 * On success *NAMES is the caller's, to be given to segmap_names_free, and knows no mapping
 * yet. Returns 0 or -ENOMEM.
 */
int segmap_names_open(struct segmap_names **names, pid_t pid, const char *program);

/*
 * Takes in REGIONS, mappings of the process at some time; to be called again when there may be
 * new ones. What it knew of other addresses stays: a name can be asked for after the process is
 * gone. Files that cannot be opened have no names, which is no error. Returns 0 or -ENOMEM.
 */
int segmap_names_update(struct segmap_names *names, const struct segmap_regions *regions);

void segmap_names_free(struct segmap_names *names);

/* What is known of ADDR. With LINES, the source line is looked up too, which may take long. */
void segmap_names_find(struct segmap_names *names, uint64_t addr, bool lines,
		       struct segmap_name *out);

/* The address of the symbol NAME ("main", "libc.so.6:malloc"), the program's first: true if
 * there is one, in *ADDR. */
bool segmap_names_address(struct segmap_names *names, const char *name, uint64_t *addr);

/* The parts of [START, END), by address: stores up to ROOM of them in OUT and returns how many
 * there are. Addresses in no mapping are in no part. */
size_t segmap_names_parts(const struct segmap_names *names, uint64_t start, uint64_t end,
			  struct segmap_part *out, size_t room);

/* The sections that have a byte in [START, END), likewise; their vaddr is the address in this
 * process. */
size_t segmap_names_sections(struct segmap_names *names, uint64_t start, uint64_t end,
			     struct segmap_section *out, size_t room);

/* "program", "interpreter", "library", "file", "heap", "stack", "kernel", "anon", "none". */
const char *segmap_role_name(enum segmap_role role);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
