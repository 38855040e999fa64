/* SPDX-License-Identifier: MIT */
/* A function as bytes: it returns 42. */
#ifndef TESTDATA_ARCH_CODE_H
#define TESTDATA_ARCH_CODE_H

static const unsigned char return_42[] = {0xb8, 42, 0, 0, 0, 0xc3}; /* mov $42, %eax; ret */

#endif
