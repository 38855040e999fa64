/* ELF files that exist for one test: a header, a table and 128 KiB of zeros, changed at will.
 */
#ifndef UNIT_ELFFILE_H
#define UNIT_ELFFILE_H

#include <elf.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	ELFFILE_SIZE = 128 << 10,
	ELFFILE_HEADERS = 6, /* e_phnum; the others are PT_NULL */
	ELFFILE_PATH = 64,
};

/* A file of SIZE bytes; the rest of the structure is what it will hold. */
struct elffile {
	char path[ELFFILE_PATH];
	size_t size;
	mode_t mode;
	_Alignas(Elf64_Ehdr) uint8_t bytes[ELFFILE_SIZE];
};

/* A good program, not written yet: e_type ET_EXEC, one PT_LOAD in entry 0, mode 0755. */
void elffile_init(struct elffile *file);

/* Its header and its table of program headers, to be changed in place. */
Elf64_Ehdr *elffile_ehdr(struct elffile *file);
Elf64_Phdr *elffile_phdr(struct elffile *file, size_t index);

/* Makes entry INDEX a header of TYPE for LENGTH bytes of STRING, which is put at OFFSET. */
void elffile_add_string(struct elffile *file, size_t index, uint32_t type, size_t offset,
			const void *string, size_t length);

/* Writes it to a new name; elffile_remove takes it away. */
void elffile_write(struct elffile *file);
void elffile_remove(const struct elffile *file);

/* How many descriptors this process has. */
int count_descriptors(void);

#endif
