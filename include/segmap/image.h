/*
 * Stage 1, image: an ELF file, opened and checked as execve(2) checks it before it gives up
 * the old program. Only header fields that the kernel looks at can make a file be refused.
 */
#ifndef SEGMAP_IMAGE_H
#define SEGMAP_IMAGE_H

#include <segmap/error.h>
#include <sys/types.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* The most bytes that a PT_GNU_PROPERTY may have, where the kernel looks at it. */
#define SEGMAP_PROPERTY_MAX 1024

/* A program header, in the host's byte order. Names as in elf(5), less the "p_". */
struct segmap_phdr {
	uint32_t type;
	uint32_t flags;
	uint64_t offset;
	uint64_t vaddr;
	uint64_t filesz;
	uint64_t memsz;
	uint64_t align;
};

/* The ELF header's fields, as they stand in the file. Names as in elf(5), less the "e_". */
struct segmap_ehdr {
	uint8_t ident[16];
	uint16_t type;
	uint16_t machine;
	uint32_t version;
	uint64_t entry;
	uint64_t phoff;
	uint64_t shoff;
	uint32_t flags;
	uint16_t ehsize;
	uint16_t phentsize;
	uint16_t phnum;
	uint16_t shentsize;
	uint16_t shnum;
	uint16_t shstrndx;
};

/* What PT_GNU_STACK asks for. The last such header decides (exec.md 1.3, G01-G07). */
enum segmap_stack_request {
	SEGMAP_STACK_UNSAID,
	SEGMAP_STACK_NOEXEC,
	SEGMAP_STACK_EXEC,
};

struct segmap_image {
	enum segmap_object_id role;
	int fd;     /* open for reading, close-on-exec, owned; -1 for an image built by hand */
	char *path; /* owned; as given to open, or a name for a descriptor */
	uint64_t file_size;
	struct timespec modified; /* when its bytes were last changed, at the first look */
	dev_t device;
	ino_t inode;
	mode_t mode;
	uid_t owner;
	gid_t group;
	struct segmap_ehdr ehdr;
	struct segmap_phdr *phdrs; /* owned, phdr_count elements */
	size_t phdr_count;
	char *interp;     /* owned; path of the first PT_INTERP up to its NUL, or NULL */
	int interp_index; /* of that header, or -1 */
	enum segmap_stack_request stack_request;
	int property_index;   /* of the last PT_GNU_PROPERTY, or -1 */
	uint8_t *property;    /* owned; its bytes where the kernel looks at them, or NULL */
	size_t property_size; /* how many of them there are in the file */
};

/*
 * Opens PATH for execution and reads it. ROLE says whether it stands for a program or for the
 * interpreter of one; the kernel answers ELIBBAD where it would answer ENOEXEC for a program.
 * On success *IMAGE is the caller's, to be given to segmap_image_free.
 * Errors: exactly those of execve(2) for this file (exec.md 1.1, steps 2 and 7 to 10), plus
 * SEGMAP_VERDICT_UNSUPPORTED ones for what only the kernel can load. *IMAGE is untouched then.
 */
int segmap_image_open(struct segmap_image **image, const char *path, enum segmap_object_id role,
		      struct segmap_error *err);

/* The same from a descriptor, which is duplicated; NAME is what messages call it. */
int segmap_image_fdopen(struct segmap_image **image, int fd, const char *name,
			enum segmap_object_id role, struct segmap_error *err);

/* As segmap_image_open, without the question whether the file may be executed: for tools
 * that look at a file and never run it. */
int segmap_image_inspect(struct segmap_image **image, const char *path,
			 enum segmap_object_id role, struct segmap_error *err);

/* As segmap_image_inspect, for a file of the CPU that has MACHINE as e_machine, whatever CPU
 * this one is. SEGMAP_REASON_MACHINE also if there are no rules for it. */
int segmap_image_explain(struct segmap_image **image, const char *path,
			 enum segmap_object_id role, uint16_t machine,
			 struct segmap_error *err);

/*
 * Is the file still what it was when IMAGE was read? execve keeps writers out while it loads,
 * which a process cannot; so a load asks again before it goes on. Another file by the same name
 * does not count, nor what permissions this one has meanwhile. Returns 0, or -ETXTBSY when its
 * size or the time of its last change is not the same. An image built by hand is always.
 */
int segmap_image_check(const struct segmap_image *image, struct segmap_error *err);

/* Closes the descriptor and frees IMAGE; NULL is allowed. */
void segmap_image_free(struct segmap_image *image);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
