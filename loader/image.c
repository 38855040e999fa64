/*
 * Stage 1: from a file to a checked header and program header table.
 *
 * The checks are load_elf_binary's, in its order; the numbers in brackets are the steps of
 * exec.md 1.1. libelf and the kernel read some header fields differently, so the table is read
 * as the kernel reads it, and libelf gets a copy whose header says the same thing to both.
 */
#include <segmap/image.h>

#include "arch.h"
#include "checked.h"
#include "cpu.h"
#include "fail.h"
#include "file.h"

#include <elf.h>
#include <errno.h>
#include <gelf.h>
#include <libelf.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	PHDR_TABLE_MAX = 65536, /* bytes; older kernels allow less: rules.c */
	INTERP_PATH_MAX = PATH_MAX,
	HEAD = 1024, /* bytes read at once: the table and the path are mostly among them */
};

struct head {
	uint8_t bytes[HEAD];
	size_t size;
};

/* How a file is looked at. */
struct look {
	bool inspect;     /* without the question whether it may be executed */
	uint16_t machine; /* what it must be for: there are rules for that CPU */
};

static const struct look to_load = {.inspect = false, .machine = ARCH_MACHINE};

/* What is wanted of the file, which HEAD may have already. */
static ssize_t read_at(const struct segmap_image *image, const struct head *head, void *buffer,
		       size_t length, uint64_t offset)
{
	if (offset > head->size || length > head->size - offset)
		return file_read_at(image->fd, buffer, length, offset);
	memcpy(buffer, head->bytes + offset, length);
	return (ssize_t)length;
}

/* A malformed program is ENOEXEC, so that another handler may try it; a malformed interpreter
 * is nobody else's, and ELIBBAD. */
static int malformed(const struct segmap_image *image)
{
	return image->role == SEGMAP_INTERPRETER ? ELIBBAD : ENOEXEC;
}

/* A file for the kernel's 32-bit handler must pass its checks, or it is nobody's. [6] */
static bool is_compat_program(const struct segmap_image *image, const struct cpu *cpu,
			      const struct head *head)
{
	Elf32_Ehdr ehdr;

	memcpy(&ehdr, head->bytes, sizeof(ehdr));
	size_t size = (size_t)ehdr.e_phnum * sizeof(Elf32_Phdr);
	if (ehdr.e_machine != cpu->compat[0] && ehdr.e_machine != cpu->compat[1])
		return false;
	if (cpu->class && ehdr.e_ident[EI_CLASS] != ELFCLASS32)
		return false;
	if (ehdr.e_phentsize != sizeof(Elf32_Phdr) || size == 0 || size > PHDR_TABLE_MAX)
		return false;
	uint8_t *table = malloc(size); /* more than a small stack may have */
	bool whole = table && read_at(image, head, table, size, ehdr.e_phoff) == (ssize_t)size;

	free(table);
	return whole;
}

static void keep_header(struct segmap_ehdr *to, const Elf64_Ehdr *from)
{
	memcpy(to->ident, from->e_ident, sizeof(to->ident));
	to->type = from->e_type;
	to->machine = from->e_machine;
	to->version = from->e_version;
	to->entry = from->e_entry;
	to->phoff = from->e_phoff;
	to->shoff = from->e_shoff;
	to->flags = from->e_flags;
	to->ehsize = from->e_ehsize;
	to->phentsize = from->e_phentsize;
	to->phnum = from->e_phnum;
	to->shentsize = from->e_shentsize;
	to->shnum = from->e_shnum;
	to->shstrndx = from->e_shstrndx;
}

