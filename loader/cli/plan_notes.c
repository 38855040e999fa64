/* What is to be said about a segment beside its row in the table. */
#include "plan.h"

#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#define HEX "0x%" PRIx64

static void add_note(struct notes *notes, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void add_note(struct notes *notes, const char *format, ...)
{
	char **lines = reallocarray(notes->lines, notes->count + 1, sizeof(*lines));
	va_list args;

	if (!lines) {
		notes->failed = true;
		return;
	}
	notes->lines = lines;
	va_start(args, format);
	if (vasprintf(&lines[notes->count], format, args) >= 0)
		notes->count++;
	else
		notes->failed = true;
	va_end(args);
}

static void note_tail(struct notes *notes, const struct plan_file *file,
		      const struct segmap_mapping *m, const struct segmap_phdr *p)
{
	uint64_t end = m->addr + m->length;
	uint64_t file_end = m->addr + m->skew + p->filesz;

	if (m->clear_length)
		add_note(notes,
			 "zero " HEX "-" HEX ": bss in the last file page, 1 copy made by the "
			 "loader",
			 m->clear_addr, m->clear_addr + m->clear_length);
	else if (p->memsz > p->filesz && file_end != end)
		add_note(notes,
			 "tail " HEX "-" HEX ": bss that keeps the file's bytes, since the "
			 "segment is not writable",
			 file_end, end);
	if (m->offset + m->length > file->images[m->object]->file_size + file->rules.page_size)
		add_note(notes, "end of the file at offset " HEX ": SIGBUS on pages after it",
			 file->images[m->object]->file_size);
}

static void note_bss(struct notes *notes, const struct segmap_mapping *m,
		     const struct segmap_phdr *p)
{
	if ((p->flags & (PF_R | PF_W)) != (PF_R | PF_W))
		add_note(notes,
			 "bss is readable and writable, whatever the segment's flags say");
	if (m->skew)
		add_note(notes, "skew " HEX ": bytes before the segment that become zero too",
			 m->skew);
}

/* Two objects only meet if both have their addresses. */
static bool may_meet(const struct plan_file *file, const struct segmap_mapping *a,
		     const struct segmap_mapping *b)
{
	return a->object == b->object ||
	       (is_placed(file, a->object) && is_placed(file, b->object));
}

static void note_replaced(struct notes *notes, const struct plan_file *file,
			  const struct segmap_mapping *m)
{
	const struct segmap_mapping *end = file->plan->mappings + file->plan->mapping_count;

	for (const struct segmap_mapping *n = m + 1; n < end; n++) {
		uint64_t from = n->addr > m->addr ? n->addr : m->addr;
		uint64_t m_end = m->addr + m->length, n_end = n->addr + n->length;
		uint64_t to = m_end < n_end ? m_end : n_end;

		if (from < to && may_meet(file, m, n))
			add_note(notes, "lost " HEX "-" HEX ": replaced by segment %d%s", from,
				 to, n->index,
				 n->object == m->object ? "" : " of the interpreter");
	}
}

int notes_collect(struct notes *notes, const struct plan_file *file, enum segmap_object_id id,
		  size_t index)
{
	const struct segmap_phdr *p = &file->images[id]->phdrs[index];

	*notes = (struct notes){0};
	for (size_t i = 0; i < file->plan->mapping_count; i++) {
		const struct segmap_mapping *m = &file->plan->mappings[i];

		if (m->object != id || m->index != (int)index)
			continue;
		if (m->skew && m->kind == SEGMAP_FILE_PRIVATE)
			add_note(notes,
				 "skew " HEX
				 ": bytes of the file before the segment that come along",
				 m->skew);
		if (is_guarded(m))
			add_note(notes, "bti, where the CPU has it: indirect branches go to "
					"landing pads alone");
		if (m->kind == SEGMAP_FILE_PRIVATE)
			note_tail(notes, file, m, p);
		else
			note_bss(notes, m, p);
		note_replaced(notes, file, m);
	}
	return notes->failed ? -ENOMEM : 0;
}

void notes_free(struct notes *notes)
{
	for (size_t i = 0; i < notes->count; i++)
		free(notes->lines[i]);
	free(notes->lines);
}
