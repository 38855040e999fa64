/* One start of a template's program: what its child is told, and the answer. */
#include "template.h"

#include <errno.h>
#include <fcntl.h>
#include <segmap/auxv.h>
#include <segmap/plan.h>
#include <segmap/stack.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RANDOM_BYTES = 16 };

/* What follows the request; owned. */
struct payload {
	uint8_t *bytes;
};

static char *const *environment(const struct segmap_template_start *start)
{
	return start->envp ? start->envp : environ;
}

/* ---- at the first instruction: a new stack, as execve would make it ---- */

static int take_random(uint8_t random[RANDOM_BYTES], uint16_t *shift)
{
	bool drawn = getrandom(random, RANDOM_BYTES, 0) == RANDOM_BYTES &&
		     getrandom(shift, sizeof(*shift), 0) == sizeof(*shift);

	return drawn ? 0 : -errno;
}

static void describe_stack(struct agent_request *q, const struct segmap_stack *stack)
{
	q->size = stack->size;
	q->sp = stack->sp;
	q->arg_start = stack->arg_start;
	q->arg_end = stack->arg_end;
	q->env_start = stack->env_start;
	q->env_end = stack->env_end;
	q->auxv = stack->sp + stack->auxv_offset;
	q->auxv_size = stack->auxv_size;
}

/* AT_PLATFORM is a string of the template's own stack: this process runs on the same CPU. */
static int fill_stack(const struct segmap_template *t,
		      const struct segmap_template_start *start, struct agent_request *q,
		      struct payload *payload, struct segmap_template_error *err)
{
	uint8_t random[RANDOM_BYTES];
	struct segmap_rules rules;
	struct segmap_error why;
	struct segmap_stack stack;
	struct rlimit limit;
	uint16_t shift = 0;
	struct segmap_stack_input in = {
		.page_size = t->args.page_size,
		.stack_end = t->args.stack_end,
		.execfn = t->path,
		.argv = start->argv,
		.envp = environment(start),
		.random = random,
		.auxv = (const struct segmap_auxv *)(const void *)t->auxv.data,
	};

	segmap_rules_native(&rules, in.page_size);
	in.platform = rules.platform;
	if (getrlimit(RLIMIT_STACK, &limit) < 0 || take_random(random, &shift) < 0)
		return template_fail(err, SYSTEM, errno, .step = "getrandom");
	in.rlimit_stack = limit.rlim_cur;
	in.shift = t->aslr ? (unsigned)(shift % rules.stack_shift_range) : 0;
	int r = segmap_stack_build(&stack, &in, &why);
	if (r == -E2BIG)
		return template_fail(err, TOO_BIG, E2BIG, .value = why.value[0]);
	if (r < 0)
		return template_fail(err, SYSTEM, -r, .step = "building the stack");
	payload->bytes = stack.bytes;
	describe_stack(q, &stack);
	return 0;
}

/* ---- later: lists and strings, in memory of their own ---- */

struct list {
	char *const *items;
	size_t count, bytes; /* of the strings */
};

static struct list measure(char *const *items)
{
	struct list list = {.items = items};

	for (; items && items[list.count]; list.count++)
		list.bytes += strlen(items[list.count]) + 1;
	return list;
}

/* Writes the pointers at POINTERS and the strings at *STRINGS, offsets in BYTES, which is to
 * be at BASE. */
static void write_list(const struct list *list, uint8_t *bytes, uint64_t base, size_t pointers,
		       size_t *strings)
{
	uint64_t *word = (uint64_t *)(void *)(bytes + pointers);

	for (size_t i = 0; i < list->count; i++) {
		size_t length = strlen(list->items[i]) + 1;

		*word++ = base + *strings;
		memcpy(bytes + *strings, list->items[i], length);
		*strings += length;
	}
	*word = 0;
}

static void name_program(struct agent_request *q, const struct list *arguments, uint64_t at)
{
	const char *name = arguments->count ? arguments->items[0] : "";
	const char *slash = strrchr(name, '/');

	q->values[AGENT_NAME] = at;
	q->values[AGENT_SHORT_NAME] = at + (slash ? (uint64_t)(slash + 1 - name) : 0);
}

static int fill_lists(const struct segmap_template *t,
		      const struct segmap_template_start *start, struct agent_request *q,
		      struct payload *payload, struct segmap_template_error *err)
{
	static char nothing[] = "", *const no_arguments[] = {nothing, NULL};
	bool empty = !start->argv || !start->argv[0];
	struct list arguments = measure(empty ? no_arguments : start->argv);
	struct list variables = measure(environment(start));
	size_t pointers = (arguments.count + variables.count + 2) * sizeof(uint64_t);
	uint64_t base = t->args.buffer;
	size_t strings = pointers;

