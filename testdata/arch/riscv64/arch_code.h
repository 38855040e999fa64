/* SPDX-License-Identifier: MIT */
/* A function as bytes: it returns 42. */
#ifndef TESTDATA_ARCH_CODE_H
#define TESTDATA_ARCH_CODE_H

static const unsigned char return_42[] __attribute__((aligned(4))) = {
	0x13, 0x05, 0xa0, 0x02, /* li a0, 42 */
	0x67, 0x80, 0x00, 0x00, /* ret */
};

#endif
