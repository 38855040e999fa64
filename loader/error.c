#include <segmap/error.h>

#include "error_name.h"

#include "fail.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
	HEADER = 64, /* bytes of an ELF header */
};

/*
 * Texts are templates: {i} is the header's index, {s} the step, {e} the errno in words, {x0}
 * and {d0} a value in hex and decimal, {o0} in octal, {p0} the powers of two in it. Kept as
 * data so that every reason has its sentence, its numbers and its hint in one place.
 */
struct reason_text {
	const char *name;
	const char *cause;
	const char *evidence;
	const char *hint;
};

#define TEXT(reason, ...) [SEGMAP_REASON_##reason] = {__VA_ARGS__}

/* clang-format off */
static const struct reason_text texts[SEGMAP_REASON_COUNT] = {
	TEXT(NONE, "none", "no error", "", ""),
	TEXT(OPEN, "open", "cannot be opened: {e}", "{s}: {e}", ""),
	TEXT(NOT_REGULAR, "not-regular", "refused: not a regular file",
	     "st_mode {o0}: only a regular file (S_IFREG, 0100000) can be executed", ""),
	TEXT(NOT_EXECUTABLE, "not-executable", "refused: not permitted to be executed: {e}",
	     "mode {o0}, or the file system is mounted noexec", "chmod +x gives the permission"),
	TEXT(BUSY, "busy", "refused: the file is open for writing",
	     "some process holds a descriptor with write access",
	     "fuser -v FILE names that process"),
	TEXT(UNREADABLE, "unreadable", "unsupported: may be executed, but not read",
	     "open for reading: {e}; mode {o0}", "a loader in userspace must be able to read the file"),
	TEXT(SETID, "set-id", "unsupported: running it would change user or group",
	     "mode {o0}, owner {d1}, group {d2}",
	     "only the kernel can give an identity; run it as that user, or a copy without the bit"),
	TEXT(FILE_CAPS, "file-capabilities", "unsupported: running it would give capabilities",
	     "the file has a security.capability attribute",
	     "only the kernel can give capabilities; run a copy, which does not have them"),
	TEXT(READ, "read", "cannot be read: {e}", "{s} of {d1} bytes at offset {x0}: {e}", ""),
	TEXT(NOT_ELF, "not-elf", "refused: not an ELF file",
	     "the first 4 bytes are {b0}, not 7f 45 4c 46; the file has {d1} of the header's 64 bytes", ""),
	TEXT(ELF_TYPE, "elf-type", "refused: neither an executable nor a shared object",
	     "e_type {x0}: not ET_EXEC (2) or ET_DYN (3)",
	     "a relocatable object must be linked first; a core file is for a debugger"),
	TEXT(MACHINE, "machine", "refused: built for another CPU",
	     "e_machine {d0}: this kernel runs {d1}", "qemu-user runs programs of other CPUs"),
	TEXT(COMPAT, "compat", "unsupported: a 32-bit program",
	     "e_machine {d0}: for the 32-bit mode that a kernel may have",
	     "a 64-bit process cannot become a 32-bit one without execve"),
	TEXT(CLASS, "class", "refused: built for another mode of this CPU",
	     "EI_CLASS {d0}: this kernel runs {d1} (1 is 32 bits, 2 is 64)", ""),
	TEXT(PHENTSIZE, "phentsize", "refused: program headers of the wrong size",
	     "e_phentsize {d0}: must be {d1}", ""),
	TEXT(PHNUM, "phnum", "refused: too many or no program headers",
	     "e_phnum {d0}: must be 1 to {d1}", ""),
	TEXT(PHDR_TABLE, "phdr-table", "refused: the program header table is not in the file",
	     "e_phoff {x0} + {d1} bytes, in a file of {d2} bytes", "the file may be cut short"),
	TEXT(INTERP_SIZE, "interp-size", "refused: PT_INTERP of an impossible size",
	     "header {i}: p_filesz {d0}: must be 2 to {d1}", ""),
	TEXT(INTERP_NUL, "interp-nul", "refused: the interpreter's path has no end",
	     "header {i}: the byte at {x0} is {x1}, not 0", ""),
	TEXT(INTERP_READ, "interp-read", "refused: the interpreter's path is not in the file",
	     "header {i}: p_offset {x0} + {d1} bytes, in a file of {d2} bytes",
	     "the file may be cut short"),
	TEXT(INTERP_SHORT, "interp-short", "refused: the interpreter is too short to be one",
	     "{d0} bytes, an ELF header has {d1}", ""),
	TEXT(PROPERTY, "property", "refused: a malformed PT_GNU_PROPERTY, which this CPU's kernel reads",
	     "PROPERTY[{i}] offset {x0} + {d1} bytes: {s}", ""),
	TEXT(SCRIPT, "script", "refused: a #! line that names no interpreter",
	     "the name must begin and end in the first 256 bytes", ""),
	TEXT(SCRIPT_DEEP, "script-deep", "refused: too many scripts that interpret scripts",
	     "{d0} of them: the kernel follows 5", ""),
	TEXT(SCRIPT_FD, "script-fd", "refused: a script through a descriptor that exec closes",
	     "its interpreter could not open it any more", "clear FD_CLOEXEC of the descriptor"),
	TEXT(NO_SPAN, "no-span", "refused: a shared object that occupies no memory",
	     "its PT_LOADs have no byte to map, or wrap around the last address", ""),
	TEXT(INCONGRUENT, "incongruent",
	     "refused: segment {i}: file offset and address differ modulo the page size",
	     "header {i}: offset {x0} vaddr {x1}: {x0%2} != {x1%2} (page {x2})",
	     "the linker or a patching tool has moved the bytes"),
	TEXT(OFFSET_RANGE, "offset-range", "refused: segment {i}: the file offset is impossible",
	     "header {i}: offset {x0} + {x1} bytes is past the largest offset of a file", ""),
	TEXT(FILESZ_MEMSZ, "filesz-memsz", "refused: segment {i}: larger in the file than in memory",
	     "header {i}: p_filesz {x0} > p_memsz {x1}", ""),
	TEXT(MEMSZ_RANGE, "memsz-range", "refused: segment {i}: does not fit the address space",
	     "header {i}: vaddr {x0} + memsz {x1}, user space ends at {x2}", ""),
	TEXT(VADDR_RANGE, "vaddr-range", "refused: segment {i}: lies outside the address space",
	     "header {i}: {x0} + {x1} bytes, user space ends at {x2}", ""),
	TEXT(ON_STACK, "on-stack", "refused: segment {i}: the stack is in the way",
	     "header {i}: {x0}-{x1}, the stack is at {x2}-{x3}", "with another address or randomisation it may fit"),
	TEXT(STACK_LOST, "stack-lost", "refused: segment {i}: covers the argument strings",
	     "header {i}: {x0}-{x1} replaces the top of the stack {x2}-{x3}", ""),
	TEXT(STACK_CUT, "stack-cut", "unsupported: segment {i}: replaces a part of the stack",
	     "header {i}: {x0}-{x1}, the stack is at {x2}-{x3}",
	     "with another address or randomisation it may fit"),
	TEXT(TAIL_PAST_EOF, "tail-past-eof",
	     "refused: segment {i}: the page to be cleared for bss is past the end of the file",
	     "header {i}: file offset {x0}, the file has {x1} bytes", "the file may be cut short"),
	TEXT(ENTRY_RANGE, "entry-range", "refused: the entry point is outside the address space",
	     "entry {x0}, user space ends at {x1}", ""),
	TEXT(INTERP_TYPE, "interp-type", "refused: the interpreter is neither executable nor shared object",
	     "e_type {x0} of the interpreter: not ET_EXEC (2) or ET_DYN (3)", ""),
	TEXT(PAGE_SIZE, "page-size", "no plan: kernels for this CPU do not have such pages",
	     "pages of {d0} bytes: there are those of {p1}", ""),
	TEXT(MAP, "map", "refused: segment {i}: cannot be mapped: {e}",
	     "{s}({x0}, {d1}) of file offset {x2}: {e}",
	     "the address, the size or a limit (ulimit -a) forbids it"),
	TEXT(TAIL, "tail", "refused: segment {i}: bss cannot be cleared: {e}",
	     "{x0}, {d1} bytes: {e}", "the file has become shorter meanwhile"),
	TEXT(CHANGED, "changed", "refused: the file has been changed meanwhile",
	     "its size ({d0} bytes, now {d1}) or its time of change is not what it was when it was opened",
	     "load it when nobody writes to it any more"),
	TEXT(NO_ROOM, "no-room", "no room to prepare the program",
	     "{d0} bytes are wanted away from the program's own addresses", "ulimit -v may be too low"),
	TEXT(CALLER, "caller", "refused by the caller: {e}",
	     "its own function for what is mapped: {e}", ""),
	TEXT(ARG_TOO_LONG, "argument-too-long", "refused: an argument or variable is too long",
	     "{d0} bytes with its end: the most is {d1}", ""),
	TEXT(ARGS_TOO_BIG, "arguments-too-big", "refused: arguments and environment are too big",
	     "{d0} bytes with their pointers: the most is {d1}",
	     "ulimit -s raises the limit, a quarter of the stack, up to 6 MiB"),
	TEXT(STACK_LIMIT, "stack-limit", "refused: arguments and environment do not fit the stack",
	     "{d0} bytes are needed: the limit is {d1}", "ulimit -s raises the limit"),
	TEXT(EXEC_STACK, "exec-stack", "the stack cannot be made executable: {e}",
	     "mprotect of the stack: {e}", "a policy of this process forbids it"),
	TEXT(THREADS, "threads", "not the only thread of this process",
	     "unshare(CLONE_VM): {e}", "load before threads are started, or in a forked child"),
	TEXT(VDSO, "vdso", "the vdso cannot be moved: {e}", "{s}: {e}",
	     "a filter of this process forbids it, or a kernel without CONFIG_CHECKPOINT_RESTORE"),
	TEXT(SELF, "self", "cannot learn about this process: {e}", "{s}: {e}", ""),
	TEXT(MEMORY, "memory", "out of memory", "", ""),
};
/* clang-format on */

