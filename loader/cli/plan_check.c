/* segmap plan --check: what is refused, by asking the loader itself, and what the rules find.
 */
#include "plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *severity_name(enum severity severity)
{
	static const char *const names[] = {
		[SEVERITY_INFO] = "info",
		[SEVERITY_WARNING] = "warning",
		[SEVERITY_REFUSED] = "refused",
	};

	return names[severity];
}

void finding_add(struct findings *findings, const struct finding *finding)
{
	struct finding *items =
		reallocarray(findings->items, findings->count + 1, sizeof(*items));

	if (!items) {
		findings->failed = true;
		return;
	}
	findings->items = items;
	items[findings->count++] = *finding;
}

/* "refused: not an ELF file" without its first word, which the severity says already. */
static const char *skip_verdict(const char *cause)
{
	static const char *const words[] = {"refused: ", "unsupported: "};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strncmp(cause, words[i], strlen(words[i])) == 0)
			return cause + strlen(words[i]);
	return cause;
}

static void add_refusal(struct findings *findings, enum severity severity,
			const struct segmap_error *err)
{
	struct segmap_error plain = *err;
	struct segmap_error_text text;
	struct finding finding = {
		.severity = severity,
		.object = err->object,
		.index = err->index,
		.name = segmap_reason_name(err->reason),
	};

	plain.object = SEGMAP_PROGRAM; /* which object it is, is said by the finding */
	segmap_error_describe(&plain, &text);
	snprintf(finding.cause, sizeof(finding.cause), "%s", skip_verdict(text.cause));
	snprintf(finding.evidence, sizeof(finding.evidence), "%s", text.evidence);
	snprintf(finding.kernel, sizeof(finding.kernel), "%s", text.kernel);
	finding_add(findings, &finding);
}

/* A file for another CPU is looked at by that CPU's rules; it is not to be blamed for it. */
static bool is_foreign(const struct plan_file *file, const struct segmap_error *err)
{
	return file->here.reason && err->reason == SEGMAP_REASON_MACHINE;
}

/* The plan is made of files that need no permission; opening them as execve does shows whether
 * there is one. */
static void check_permission(struct findings *findings, const struct plan_file *file,
			     enum segmap_object_id id)
{
	struct segmap_image *image = NULL;
	struct segmap_error err = {0};

	if (segmap_image_open(&image, file->images[id]->path, id, &err) < 0 &&
	    err.verdict != SEGMAP_VERDICT_SYSTEM && !is_foreign(file, &err))
		add_refusal(findings, SEVERITY_REFUSED, &err);
	segmap_image_free(image);
}

int check_file(struct findings *findings, const struct plan_file *file)
{
	if (file->error.reason && file->error.verdict != SEGMAP_VERDICT_SYSTEM)
		add_refusal(findings, SEVERITY_REFUSED, &file->error);
	if (file->here.reason)
		add_refusal(findings, SEVERITY_INFO, &file->here);
	for (int id = 0; id < 2; id++) {
		if (!file->images[id])
			continue;
		check_permission(findings, file, (enum segmap_object_id)id);
		check_image(findings, file, (enum segmap_object_id)id);
	}
	return findings->failed ? -ENOMEM : 0;
}

static void print_finding(const struct finding *finding, const struct plan_file *file,
			  bool color)
{
	static const enum style styles[] = {
		[SEVERITY_INFO] = STYLE_INFO,
		[SEVERITY_WARNING] = STYLE_WARNING,
		[SEVERITY_REFUSED] = STYLE_REFUSED,
	};

	put_text(stdout, file->path);
	printf(": %s%s%s: ", style_on(styles[finding->severity], color),
	       severity_name(finding->severity), style_off(color));
	if (finding->object == SEGMAP_INTERPRETER) {
		fputs("interpreter ", stdout);
		put_text(stdout, file->images[SEGMAP_PROGRAM]->interp);
		fputs(": ", stdout);
	}
	put_text(stdout, finding->cause);
	fputs("\n  ", stdout);
	put_text(stdout, finding->evidence);
	fputs("\n  ", stdout);
	put_text(stdout, finding->kernel);
	putchar('\n');
}

void findings_print(const struct findings *findings, const struct plan_file *file,
		    const struct plan_options *options)
{
	size_t counts[3] = {0};

	for (size_t i = 0; i < findings->count; i++) {
		print_finding(&findings->items[i], file, options->color);
		counts[findings->items[i].severity]++;
	}
	put_text(stdout, file->path);
	if (counts[SEVERITY_REFUSED] + counts[SEVERITY_WARNING] == 0)
		printf(": clean\n");
	else
		printf(": %zu refused, %zu suspicious\n", counts[SEVERITY_REFUSED],
		       counts[SEVERITY_WARNING]);
}