/* [7], for a program; [10], for an interpreter, whose e_type only matters when it is mapped */
static int check_header(struct segmap_image *image, const struct cpu *cpu,
			const struct head *head, struct segmap_error *err)
{
	const size_t got = head->size < sizeof(Elf64_Ehdr) ? head->size : sizeof(Elf64_Ehdr);
	const struct segmap_ehdr *ehdr = &image->ehdr;
	bool program = image->role == SEGMAP_PROGRAM;
	uint32_t magic;

	memcpy(&magic, head->bytes, sizeof(magic));
	if (memcmp(head->bytes, ELFMAG, SELFMAG) != 0)
		return fail(err, NOT_ELF, ERRNO, malformed(image), .value = {magic, got});
	if (program && ehdr->type != ET_EXEC && ehdr->type != ET_DYN)
		return fail(err, ELF_TYPE, ERRNO, ENOEXEC, .value = {ehdr->type, got});
	uint8_t class = ehdr->ident[EI_CLASS];
	bool matches = ehdr->machine == cpu->machine;
	if (matches && (!cpu->class || class == cpu->class))
		return 0;
	if (program && is_compat_program(image, cpu, head))
		return fail(err, COMPAT, UNSUPPORTED, ENOEXEC, .value = {ehdr->machine});
	if (matches)
		return fail(err, CLASS, ERRNO, malformed(image), .value = {class, cpu->class});
	return fail(err, MACHINE, ERRNO, malformed(image),
		    .value = {ehdr->machine, cpu->machine});
}

static int read_header(struct segmap_image *image, const struct cpu *cpu, struct head *head,
		       struct segmap_error *err)
{
	Elf64_Ehdr ehdr;

	memset(head->bytes, 0, sizeof(ehdr));
	ssize_t got =
		file_read_some(image->fd, head->bytes, sizeof(ehdr), sizeof(head->bytes), 0);
	if (got < 0)
		return fail(err, READ, ERRNO, (int)-got, .step = "pread",
			    .value = {0, sizeof(ehdr)});
	if (image->role == SEGMAP_INTERPRETER && (size_t)got < sizeof(ehdr)) /* [9] */
		return fail(err, INTERP_SHORT, ERRNO, EIO,
			    .value = {(uint64_t)got, sizeof(ehdr)});
	head->size = (size_t)got;
	memcpy(&ehdr, head->bytes, sizeof(ehdr));
	keep_header(&image->ehdr, &ehdr);
	return check_header(image, cpu, head, err);
}

/* Writes a header in front of TABLE that libelf reads as the kernel read the file's. */
static void write_plain_header(uint8_t *buffer, const struct segmap_ehdr *from)
{
	Elf64_Ehdr ehdr = {
		.e_type = from->type,
		.e_machine = from->machine,
		.e_version = EV_CURRENT,
		.e_entry = from->entry,
		.e_phoff = sizeof(Elf64_Ehdr),
		.e_ehsize = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = from->phnum,
	};

	memcpy(ehdr.e_ident, ELFMAG, SELFMAG);
	ehdr.e_ident[EI_CLASS] = ELFCLASS64;
	ehdr.e_ident[EI_DATA] = ELFDATA2LSB;
	ehdr.e_ident[EI_VERSION] = EV_CURRENT;
	memcpy(buffer, &ehdr, sizeof(ehdr));
}

static bool take_table(struct segmap_image *image, uint8_t *buffer, size_t size)
{
	bool ok = elf_version(EV_CURRENT) != EV_NONE;
	Elf *elf = ok ? elf_memory((char *)buffer, size) : NULL;

	ok = elf != NULL;
	for (size_t i = 0; ok && i < image->phdr_count; i++) {
		GElf_Phdr phdr;

		ok = gelf_getphdr(elf, (int)i, &phdr) != NULL;
		if (ok)
			image->phdrs[i] = (struct segmap_phdr){
				.type = phdr.p_type,
				.flags = phdr.p_flags,
				.offset = phdr.p_offset,
				.vaddr = phdr.p_vaddr,
				.filesz = phdr.p_filesz,
				.memsz = phdr.p_memsz,
				.align = phdr.p_align,
			};
	}
	elf_end(elf);
	return ok;
}

/* [8] */
static int read_table(struct segmap_image *image, const struct head *head,
		      struct segmap_error *err)
{
	const struct segmap_ehdr *ehdr = &image->ehdr;
	size_t size = (size_t)ehdr->phnum * sizeof(Elf64_Phdr);
	uint64_t most = PHDR_TABLE_MAX / sizeof(Elf64_Phdr);

