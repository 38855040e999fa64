#include "trace.h"

#include <stdarg.h>
#include <stdio.h>

void segmap_trace_call(const struct segmap_options *options, const char *why,
		       const char *format, ...)
{
	char call[256];
	va_list args;

	if (!options || !options->trace)
		return;
	va_start(args, format);
	vsnprintf(call, sizeof(call), format, args);
	va_end(args);
	options->trace(options->trace_data, call, why);
}
