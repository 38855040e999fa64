/* The parts of segmap_self_read, for a load that asks for each where it needs it first. */
#ifndef LOADER_SELF_H
#define LOADER_SELF_H

#include <segmap/handover.h>

/* RLIMIT_STACK in bytes; UINT64_MAX for none, or if it is not told. */
uint64_t self_stack_limit(void);

/* 0 if it is not told. */
unsigned long self_personality(void);

/* Fills all of SELF but rlimit_stack and personality, which are there already. PRISTINE: see
 * struct segmap_options. Errors as segmap_self_read. */
int self_read_rest(struct segmap_self *self, bool pristine, struct segmap_error *err);

/*
 * Three ways for the mappings of SELF, from its auxiliary vector and page_size: for a process
 * that is fresh from its exec, by single questions, or (self.c) by reading all. Those below
 * return false with SELF untouched where they are not sure.
 */
bool self_fresh(struct segmap_self *self);
bool self_query(struct segmap_self *self);

/* Sets the end of user memory in RULES to what this CPU and kernel really have. */
void self_reach(struct segmap_rules *rules);

/* The same, which is up to two system calls, only if one of the files could meet that end.
 * INTERP may be NULL. */
void self_reach_for(struct segmap_rules *rules, const struct segmap_image *program,
		    const struct segmap_image *interp);

/* Does the place of this fresh process's heap prove that randomize_va_space is 2? */
bool self_fresh_is_random(const struct segmap_self *self);

#endif