	if (ehdr->phentsize != sizeof(Elf64_Phdr))
		return fail(err, PHENTSIZE, ERRNO, malformed(image),
			    .value = {ehdr->phentsize, sizeof(Elf64_Phdr)});
	if (size == 0 || size > PHDR_TABLE_MAX)
		return fail(err, PHNUM, ERRNO, malformed(image), .value = {ehdr->phnum, most});
	uint8_t *buffer = malloc(sizeof(Elf64_Ehdr) + size);
	image->phdr_count = ehdr->phnum;
	image->phdrs = calloc(image->phdr_count, sizeof(*image->phdrs));
	int r = 0;
	if (!buffer || !image->phdrs)
		r = fail(err, MEMORY, SYSTEM, ENOMEM);
	else if (read_at(image, head, buffer + sizeof(Elf64_Ehdr), size, ehdr->phoff) !=
		 (ssize_t)size)
		r = fail(err, PHDR_TABLE, ERRNO, malformed(image),
			 .value = {ehdr->phoff, size, image->file_size});
	if (r == 0) {
		write_plain_header(buffer, ehdr);
		if (!take_table(image, buffer, sizeof(Elf64_Ehdr) + size))
			r = fail(err, MEMORY, SYSTEM, ENOMEM);
	}
	free(buffer);
	return r;
}

/* [9], up to opening it */
static int read_interp(struct segmap_image *image, const struct head *head,
		       struct segmap_error *err)
{
	int i = image->interp_index;
	const struct segmap_phdr *p = &image->phdrs[i];

	if (p->filesz < 2 || p->filesz > INTERP_PATH_MAX)
		return fail(err, INTERP_SIZE, ERRNO, ENOEXEC, .index = i,
			    .value = {p->filesz, INTERP_PATH_MAX});
	image->interp = malloc(p->filesz);
	if (!image->interp)
		return fail(err, MEMORY, SYSTEM, ENOMEM);
	ssize_t got = read_at(image, head, image->interp, p->filesz, p->offset);
	if (got < 0 && got != -EINVAL)
		return fail(err, READ, ERRNO, (int)-got, .step = "pread",
			    .value = {p->offset, p->filesz});
	if (got != (ssize_t)p->filesz)
		return fail(err, INTERP_READ, ERRNO, got < 0 ? EINVAL : EIO, .index = i,
			    .value = {p->offset, p->filesz, image->file_size});
	if (image->interp[got - 1] != '\0')
		return fail(err, INTERP_NUL, ERRNO, ENOEXEC, .index = i,
			    .value = {p->offset + p->filesz - 1,
				      (unsigned char)image->interp[got - 1]});
	return 0;
}

/* The bytes of a PT_GNU_PROPERTY, where the kernel reads it: of the interpreter, or of a
 * program without one. What they mean, and whether they are all there, is the planner's
 * question. [11] */
static int read_property(struct segmap_image *image, const struct cpu *cpu,
			 struct segmap_error *err)
{
	const struct segmap_phdr *p = &image->phdrs[image->property_index];

	if (!cpu->property_type || p->filesz > SEGMAP_PROPERTY_MAX)
		return 0;
	image->property = malloc(p->filesz + 1);
	if (!image->property)
		return fail(err, MEMORY, SYSTEM, ENOMEM);
	ssize_t got = file_read_at(image->fd, image->property, p->filesz, p->offset);
	image->property_size = got < 0 ? 0 : (size_t)got;
	return 0;
}

/* The headers that say something about the whole program. */
static void scan_table(struct segmap_image *image)
{
	image->interp_index = -1;
	image->property_index = -1;
	for (size_t i = 0; i < image->phdr_count; i++) {
		const struct segmap_phdr *p = &image->phdrs[i];

		if (p->type == PT_INTERP && image->interp_index < 0)
			image->interp_index = (int)i;
		else if (p->type == PT_GNU_PROPERTY)
			image->property_index = (int)i;
		else if (p->type == PT_GNU_STACK)
			image->stack_request =
				p->flags & PF_X ? SEGMAP_STACK_EXEC : SEGMAP_STACK_NOEXEC;
	}
}

static int read_parts(struct segmap_image *image, const struct cpu *cpu,
		      struct segmap_error *err)
{
	struct head head;
	int r = read_header(image, cpu, &head, err);

