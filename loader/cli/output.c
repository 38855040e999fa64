/* Messages, colours and the end of the output, for all commands. */
#include "command.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void complain(const char *format, ...)
{
	char *text;
	va_list args;

	va_start(args, format);
	int length = vasprintf(&text, format, args);
	va_end(args);
	fputs("segmap: ", stderr);
	put_text(stderr, length < 0 ? "out of memory" : text);
	fputc('\n', stderr);
	if (length >= 0)
		free(text);
}

void complain_about(const char *path, const struct segmap_error *err)
{
	fflush(stdout); /* so that the message stands where it belongs when both go to one place
			 */
	fputs("segmap: ", stderr);
	put_error(stderr, path, err);
}

int status_of(const struct segmap_error *err)
{
	if (err->verdict == SEGMAP_VERDICT_SYSTEM)
		return EXIT_OWN;
	if (err->reason == SEGMAP_REASON_OPEN &&
	    (err->errnum == ENOENT || err->errnum == ENOTDIR))
		return EXIT_MISSING;
	return EXIT_REFUSED;
}

int finish_output(int status, int failed)
{
	static bool said; /* a command and main both end with this */

	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	if (!said)
		complain("standard output: %s", strerror(errno));
	said = true;
	return failed;
}

bool choose_color(const char *when, bool *color)
{
	const char *none = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	if (when && strcmp(when, "always") == 0)
		*color = true;
	else if (when && strcmp(when, "never") == 0)
		*color = false;
	else if (!when || strcmp(when, "auto") == 0)
		*color = isatty(STDOUT_FILENO) && !(none && *none) && term &&
			 strcmp(term, "dumb") != 0;
	else
		return false;
	return true;
}

const char *style_on(enum style style, bool color)
{
	static const char *const sequences[STYLE_COUNT] = {
		[STYLE_TITLE] = "\033[1m",    [STYLE_NOTE] = "\033[2m",
		[STYLE_REFUSED] = "\033[31m", [STYLE_WARNING] = "\033[33m",
		[STYLE_INFO] = "\033[36m",
	};

	return color ? sequences[style] : "";
}

const char *style_off(bool color)
{
	return color ? "\033[0m" : "";
}
