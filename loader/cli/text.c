#include "text.h"

#include <ctype.h>

/* U+0080 to U+009F, in UTF-8: some terminals obey these as well. */
static bool is_high_control(const unsigned char *c)
{
	return c[0] == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f;
}

void put_text(FILE *out, const char *text)
{
	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		if (is_high_control(c)) {
			fprintf(out, "\\x%02x", *c++);
			fprintf(out, "\\x%02x", *c);
		} else if (iscntrl(*c)) {
			fprintf(out, "\\x%02x", *c);
		} else {
			fputc(*c, out);
		}
	}
}

static void put_line(FILE *out, const char *before, const char *text)
{
	if (!*text)
		return;
	fputs(before, out);
	put_text(out, text);
	fputc('\n', out);
}

const char *seen_name(const char *name)
{
	return *name ? name : "''";
}

void put_error(FILE *out, const char *path, const struct segmap_error *err)
{
	struct segmap_error_text text;

	segmap_error_describe(err, &text);
	put_text(out, seen_name(path));
	put_line(out, ": ", text.cause);
	put_line(out, "  ", text.evidence);
	put_line(out, "  ", text.kernel);
	put_line(out, "  hint: ", text.hint);
}