	if (r == 0)
		r = read_table(image, &head, err);
	if (r == 0)
		scan_table(image);
	if (r == 0 && image->role == SEGMAP_PROGRAM && image->interp_index >= 0)
		r = read_interp(image, &head, err);
	if (r == 0 && !image->interp && image->property_index >= 0)
		r = read_property(image, cpu, err);
	return r;
}

static int read_image(struct segmap_image *image, const struct look *look,
		      struct segmap_error *err)
{
	int r = file_look(image, look->inspect, err);

	if (r < 0)
		return r;
	r = read_parts(image, cpu_find(look->machine), err);
	/* Whatever has been found in it: one part may be older than the other. */
	int changed = segmap_image_check(image, err);
	return changed ? changed : r;
}

/* Takes FD over, also when it fails; unless KEPT is there to give it to then. */
static int image_from_fd(struct segmap_image **out, int fd, const char *name,
			 enum segmap_object_id role, const struct look *look, int *kept,
			 struct segmap_error *err)
{
	struct segmap_image *image = calloc(1, sizeof(*image));
	char *path = strdup(name);
	int r;

	if (!image || !path) {
		free(image);
		free(path);
		close(fd);
		return fail(err, MEMORY, SYSTEM, ENOMEM);
	}
	image->role = role;
	image->fd = fd;
	image->path = path;
	r = read_image(image, look, err);
	if (r < 0 && kept) {
		*kept = image->fd;
		image->fd = -1;
	}
	if (r == 0)
		*out = image;
	else
		segmap_image_free(image);
	return r;
}

static int image_from_path(struct segmap_image **out, const char *path,
			   enum segmap_object_id role, const struct look *look, int *kept,
			   struct segmap_error *err)
{
	/* The kernel resolves an interpreter "" as the working directory itself. */
	bool here = role == SEGMAP_INTERPRETER && path[0] == '\0';
	int r = file_open(here ? "." : path, err);

	if (r >= 0)
		r = image_from_fd(out, r, path, role, look, kept, err);
	if (r < 0 && err) {
		err->object = role;
		segmap_error_set_path(err, path);
	}
	return r;
}

int segmap_image_open(struct segmap_image **image, const char *path, enum segmap_object_id role,
		      struct segmap_error *err)
{
	return image_from_path(image, path, role, &to_load, NULL, err);
}

int segmap_image_inspect(struct segmap_image **image, const char *path,
			 enum segmap_object_id role, struct segmap_error *err)
{
	return segmap_image_explain(image, path, role, ARCH_MACHINE, err);
}

int segmap_image_explain(struct segmap_image **image, const char *path,
			 enum segmap_object_id role, uint16_t machine, struct segmap_error *err)
{
	const struct look look = {.inspect = true, .machine = machine};

	if (!cpu_find(machine))
		return fail(err, MACHINE, ERRNO, ENOEXEC, .object = role,
			    .value = {machine, ARCH_MACHINE});
	return image_from_path(image, path, role, &look, NULL, err);
}

static int image_from_copy(struct segmap_image **image, int fd, const char *name,
			   enum segmap_object_id role, int *kept, struct segmap_error *err)
{
	int copy = file_take(fd, err);
	int r = copy < 0 ? copy : image_from_fd(image, copy, name, role, &to_load, kept, err);

	if (r < 0 && err) {
		err->object = role;
		segmap_error_set_path(err, name);
	}
	return r;
}

int segmap_image_fdopen(struct segmap_image **image, int fd, const char *name,
			enum segmap_object_id role, struct segmap_error *err)
{
	return image_from_copy(image, fd, name, role, NULL, err);
}

int image_open_keeping(struct segmap_image **image, const char *path, int fd, int *kept,
		       struct segmap_error *err)
{
	*kept = -1;
	return fd < 0 ? image_from_path(image, path, SEGMAP_PROGRAM, &to_load, kept, err)
		      : image_from_copy(image, fd, path, SEGMAP_PROGRAM, kept, err);
}

void segmap_image_free(struct segmap_image *image)
{
	if (!image)
		return;
	if (image->fd >= 0)
		close(image->fd);
	free(image->path);
	free(image->phdrs);
	free(image->interp);
	free(image->property);
	free(image);
}
