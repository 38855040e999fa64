/* Why a template could not be made or used, in words. */
#include "template.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

int template_error_set(struct segmap_template_error *err,
		       const struct segmap_template_error *failure)
{
	if (err)
		*err = *failure;
	return -failure->errnum;
}

/* "it ended with status 3", or what else a status of wait(2) means. */
static void describe_end(int status, char *text, size_t size)
{
	if (status == -1)
		snprintf(text, size, "how it ended is not known: it has been waited for");
	else if (WIFSIGNALED(status))
		snprintf(text, size, "signal %d (%s) killed it", WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
	else
		snprintf(text, size, "it ended with status %d", WEXITSTATUS(status));
}

void segmap_template_describe(const struct segmap_template_error *err, char *text, size_t size)
{
	char end[128];

	describe_end(err->status, end, sizeof(end));
	switch (err->problem) {
	case SEGMAP_TEMPLATE_SYSTEM:
		snprintf(text, size, "%s: %s", err->step, strerror(err->errnum));
		break;
	case SEGMAP_TEMPLATE_REFUSED:
		if (err->step)
			snprintf(text, size, "%s: %s", err->step, strerror(err->errnum));
		else
			snprintf(text, size, "not loaded: %s", end);
		break;
	case SEGMAP_TEMPLATE_NO_SYMBOL:
		snprintf(text, size,
			 "there is no such symbol\n"
			 "  hint: a stripped program can be started at its first instruction");
		break;
	case SEGMAP_TEMPLATE_NOT_REACHED:
		snprintf(text, size, "the place was not reached: %s", end);
		break;
	case SEGMAP_TEMPLATE_THREADS:
		snprintf(text, size,
			 "the program has %" PRIu64
			 " threads there, and a fork copies only one\n"
			 "  hint: start it at a place before it makes them, as its first "
			 "instruction",
			 err->value);
		break;
	case SEGMAP_TEMPLATE_NO_CALL:
		snprintf(text, size,
			 "no system call instruction found in it: there is no vdso");
		break;
	case SEGMAP_TEMPLATE_NO_TID:
		snprintf(text, size,
			 "libc's word for the thread's id cannot be found\n"
			 "  hint: start it at its first instruction, or use a kernel with "
			 "CONFIG_CHECKPOINT_RESTORE");
		break;
	case SEGMAP_TEMPLATE_DEAD:
		snprintf(text, size, "the template is dead: %s", end);
		break;
	case SEGMAP_TEMPLATE_TOO_BIG:
		snprintf(text, size,
			 "arguments and environment take %" PRIu64
			 " bytes, more than the kernel would take",
			 err->value);
		break;
	case SEGMAP_TEMPLATE_ARGUMENTS:
		snprintf(text, size,
			 "arguments can be given at the first instruction and at main only");
		break;
	default:
		snprintf(text, size, "no error");
		break;
	}
}