	q->size = pointers + arguments.bytes + variables.bytes;
	if (q->size > AGENT_BUFFER)
		return template_fail(err, TOO_BIG, E2BIG, .value = q->size);
	uint8_t *bytes = malloc(q->size);
	if (!bytes)
		return template_fail(err, SYSTEM, ENOMEM, .step = "malloc");
	payload->bytes = bytes;
	write_list(&arguments, bytes, base, 0, &strings);
	q->env_start = base + strings;
	write_list(&variables, bytes, base, (arguments.count + 1) * sizeof(uint64_t), &strings);
	q->env_end = base + strings;
	q->values[AGENT_ENVIRON] = base + (arguments.count + 1) * sizeof(uint64_t);
	if (t->place != PLACE_MAIN)
		return 0;
	q->has_arg = 1;
	q->arg_start = base + pointers;
	q->arg_end = q->env_start;
	q->values[AGENT_ARGC] = arguments.count;
	q->values[AGENT_ARGV] = base;
	name_program(q, &arguments, base + pointers);
	return 0;
}

static int fill(const struct segmap_template *t, const struct segmap_template_start *start,
		struct agent_request *q, struct payload *payload,
		struct segmap_template_error *err)
{
	if (t->place == PLACE_OTHER && start->argv)
		return template_fail(err, ARGUMENTS, EINVAL);
	return t->place == PLACE_ENTRY ? fill_stack(t, start, q, payload, err)
				       : fill_lists(t, start, q, payload, err);
}

/* ---- the socket ---- */

/* Its end is heard at once; how it came is the kernel's to tell. */
static int report_death(struct segmap_template *t, struct segmap_template_error *err)
{
	pid_t got = 0;

	while (!t->ended && (got = waitpid(t->pid, &t->status, 0)) < 0 && errno == EINTR)
		;
	if (got < 0)
		t->status = -1; /* somebody else has waited for it */
	t->ended = true;
	return template_fail(err, DEAD, EPIPE, .status = t->status);
}

static int fail_socket(struct segmap_template *t, int error, const char *step,
		       struct segmap_template_error *err)
{
	if (error == EPIPE || error == ECONNRESET || error == 0)
		return report_death(t, err);
	return template_fail(err, SYSTEM, error, .step = step);
}

/* The descriptors go beside the first byte. */
static void attach(struct msghdr *message, const int fds[AGENT_FDS], struct agent_request *q)
{
	struct cmsghdr *head = message->msg_control;
	int *data = (int *)(void *)CMSG_DATA(head);
	size_t count = 0;

	for (unsigned i = 0; i < AGENT_FDS; i++)
		if (fds[i] >= 0) {
			data[count++] = fds[i];
			q->wanted |= 1U << i;
		}
	*head = (struct cmsghdr){
		.cmsg_len = CMSG_LEN(count * sizeof(int)),
		.cmsg_level = SOL_SOCKET,
		.cmsg_type = SCM_RIGHTS,
	};
	message->msg_controllen = count ? CMSG_SPACE(count * sizeof(int)) : 0;
}

/* All of what is left of the message; what of it has been sent is taken from the pieces. */
static int send_all(int socket, struct msghdr *message)
{
	while (message->msg_iovlen) {
		ssize_t n = sendmsg(socket, message, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		message->msg_controllen = 0;
		for (size_t left = (size_t)n; message->msg_iovlen;) {
			struct iovec *piece = message->msg_iov;
			size_t done = left < piece->iov_len ? left : piece->iov_len;

			piece->iov_base = (char *)piece->iov_base + done;
			piece->iov_len -= done;
			left -= done;
			if (piece->iov_len)
				break;
			message->msg_iov++;
			message->msg_iovlen--;
		}
	}
	return 0;
}

static int ask(struct segmap_template *t, struct agent_request *q,
	       const struct payload *payload, const int fds[AGENT_FDS],
	       struct segmap_template_error *err)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(AGENT_FDS * sizeof(int))];
	} control = {0};
	struct iovec pieces[] = {{q, sizeof(*q)}, {payload->bytes, q->size}};
	struct msghdr message = {.msg_iov = pieces,
				 .msg_iovlen = 2,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};

	attach(&message, fds, q);
	int r = send_all(t->socket, &message);
	return r < 0 ? fail_socket(t, -r, "sendmsg", err) : 0;
}

static int take_answer(struct segmap_template *t, pid_t *pid, struct segmap_template_error *err)
{
	int64_t answer;
	ssize_t n;

	do
		n = recv(t->socket, &answer, sizeof(answer), MSG_WAITALL);
	while (n < 0 && errno == EINTR);
	if (n != sizeof(answer))
		return fail_socket(t, n < 0 ? errno : 0, "recv", err);
	if (answer < 0)
		return template_fail(err, SYSTEM, (int)-answer, .step = "clone");
	*pid = (pid_t)answer;
	return 0;
}

int segmap_template_spawn(struct segmap_template *t, const struct segmap_template_start *start,
			  pid_t *pid, struct segmap_template_error *err)
{
	int fds[AGENT_FDS] = {start->standard[0], start->standard[1], start->standard[2], -1};
	struct agent_request request = {0};
	struct payload payload = {0};

	if (t->ended)
		return report_death(t, err);
	int r = fill(t, start, &request, &payload, err);
	if (r < 0)
		return r;
	if (start->directory) {
		fds[3] = open(start->directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fds[3] < 0)
			r = template_fail(err, SYSTEM, errno, .step = "open the directory");
	}
	if (r == 0)
		r = ask(t, &request, &payload, fds, err);
	if (r == 0)
		r = take_answer(t, pid, err);
	if (fds[3] >= 0)
		close(fds[3]);
	free(payload.bytes);
	return r;
}
