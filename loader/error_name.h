#ifndef LOADER_ERROR_NAME_H
#define LOADER_ERROR_NAME_H

#include <stddef.h>

/* "ENOEXEC", or NULL. */
const char *error_name(int number);

#endif
