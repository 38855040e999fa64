/* Messages, colours and the end of the output, for all commands. */
#include "command.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void complain(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("segmap: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
}

static void complain_line(const char *before, const char *text)
{
	if (!*text)
		return;
	fputs(before, stderr);
	put_text(stderr, text);
	fputc('\n', stderr);
}

void complain_about(const char *path, const struct segmap_error *err)
{
	struct segmap_error_text text;

	segmap_error_describe(err, &text);
	fflush(stdout); /* so that the message stands where it belongs when both go to one place
			 */
	fputs("segmap: ", stderr);
	put_text(stderr, path);
	complain_line(": ", text.cause);
	complain_line("  ", text.evidence);
	complain_line("  ", text.kernel);
	complain_line("  hint: ", text.hint);
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

void put_text(FILE *out, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (iscntrl(c))
			fprintf(out, "\\x%02x", c);
		else
			fputc(c, out);
	}
}

int finish_output(int status, int failed)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	complain("standard output: %s", strerror(errno));
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
