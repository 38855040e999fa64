/* The auxiliary vector, the initial stack and the registers. */
#include "arch_tracee.h"
#include "facts.h"

#include <segmap/auxv.h>

#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RANDOM_BYTES = 16 };

/* The name of TYPE, in OUT if it has none. */
static const char *auxv_name(uint64_t type, char out[32])
{
	const char *name = segmap_auxv_name(type);

	if (name)
		return name;
	snprintf(out, 32, "AT_%" PRIu64, type);
	return out;
}

/* Bytes that are read as words, wherever they lie. */
struct words {
	const char *data;
	size_t count;
};

static uint64_t word_at(const struct words *words, size_t index)
{
	uint64_t word = 0;

	if (index < words->count)
		memcpy(&word, words->data + index * sizeof(word), sizeof(word));
	return word;
}

/* Adds the pairs from word FIRST on, and their order; returns the index of the word behind
 * AT_NULL. */
static size_t add_pairs(struct facts *facts, const struct words *words, size_t first,
			const struct roles *roles, const char *where)
{
	char name[32], value[ROLE_SIZE], order[1024];
	size_t i = first, used = 0;

	for (; i + 1 < words->count && word_at(words, i); i += 2) {
		const char *n = auxv_name(word_at(words, i), name);

		if (segmap_auxv_is_address(word_at(words, i)))
			role_of(roles, word_at(words, i + 1), value);
		else
			snprintf(value, sizeof(value), "0x%" PRIx64, word_at(words, i + 1));
		facts_add(facts, value, "%s %s", where, n);
		if (used < sizeof(order))
			used += (size_t)snprintf(order + used, sizeof(order) - used, "%s%s",
						 used ? " " : "", n + strlen("AT_"));
	}
	facts_add(facts, used ? order : "", "%s order", where);
	return i + 2;
}

void facts_about_auxv(struct facts *facts, const struct segmap_process *process,
		      const struct roles *roles)
{
	const struct segmap_bytes *auxv = &process->proc[SEGMAP_PROC_AUXV];
	const struct words words = {auxv->data, auxv->size / sizeof(uint64_t)};

	if (auxv->error)
		facts_add_unknown(facts, auxv->error, "auxv");
	else
		add_pairs(facts, &words, 0, roles, "auxv");
}

/* ---- the initial stack ---- */

/* argv or envp from word FIRST up to its NULL; returns the index of the word behind that. */
static size_t add_pointers(struct facts *facts, const struct words *words, size_t first,
			   const struct roles *roles, const char *name)
{
	char value[ROLE_SIZE];
	size_t i = first;

	for (; i < words->count && word_at(words, i); i++)
		facts_add(facts, role_of(roles, word_at(words, i), value), "stack %s[%zu]",
			  name, i - first);
	return i + 1;
}

static uint64_t find_pair(const struct words *words, size_t first, uint64_t type)
{
	for (size_t i = first; i + 1 < words->count && word_at(words, i); i += 2)
		if (word_at(words, i) == type)
			return word_at(words, i + 1);
	return 0;
}

/* From the vector to the strings there is the platform's name, and 16 random bytes. With
 * randomisation also a gap of random size, which is zero like the padding. */
static void add_between(struct facts *facts, const char *data, size_t size, size_t random)
{
	char *copy = malloc(size + 1);

	if (!copy) {
		facts->failed = true;
		return;
	}
	memcpy(copy, data, size);
	if (random <= size && size - random >= RANDOM_BYTES) {
		char hex[2 * RANDOM_BYTES + 1];

		for (size_t i = 0; i < RANDOM_BYTES; i++)
			sprintf(hex + 2 * i, "%02x", (unsigned char)data[random + i]);
		facts_add(facts, hex, "stack random bytes");
		memset(copy + random, '?', RANDOM_BYTES);
	}
	facts_add_bytes(facts, copy, size, "stack padding and platform");
	free(copy);
}

static void add_contents(struct facts *facts, const struct segmap_process *process,
			 const struct roles *roles, size_t below)
{
	const char *data = process->stack.data + below;
	size_t size = process->stack.size - below;
	const struct words words = {data, size / sizeof(uint64_t)};
	char value[32];

	snprintf(value, sizeof(value), "%" PRIu64, word_at(&words, 0));
	facts_add(facts, value, "stack argc");
	size_t envp = add_pointers(facts, &words, 1, roles, "argv");
	size_t auxv = add_pointers(facts, &words, envp, roles, "envp");
	uint64_t random = find_pair(&words, auxv, AT_RANDOM) - process->sp;
	size_t end = sizeof(uint64_t) * add_pairs(facts, &words, auxv, roles, "stack");
	size_t strings = size;

	if (roles->arg_start >= process->sp + end && roles->arg_start < process->sp + size)
		strings = roles->arg_start - process->sp;
	if (end > strings)
		return;
	add_between(facts, data + end, strings - end, random - end);
	facts_add_bytes(facts, data + strings, size - strings, "stack strings");
}

void facts_about_stack(struct facts *facts, const struct segmap_process *process,
		       const struct roles *roles)
{
	const struct segmap_bytes *stack = &process->stack;
	uint64_t below = process->sp - process->stack_addr;

	if (stack->error) {
		facts_add_unknown(facts, stack->error, "stack");
		return;
	}
	if (below > stack->size)
		return;
	facts_add_words(facts, stack->data, below, -(int64_t)below, "stack below");
	const struct words words = {stack->data + below,
				    (stack->size - below) / sizeof(uint64_t)};
	if (words.count && word_at(&words, 0) < stack->size)
		add_contents(facts, process, roles, below);
}

/* ---- registers ---- */

static void add_state(struct facts *facts, const struct segmap_bytes *state)
{
	if (state->error) {
		facts_add_unknown(facts, state->error, "register fpu");
		return;
	}
	for (size_t i = 0; i < arch_state_part_count; i++) {
		const struct arch_state_part *part = &arch_state_parts[i];
		char what[64], value[32];
		uint64_t word = 0;

		snprintf(what, sizeof(what), "register fpu %s", part->name);
		if (part->offset + part->size > state->size)
			continue;
		if (part->size == 0 || part->size > sizeof(word)) {
			size_t size = part->size ? part->size : state->size - part->offset;

			facts_add_words(facts, state->data + part->offset, size, 0, what);
			continue;
		}
		memcpy(&word, state->data + part->offset, part->size);
		snprintf(value, sizeof(value), "0x%" PRIx64, word & part->mask);
		facts_add(facts, value, "%s", what);
	}
}

void facts_about_registers(struct facts *facts, const struct segmap_process *process,
			   const struct roles *roles)
{
	char value[ROLE_SIZE];

	if (process->registers_error) {
		facts_add_unknown(facts, process->registers_error, "register");
		return;
	}
	for (size_t i = 0; i < arch_register_count; i++) {
		const char *at = (const char *)&process->registers + arch_registers[i].offset;
		uint64_t word;

		memcpy(&word, at, sizeof(word));
		facts_add(facts, role_of(roles, word, value), "register %s",
			  arch_registers[i].name);
	}
	add_state(facts, &process->xstate);
}