int segmap_error_set(struct segmap_error *err, const struct segmap_error *failure)
{
	if (err) {
		*err = *failure;
		if (!strstr(texts[err->reason].cause, "{i}") &&
		    !strstr(texts[err->reason].evidence, "{i}"))
			err->index = -1;
	}
	return -failure->errnum;
}

/* Takes an unfinished UTF-8 character off the end of a text that has been cut. */
static void trim_character(char *text)
{
	size_t end = strlen(text), lead = end;

	while (lead > 0 && ((unsigned char)text[lead - 1] & 0xc0) == 0x80)
		lead--;
	if (lead == 0 || (unsigned char)text[lead - 1] < 0xc0)
		return;
	unsigned char first = (unsigned char)text[lead - 1];
	size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
	if (end - (lead - 1) < length)
		text[lead - 1] = '\0';
}

void segmap_error_set_path(struct segmap_error *err, const char *path)
{
	if (!err)
		return;
	snprintf(err->path, sizeof(err->path), "%s", path);
	trim_character(err->path);
}

/* "4096, 16384, 65536" */
static int write_powers(char *out, size_t room, uint64_t sum)
{
	size_t used = 0;

	if (!sum)
		return snprintf(out, room, "none");
	for (; sum && used < room; sum &= sum - 1)
		used += (size_t)snprintf(out + used, room - used, "%s%" PRIu64,
					 used ? ", " : "", sum & -sum);
	return (int)used;
}

