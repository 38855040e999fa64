/* Not every libc has strerrorname_np(3), and each has its own words in strerror(3): what a user
 * reads is not to depend on how segload was linked. */
#include "error_name.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

static const struct {
	const char *name, *text;
} errors[] = {
#include "error_table.h"
};

static bool is_known(int number)
{
	return number > 0 && (size_t)number < sizeof(errors) / sizeof(errors[0]) &&
	       errors[number].name;
}

const char *error_name(int number)
{
	return is_known(number) ? errors[number].name : NULL;
}

const char *error_text(int number)
{
	return is_known(number) ? errors[number].text : strerror(number);
}
