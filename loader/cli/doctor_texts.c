/* What each permit is good for, what is lost without it, and the step that would permit it. */
#include "doctor.h"

#include <string.h>

#define ALL     "compare maps cow faults share spawn lab"
#define AS_ROOT "sudo segmap COMMAND ...", "in a container, start it with --cap-add=SYS_ADMIN"

const char *const doctor_commands[] = {"plan",   "run",   "compare", "maps", "cow",
				       "faults", "share", "spawn",   "lab",  NULL};

/* clang-format off */
const struct doctor_text doctor_texts[SEGMAP_PERMIT_COUNT] = {
	[SEGMAP_PERMIT_PROC] = {ALL " run", ALL, "nothing can be seen of a process",
		{"mount -t proc proc /proc"}},
	[SEGMAP_PERMIT_PROC_OTHERS] = {"maps cow", "", "-p PID finds only one's own processes",
		{"mount -o remount,hidepid=0 /proc"}},
	[SEGMAP_PERMIT_PTRACE] = {ALL, ALL, "no program can be stopped and looked at",
		{"run it outside the sandbox that forbids ptrace(2)",
		 "docker run --cap-add=SYS_PTRACE --security-opt seccomp=unconfined ..."}},
	[SEGMAP_PERMIT_ATTACH] = {"maps cow", "", "-p PID sees only descendants, or nothing",
		{"sysctl kernel.yama.ptrace_scope=0", "sudo segmap COMMAND ..."}},
	[SEGMAP_PERMIT_SMAPS] = {"compare cow share", "", "no VmFlags, no PSS, no second opinion on copies",
		{"a kernel with CONFIG_PROC_PAGE_MONITOR"}},
	[SEGMAP_PERMIT_PAGEMAP] = {"cow faults share lab", "cow share", "states of pages are not known",
		{"a kernel with CONFIG_PROC_PAGE_MONITOR"}},
	[SEGMAP_PERMIT_PAGEMAP_SCAN] = {"cow share lab", "",
		"large sparse mappings are slow; the zero page is not told from pages left by fork",
		{"Linux 6.7 or later, with CONFIG_PROC_PAGE_MONITOR"}},
	[SEGMAP_PERMIT_FRAMES] = {"share lab cow", "", "frames are told apart by the bits of pagemap and by PSS only",
		{AS_ROOT}},
	[SEGMAP_PERMIT_KPAGECOUNT] = {"share lab", "", "no count of the page tables that have a frame",
		{AS_ROOT}},
	[SEGMAP_PERMIT_KPAGEFLAGS] = {"cow share", "", "before Linux 6.7, the zero page cannot be told",
		{AS_ROOT}},
	[SEGMAP_PERMIT_MAP_FILES] = {"", "", "nothing: names come from the paths in maps",
		{AS_ROOT}},
	[SEGMAP_PERMIT_PERF_USER] = {"faults cow lab", "faults", "no page faults; cow has one witness",
		{"sysctl kernel.perf_event_paranoid=2", "run it outside the sandbox that forbids perf_event_open(2)"}},
	[SEGMAP_PERMIT_PERF_KERNEL] = {"faults cow lab", "",
		"page faults in system calls and in execve are not seen",
		{"sysctl kernel.perf_event_paranoid=1", "sudo segmap COMMAND ..."}},
	[SEGMAP_PERMIT_PERF_RING] = {"faults cow", "", "a smaller ring: records may be lost, and are counted",
		{"sysctl kernel.perf_event_mlock_kb=516"}},
	[SEGMAP_PERMIT_TRACEFS] = {"", "", "nothing: perf's own events are used",
		{"mount -t tracefs tracefs /sys/kernel/tracing"}},
	[SEGMAP_PERMIT_BREAKPOINTS] = {"compare maps cow share spawn", "", "programs are single-stepped to an address: slow; or not stopped there",
		{"none: this is the machine, or SEGMAP_STEP in the environment"}},
	[SEGMAP_PERMIT_ZERO_PAGE] = {"cow faults lab", "",
		"a read of untouched memory gets a page of its own: no 0 in strips",
		{"none: this is the machine"}},
	[SEGMAP_PERMIT_ASLR] = {"", "", "--aslr changes nothing: addresses are the same each time",
		{"sysctl kernel.randomize_va_space=2"}},
	[SEGMAP_PERMIT_NO_ASLR] = {"compare cow share", "", "use --aslr: addresses differ from run to run",
		{"run it outside the sandbox that forbids personality(2)"}},
	[SEGMAP_PERMIT_SET_MM] = {"run compare spawn", "", "ps shows segload's arguments, and brk starts elsewhere",
		{"a kernel with CONFIG_CHECKPOINT_RESTORE"}},
	[SEGMAP_PERMIT_EXE_LINK] = {"run compare spawn", "", "/proc/PID/exe is segload, not the program",
		{"sudo segmap COMMAND ...", "sudo segload PROGRAM ..."}},
	[SEGMAP_PERMIT_VDSO_MOVE] = {"run compare", "", "the vdso stays where segload had it",
		{"a kernel without CONFIG_MSEAL_SYSTEM_MAPPINGS"}},
	[SEGMAP_PERMIT_RSEQ] = {"run", "", "programs run without restartable sequences",
		{"a kernel with CONFIG_RSEQ"}},
	[SEGMAP_PERMIT_COMPAT] = {"", "", "32-bit programs are refused by execve too",
		{"a kernel with CONFIG_IA32_EMULATION, started with ia32_emulation=1"}},
	[SEGMAP_PERMIT_OVERCOMMIT] = {"run plan", "", "programs with a large bss are refused for lack of memory",
		{"sysctl vm.overcommit_memory=0"}},
	[SEGMAP_PERMIT_UFFD_ASYNC] = {"", "", "nothing: it is not used",
		{"Linux 6.7 or later, with CONFIG_USERFAULTFD"}},
};
/* clang-format on */

const char *doctor_answer(const struct segmap_permit_state *state)
{
	static const char *const names[] = {
		[SEGMAP_ANSWER_UNKNOWN] = "unknown",
		[SEGMAP_ANSWER_NO] = "no",
		[SEGMAP_ANSWER_YES] = "yes",
	};

	return names[state->answer];
}

const char *doctor_reason(const struct segmap_permit_state *state, char buffer[128])
{
	buffer[0] = '\0';
	if (state->signal)
		snprintf(buffer, 128, "killed by signal %d (%s)", state->signal,
			 strsignal(state->signal));
	else if (state->error)
		snprintf(buffer, 128, "%s", strerror(state->error));
	else if (state->answer == SEGMAP_ANSWER_UNKNOWN)
		snprintf(buffer, 128, "the trial ended without a result");
	return buffer;
}

bool doctor_has(const char *list, const char *word)
{
	size_t size = strlen(word);

	for (const char *at = list; (at = strstr(at, word)); at += size)
		if ((at == list || at[-1] == ' ') && (at[size] == ' ' || !at[size]))
			return true;
	return false;
}

bool doctor_can_run(const struct doctor_report *report, const char *command)
{
	for (int i = 0; i < SEGMAP_PERMIT_COUNT; i++)
		if (report->states[i].answer != SEGMAP_ANSWER_YES &&
		    doctor_has(doctor_texts[i].musts, command))
			return false;
	return true;
}
