/* The two halves of an account: what the page tables say, and what the faults say. */
#ifndef OBSERVE_ACCOUNT_H
#define OBSERVE_ACCOUNT_H

#include <segmap/account.h>

/* Which pages of one process had a copying fault: its last one there. Or, where there is none,
 * one of which it is not known what it did. */
struct faulted {
	const struct segmap_fault **items; /* owned; one for each page, by address */
	size_t count;
	uint64_t page_size;
};

/* From EVIDENCE's faults, by ACCOUNT's strips. Returns 0 or -ENOMEM; FAULTED is to be given to
 * faulted_free in any case. */
int faulted_make(struct faulted *faulted, const struct segmap_account *account,
		 const struct segmap_evidence *evidence);
void faulted_free(struct faulted *faulted);

/* That of the page at ADDR, or NULL. */
const struct segmap_fault *faulted_find(const struct faulted *faulted, uint64_t addr);

/* The strip that ADDR is in, or NULL. */
const struct segmap_strip *account_find_strip(const struct segmap_account *account,
					      uint64_t addr);

/* Compares ACCOUNT's copies with the faults, page by page. Returns 0 or -ENOMEM. */
int account_reconcile(struct segmap_account *account, const struct segmap_evidence *evidence,
		      const struct faulted *faulted);

#endif
