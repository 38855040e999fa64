/* testdata/show-counter, put into this program when it is built. */
#ifndef LAB_PROGRAM_H
#define LAB_PROGRAM_H

#include <stddef.h>

extern const unsigned char lab_program_bytes[];
extern const size_t lab_program_size;

#endif
