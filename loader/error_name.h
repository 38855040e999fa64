#ifndef LOADER_ERROR_NAME_H
#define LOADER_ERROR_NAME_H

#include <stddef.h>

/* "ENOEXEC", or NULL. */
const char *error_name(int number);

/* "Exec format error", as strerror(3) has it in English; never NULL. */
const char *error_text(int number);

#endif
