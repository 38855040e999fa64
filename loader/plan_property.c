/*
 * The planner's question to PT_GNU_PROPERTY, on CPUs whose kernel reads it (exec.md 1.1, step
 * 11): do the pages of this object's code ask for more than PROT_EXEC? Pure, like all of it.
 *
 * It is a note with the name "GNU" that holds properties: a type, a size, and so many bytes,
 * filled up to 8; sorted by type, each type once.
 */
#include "checked.h"
#include "fail.h"
#include "plan_job.h"

#include <errno.h>
#include <string.h>

enum {
	NOTE_HEAD = 16, /* bytes: sizes of name and contents, type, and the name */
	PROPERTY_HEAD = 8,
	FILLED_TO = 8,
};

static uint32_t word_at(const uint8_t *bytes)
{
	uint32_t word;

	memcpy(&word, bytes, sizeof(word));
	return word;
}

static int refuse(const struct segmap_image *image, int errnum, const char *what,
		  struct segmap_error *err)
{
	const struct segmap_phdr *p = &image->phdrs[image->property_index];
	const struct segmap_error failure = {
		.reason = SEGMAP_REASON_PROPERTY,
		.verdict = SEGMAP_VERDICT_ERRNO,
		.object = image->role,
		.errnum = errnum,
		.index = image->property_index,
		.step = what,
		.value = {p->offset, p->filesz, image->file_size},
	};

	return segmap_error_set(err, &failure);
}

/* The properties themselves: SIZE bytes. Returns what is wrong with them, or NULL. */
static const char *read_properties(const uint8_t *bytes, uint64_t size,
				   const struct segmap_rules *rules, bool *asks)
{
	uint32_t before = 0;

	for (uint64_t at = 0; at < size;) {
		if (size - at < PROPERTY_HEAD)
			return "a property is cut short";
		uint32_t type = word_at(bytes + at), length = word_at(bytes + at + 4);
		uint64_t filled = page_up(length, FILLED_TO);
		if (filled > size - at - PROPERTY_HEAD)
			return "a property is longer than what is left";
		if (at > 0 && type <= before)
			return "the properties are not in ascending order";
		before = type;
		at += PROPERTY_HEAD;
		if (type == rules->property_type && length != sizeof(uint32_t))
			return "the property that counts is not of 4 bytes";
		if (type == rules->property_type)
			*asks = word_at(bytes + at) & rules->property_bit;
		at += filled;
	}
	return NULL;
}

int plan_property(const struct segmap_image *image, const struct segmap_rules *rules,
		  bool *asks, struct segmap_error *err)
{
	const uint8_t *bytes = image->property;
	size_t size = image->property_size;

	if (!rules->property_type || image->property_index < 0)
		return 0;
	if (image->phdrs[image->property_index].filesz > SEGMAP_PROPERTY_MAX)
		return refuse(image, ENOEXEC, "it has more than 1024 bytes", err);
	if (size < NOTE_HEAD)
		return refuse(image, EIO, "the 16 bytes that begin a note are not there", err);
	if (word_at(bytes) != sizeof(ELF_NOTE_GNU) ||
	    word_at(bytes + 8) != NT_GNU_PROPERTY_TYPE_0 ||
	    memcmp(bytes + 12, ELF_NOTE_GNU, sizeof(ELF_NOTE_GNU)) != 0)
		return refuse(image, ENOEXEC, "its note is not NT_GNU_PROPERTY_TYPE_0", err);
	if (word_at(bytes + 4) > size - NOTE_HEAD)
		return refuse(image, ENOEXEC, "its note is longer than it", err);
	const char *wrong = read_properties(bytes + NOTE_HEAD, word_at(bytes + 4), rules, asks);
	return wrong ? refuse(image, ENOEXEC, wrong, err) : 0;
}
