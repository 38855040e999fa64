/* Differences that are known, each with its condition: what is not explained stays unexpected.
 */
#ifndef OBSERVE_EXPECTED_H
#define OBSERVE_EXPECTED_H

#include "facts.h"

/* One item's two facts, either of which may be NULL, and all that is known of each side. */
struct fact_pair {
	const struct fact *kernel, *loader;
	const struct facts *kernel_all, *loader_all;
	bool aslr;
};

/* The reason why PAIR differs between any two processes, or NULL. */
const struct segmap_expectation *why_varies(const struct fact_pair *pair);

/* The reason why it differs for segload, or NULL. */
const struct segmap_expectation *why_expected(const struct fact_pair *pair);

/* What is said of items in which two runs by execve differ. */
extern const struct segmap_expectation not_repeatable;

#endif
