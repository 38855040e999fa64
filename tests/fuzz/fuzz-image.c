/* SPDX-License-Identifier: MIT */
/*
 * Whole files through image, plan and symbols. The file is its own interpreter where it names
 * one, so that both roles are tried; no path of the input is opened.
 */
#include "target.h"

#include <segmap/symbols.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SECTIONS = 64 };

/* A file with these bytes that nobody can write to, or it could not be executed. */
static int make_file(const uint8_t *data, size_t size)
{
	int fd = memfd_create("input", MFD_CLOEXEC);
	char link[64];

	MUST(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	int reader = open(link, O_RDONLY | O_CLOEXEC);
	MUST(reader >= 0);
	close(fd);
	return reader;
}

static void check_image(const struct segmap_image *image, size_t size)
{
	MUST(image->file_size == size);
	MUST(image->phdr_count == image->ehdr.phnum && image->phdr_count > 0);
	MUST(image->interp_index < (int)image->phdr_count);
	MUST(image->property_index < (int)image->phdr_count);
	MUST((image->interp != NULL) ==
	     (image->role == SEGMAP_PROGRAM && image->interp_index >= 0));
	if (image->interp)
		MUST(strlen(image->interp) < image->phdrs[image->interp_index].filesz);
}

static struct segmap_image *take(int r, struct segmap_image *image,
				 const struct segmap_error *err, size_t size)
{
	MUST((r == 0) == (image != NULL));
	if (r == 0)
		check_image(image, size);
	else
		check_refusal(r, err);
	return image;
}

static struct segmap_image *open_program(int fd, size_t size)
{
	struct segmap_image *image = NULL;
	struct segmap_error err = {0};
	int r = segmap_image_fdopen(&image, fd, "input", SEGMAP_PROGRAM, &err);

	return take(r, image, &err, size);
}

static struct segmap_image *open_interpreter(int fd, size_t size)
{
	struct segmap_image *image = NULL;
	struct segmap_error err = {0};
	char link[64];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	int r = segmap_image_inspect(&image, link, SEGMAP_INTERPRETER, &err);
	return take(r, image, &err, size);
}

static void look_at_names(int fd, const struct segmap_image *program)
{
	struct segmap_symbols *symbols = NULL;
	struct segmap_section sections[SECTIONS];
	struct segmap_symbol symbol;
	struct segmap_error err = {0};
	uint64_t entry = program ? program->ehdr.entry : 0x401000;
	size_t bytes = 0;

	MUST(segmap_symbols_open(&symbols, fd, &err) == 0);
	size_t count = segmap_symbols_sections(symbols, 0, UINT64_MAX, sections, SECTIONS);
	for (size_t i = 0; i < count && i < SECTIONS; i++) {
		bytes += strlen(sections[i].name);
		MUST(sections[i].size > 0);
		MUST(i == 0 || sections[i - 1].vaddr <= sections[i].vaddr);
		if (segmap_symbols_find(symbols, sections[i].vaddr, &symbol))
			bytes += strlen(symbol.name);
	}
	if (segmap_symbols_find(symbols, entry, &symbol)) {
		bytes += strlen(symbol.name);
		MUST(symbol.vaddr + symbol.offset == entry);
	}
	MUST(bytes <= SIZE_MAX / 2); /* all the names have been read */
	segmap_symbols_free(symbols);
}

/* Randomisation off, so that the same input gives the same plan. */
static void plan_both(const struct segmap_image *program, const struct segmap_image *interp)
{
	struct segmap_policy policy = {0};

	if (!program || (program->interp && !interp))
		return;
	segmap_rules_native(&policy.rules, 4096);
	policy.stack_end = policy.rules.stack_top_max;
	policy.stack_start = policy.stack_end - 0x21000;
	check_plan(program, program->interp ? interp : NULL, &policy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = make_file(data, size);
	struct segmap_image *program = open_program(fd, size);
	struct segmap_image *interp = open_interpreter(fd, size);

	plan_both(program, interp);
	look_at_names(fd, program);
	segmap_image_free(interp);
	segmap_image_free(program);
	close(fd);
	return 0;
}
