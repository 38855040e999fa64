/*
 * Names for addresses: what the section headers and the symbol table of an ELF file say about
 * its memory. The kernel never looks at either, so nothing here decides how a file is loaded;
 * it is for people who read a plan or a report.
 *
 * Addresses are link-time addresses (p_vaddr, st_value): subtract an object's bias first.
 */
#ifndef SEGMAP_SYMBOLS_H
#define SEGMAP_SYMBOLS_H

#include <segmap/error.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct segmap_symbols;

/* A section that occupies memory (SHF_ALLOC). Thread-local bss is left out: it has none. */
struct segmap_section {
	const char *name; /* borrowed, valid until segmap_symbols_free */
	uint64_t vaddr;
	uint64_t size; /* bytes, never 0 */
	bool nobits;   /* bss: has no bytes in the file */
};

struct segmap_symbol {
	const char *name; /* borrowed, valid until segmap_symbols_free */
	uint64_t vaddr;
	uint64_t size;   /* bytes; 0 if the file does not say, as for a label in assembly */
	uint64_t offset; /* of the address that was asked for, from vaddr */
};

/*
 * Reads the names of the ELF file open at FD, which is duplicated and may be closed afterwards.
 * A file without section headers, or that is no ELF file at all, has no names; that is no
 * error. On success *SYMBOLS is the caller's, to be given to segmap_symbols_free.
 * Errors: -ENOMEM, or what fcntl(F_DUPFD_CLOEXEC) answers; *SYMBOLS is untouched then.
 */
int segmap_symbols_open(struct segmap_symbols **symbols, int fd, struct segmap_error *err);

/* Frees SYMBOLS and every name from it; NULL is allowed. */
void segmap_symbols_free(struct segmap_symbols *symbols);

/*
 * The sections that have a byte in [START, END), in the order of their addresses: stores up to
 * ROOM of them in OUT and returns how many there are. SYMBOLS may be NULL: there are none then.
 */
size_t segmap_symbols_sections(const struct segmap_symbols *symbols, uint64_t start,
			       uint64_t end, struct segmap_section *out, size_t room);

/*
 * The symbol that VADDR belongs to: the nearest one at or before it whose size covers it, or
 * that has no size and is in the same section. True if there is one, in *OUT; else *OUT is
 * untouched. .symtab is asked, or .dynsym where that is stripped. SYMBOLS may be NULL.
 */
bool segmap_symbols_find(const struct segmap_symbols *symbols, uint64_t vaddr,
			 struct segmap_symbol *out);

/* The symbol NAME, of any version, and a global one if there are several: true if there is one,
 * in *OUT, with the offset 0; else *OUT is untouched. SYMBOLS may be NULL. */
bool segmap_symbols_lookup(const struct segmap_symbols *symbols, const char *name,
			   struct segmap_symbol *out);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
