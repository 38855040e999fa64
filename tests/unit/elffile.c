#include "elffile.h"

#include "arch.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void elffile_init(struct elffile *file)
{
	memset(file, 0, sizeof(*file));
	file->size = ELFFILE_SIZE;
	file->mode = 0755;
	*elffile_ehdr(file) = (Elf64_Ehdr){
		.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
		.e_type = ET_EXEC,
		.e_machine = ARCH_MACHINE,
		.e_version = EV_CURRENT,
		.e_entry = 0x401000,
		.e_phoff = sizeof(Elf64_Ehdr),
		.e_ehsize = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = ELFFILE_HEADERS,
	};
	*elffile_phdr(file, 0) = (Elf64_Phdr){
		.p_type = PT_LOAD,
		.p_flags = PF_R | PF_X,
		.p_offset = 0x1000,
		.p_vaddr = 0x401000,
		.p_paddr = 0x9999,
		.p_filesz = 0x234,
		.p_memsz = 0x345,
		.p_align = 0x1000,
	};
}

Elf64_Ehdr *elffile_ehdr(struct elffile *file)
{
	return (Elf64_Ehdr *)(void *)file->bytes;
}

Elf64_Phdr *elffile_phdr(struct elffile *file, size_t index)
{
	return (Elf64_Phdr *)(void *)(file->bytes + sizeof(Elf64_Ehdr)) + index;
}

void elffile_add_string(struct elffile *file, size_t index, uint32_t type, size_t offset,
			const void *string, size_t length)
{
	*elffile_phdr(file, index) = (Elf64_Phdr){
		.p_type = type, .p_flags = PF_R, .p_offset = offset, .p_filesz = length};
	memcpy(file->bytes + offset, string, length);
}

void elffile_write(struct elffile *file)
{
	const char *folder = getenv("TMPDIR");
	int n = snprintf(file->path, sizeof(file->path), "%s/segmap-test-XXXXXX",
			 folder ? folder : "/tmp");

	cr_assert_lt(n, (int)sizeof(file->path), "TMPDIR is too long a name");
	int fd = mkstemp(file->path);
	cr_assert_geq(fd, 0, "%s: %m", file->path);
	for (size_t done = 0; done < file->size;) {
		ssize_t wrote = write(fd, file->bytes + done, file->size - done);

		cr_assert_gt(wrote, 0, "%s: %m", file->path);
		done += (size_t)wrote;
	}
	cr_assert_eq(fchmod(fd, file->mode), 0, "%s: %m", file->path);
	cr_assert_eq(close(fd), 0);
}

void elffile_remove(const struct elffile *file)
{
	unlink(file->path);
}

int count_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	int n = 0;

	cr_assert_not_null(folder);
	while (readdir(folder))
		n++;
	closedir(folder);
	return n;
}