static int write_value(char *out, size_t room, const char *key, const struct segmap_error *err)
{
	uint64_t v = err->value[key[1] - '0'];

	if (key[0] == 'x' && key[2] == '%')
		v &= err->value[key[3] - '0'] - 1;
	switch (key[0]) {
	case 'x':
		return snprintf(out, room, "0x%" PRIx64, v);
	case 'o':
		return snprintf(out, room, "0%" PRIo64, v);
	case 'p':
		return write_powers(out, room, v);
	case 'b': /* as they stand in the file: the lowest byte first */
		return snprintf(out, room, "%02x %02x %02x %02x", (unsigned)(v & 0xff),
				(unsigned)(v >> 8 & 0xff), (unsigned)(v >> 16 & 0xff),
				(unsigned)(v >> 24 & 0xff));
	default:
		return snprintf(out, room, "%" PRIu64, v);
	}
}

static int write_field(char *out, size_t room, const char *key, const struct segmap_error *err)
{
	switch (key[0]) {
	case 'i':
		return snprintf(out, room, "%d", err->index);
	case 's':
		return snprintf(out, room, "%s", err->step ? err->step : "?");
	case 'e':
		return snprintf(out, room, "%s", error_text(err->errnum));
	default:
		return write_value(out, room, key, err);
	}
}

static void expand(const char *template, const struct segmap_error *err, char *out, size_t size)
{
	size_t used = 0;

	while (*template && used + 1 < size) {
		if (*template != '{') {
			out[used++] = *template ++;
			continue;
		}
		int wrote = write_field(out + used, size - used, template + 1, err);
		if (wrote > 0)
			used = used + (size_t)wrote < size ? used + (size_t)wrote : size - 1;
		template = strchr(template, '}') + 1;
	}
	out[used] = '\0';
}

/* Does it begin with #!, so that only one that looks for an ELF file is disappointed? */
static bool is_script(const struct segmap_error *err)
{
	const uint64_t mark = '#' | '!' << 8;

	return err->reason == SEGMAP_REASON_NOT_ELF && (err->value[0] & 0xffff) == mark;
}

