/* Reading lines of /proc/PID/status without scanf, which is 10 KiB of code in a segload. */
#ifndef LOADER_STATUS_H
#define LOADER_STATUS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* If LINE is that of NAME, which ends with a colon, *VALUE is the number in it, of base 16. */
static inline bool status_field(const char *line, const char *name, uint64_t *value)
{
	size_t length = strlen(name);

	if (strncmp(line, name, length) != 0)
		return false;
	*value = strtoull(line + length, NULL, 16);
	return true;
}

#endif
