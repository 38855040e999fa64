/* SPDX-License-Identifier: MIT */
/* The largest page that a kernel for this CPU has: what must not share a page is this far
 * apart. */
#ifndef TESTDATA_ARCH_PAGE_H
#define TESTDATA_ARCH_PAGE_H

#define PAGE_MAX 4096UL

#endif