static void describe_kernel(const struct segmap_error *err, char *out, size_t size)
{
	const char *name = error_name(err->errnum);

	switch (err->verdict) {
	case SEGMAP_VERDICT_ERRNO:
		if (is_script(err) && err->object != SEGMAP_INTERPRETER) {
			snprintf(out, size, "execve(2): follows its #! line");
			break;
		}
		snprintf(out, size, "execve(2): fails with %s (%s)", name ? name : "?",
			 error_text(err->errnum));
		break;
	case SEGMAP_VERDICT_KILLS:
		snprintf(out, size,
			 "execve(2): %s after the point of no return, "
			 "the process is killed with SIGSEGV",
			 name ? name : "?");
		break;
	case SEGMAP_VERDICT_UNSUPPORTED:
		snprintf(out, size, "execve(2): would run it%s",
			 err->reason == SEGMAP_REASON_COMPAT
				 ? ", where the kernel has a 32-bit mode"
				 : "");
		break;
	case SEGMAP_VERDICT_SYSTEM:
		out[0] = '\0';
		break;
	}
}

static void describe_interpreter(const struct segmap_error *err, const char *cause, char *out,
				 size_t size)
{
	char path[101];

	snprintf(path, sizeof(path), "%.100s", err->path);
	trim_character(path);
	snprintf(out, size, "interpreter %s: %.260s", path[0] ? path : "''", cause);
}

/* For what is in the first bytes of a file: GOT of the header's 64 are there. */
static const char *hint_for_head(const struct segmap_error *err, uint64_t got)
{
	bool text = err->reason == SEGMAP_REASON_NOT_ELF;

	if (is_script(err))
		return "it is a script: the program to look at is its interpreter";
	if (got == 0)
		return "the file is empty: what was to write it has failed, or is not done yet";
	if (got < HEADER && text)
		return "the file is too short for an ELF header; a script would need a first "
		       "line with #! and an interpreter";
	return got < HEADER ? "the file is cut short" : texts[err->reason].hint;
}

/* What helps depends on more than the reason. */
static const char *find_hint(const struct segmap_error *err)
{
	size_t length = strlen(err->path);
	bool opening = err->reason == SEGMAP_REASON_OPEN && err->errnum == ENOENT;

	if (err->errnum == EMFILE)
		return "ulimit -n raises the limit of descriptors, of which a load needs three";
	if (err->reason == SEGMAP_REASON_SELF && err->step &&
	    strncmp(err->step, "/proc", 5) == 0)
		return "the loader needs /proc to be mounted";
	if (err->reason == SEGMAP_REASON_NOT_ELF || err->reason == SEGMAP_REASON_ELF_TYPE)
		return hint_for_head(err, err->value[1]);
	if (opening && length && err->path[length - 1] == '\r')
		return "the name ends in a carriage return, as lines of DOS and Windows do; "
		       "sed -i 's/\\r$//' FILE takes it off";
	if (opening && length == 0 && err->step && strcmp(err->step, "stat") == 0)
		return "the name is empty: a variable without a value, perhaps";
	if (err->reason == SEGMAP_REASON_NOT_REGULAR && length == 0)
		return "the empty name stands for the working directory";
	return texts[err->reason].hint;
}

void segmap_error_describe(const struct segmap_error *err, struct segmap_error_text *text)
{
	const struct reason_text *t = &texts[err->reason];
	char cause[sizeof(text->cause)];

	expand(t->cause, err, cause, sizeof(cause));
	if (err->object == SEGMAP_INTERPRETER)
		describe_interpreter(err, cause, text->cause, sizeof(text->cause));
	else
		memcpy(text->cause, cause, sizeof(cause));
	expand(t->evidence, err, text->evidence, sizeof(text->evidence));
	describe_kernel(err, text->kernel, sizeof(text->kernel));
	expand(find_hint(err), err, text->hint, sizeof(text->hint));
}

void segmap_error_format(const struct segmap_error *err, char *buffer, size_t size)
{
	struct segmap_error_text text;

	segmap_error_describe(err, &text);
	snprintf(buffer, size, "%s%s%s%s%s%s%s\n", text.cause, text.evidence[0] ? "\n  " : "",
		 text.evidence, text.kernel[0] ? "\n  " : "", text.kernel,
		 text.hint[0] ? "\n  hint: " : "", text.hint);
}

const char *segmap_reason_name(enum segmap_reason reason)
{
	return texts[reason].name;
}

const char *segmap_verdict_name(enum segmap_verdict verdict)
{
	switch (verdict) {
	case SEGMAP_VERDICT_ERRNO:
		return "errno";
	case SEGMAP_VERDICT_KILLS:
		return "kills";
	case SEGMAP_VERDICT_UNSUPPORTED:
		return "unsupported";
	default:
		return "system";
	}
}
