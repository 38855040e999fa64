#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every ELF program of a folder, by execve twice and by segload once.

Each is asked for --version and for --help: as a user without rights where root asks, without a
terminal, with nothing to read, in a scratch folder, for a few seconds. Where the two runs by
execve agree, output and status of the third must be theirs; if they are not, that is tried again
several times before it counts as a difference.

Prints one line for each program that is not simply the same, the names of those that there was no
time for, and `N same, M different, K not repeatable`. Exit status 1 if M is not 0, 2 if it
could not be done. A slow machine gets less far, and passes.
"""

import argparse
import ctypes
import os
import pickle
import resource
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field

NOBODY = 65534
OUTPUT_MAX = 32 << 20
PATIENCE = 12  # times the limit, once a program has shown that it ends
CONFIRMATIONS = 3

PR_SET_KEEPCAPS = 8
PR_SET_CHILD_SUBREAPER = 36
PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 47, 2
CAPABILITY_VERSION = 0x20080522
CAP_CHECKPOINT_RESTORE = 40
CLONE_NEWUSER = 0x10000000

LIBC = ctypes.CDLL(None, use_errno=True)

# What is not run: not harmless, or not worth its time, even with --version or --help.
DENIED = {
    "jconsole": "a window's program: does not end without a display",
    "llvm-PerfectShuffle": "computes for minutes, whatever its arguments",
    "llvm-PerfectShuffle-14": "computes for minutes, whatever its arguments",
}


@dataclass
class Outcome:
    status: int
    output: bytes
    errors: bytes
    late: bool = field(compare=False)


@dataclass
class Tally:
    same: int = 0
    different: int = 0
    not_repeatable: int = 0
    late: int = 0
    expected: int = 0
    left_out: int = 0
    lines: list = field(default_factory=list)

    def add(self, verdict, line=None):
        setattr(self, verdict, getattr(self, verdict) + 1)
        if line:
            self.lines.append(f"{verdict.replace('_', ' ')}: {' '.join(line.split())}")

    def merge(self, other):
        for name in ("same", "different", "not_repeatable", "late", "expected", "left_out"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.lines += other.lines


def call(function, *args):
    if function(*args) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def become_nobody(keep):
    """Gives up all rights; with KEEP all but CAP_CHECKPOINT_RESTORE, also beyond execve."""
    if keep:
        call(LIBC.prctl, PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    if keep:
        keep_the_right()


def become_own_root():
    """For a user: the same right in a user namespace of its own, with the same ids in it."""
    uid, gid = os.getuid(), os.getgid()
    call(LIBC.unshare, CLONE_NEWUSER)
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{uid} {uid} 1"),
        ("gid_map", f"{gid} {gid} 1"),
    ):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(text)
    keep_the_right()


def keep_the_right():
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
    word, bit = divmod(CAP_CHECKPOINT_RESTORE, 32)
    sets = [0] * 6
    sets[3 * word : 3 * word + 3] = [1 << bit] * 3  # effective, permitted, inheritable
    call(LIBC.capset, header, (ctypes.c_uint32 * 6)(*sets))
    call(LIBC.prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHECKPOINT_RESTORE, 0, 0)


class Runner:
    """Runs one program at a time; each worker process has one."""

    def __init__(self, segload, parent, limit):
        self.segload = segload
        self.limit = limit
        self.root = os.geteuid() == 0
        # With the one right that lets segload set what /proc/self/exe names
        self.may_name_itself = False
        self.folder = tempfile.mkdtemp(prefix="segmap-sweep.", dir=parent)
        os.chmod(self.folder, 0o755)
        self.scratch = os.path.join(self.folder, "scratch")
        # What a program leaves behind becomes our child, and is found there.
        call(LIBC.prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def fresh_scratch(self):
        shutil.rmtree(self.scratch, ignore_errors=True)
        os.mkdir(self.scratch, 0o700)
        if self.root:
            os.chown(self.scratch, NOBODY, NOBODY)

    def environment(self):
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": self.scratch,
            "TMPDIR": self.scratch,
            "LC_ALL": "C",
            "TERM": "dumb",
            "PAGER": "cat",
        }

    def confine(self):
        """In the child, before it becomes the program."""
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (OUTPUT_MAX, OUTPUT_MAX))
        if self.root:
            become_nobody(self.may_name_itself)
        elif self.may_name_itself:
            become_own_root()

    def reap(self):
        """Ends what a program has started and left."""
        while True:
            with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
                children = [int(pid) for pid in file.read().split()]
            if not children:
                return
            for pid in children:
                try:
                    os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, 0)
                except (ProcessLookupError, ChildProcessError):
                    pass

    def run(self, argv, patience):
        self.fresh_scratch()
        out, err = os.memfd_create("out"), os.memfd_create("err")
        late = False
        try:
            child = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                cwd=self.scratch,
                env=self.environment(),
                start_new_session=True,
                preexec_fn=self.confine,
            )
            try:
                status = child.wait(self.limit * patience)
            except subprocess.TimeoutExpired:
                late = True
            try:  # its process group, too, which is its own
                os.killpg(child.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            status = child.wait()
            self.reap()
            output, errors = (os.pread(fd, OUTPUT_MAX, 0) for fd in (out, err))
            return Outcome(status, output, errors, late)
        finally:
            os.close(out)
            os.close(err)

    def by_execve(self, path, argument, patience=PATIENCE):
        return self.run([path, argument], patience)

    def by_segload(self, path, argument):
        return self.run([self.segload, "--", path, argument], PATIENCE)


def status_text(status):
    return f"signal {-status}" if status < 0 else f"exit {status}"


def first_difference(a, b):
    """The lines around the first byte that differs."""
    n = 0
    while n < min(len(a), len(b)) and a[n] == b[n]:
        n += 1
    start = a.rfind(b"\n", 0, n) + 1

    def line(text):
        return text[start : start + 160].split(b"\n")[0].decode(errors="replace")

    return f"execve '{line(a)}', segload '{line(b)}'"


def explain(kernel, ours):
    if kernel.status != ours.status:
        text = f"execve: {status_text(kernel.status)}, segload: {status_text(ours.status)}"
        return text + (f" '{ours.errors[:300].decode(errors='replace')}'" if ours.errors else "")
    for name in ("output", "errors"):
        if getattr(kernel, name) != getattr(ours, name):
            return f"{name}: " + first_difference(getattr(kernel, name), getattr(ours, name))
    return "nothing"


def is_no_luck(outcome):
    """What segload itself says, and a death by signal: no program does that by chance."""
    return b"segload:" in outcome.errors or (outcome.status < 0 and not outcome.late)


def is_confirmed(runner, path, argument, first, ours):
    """Is it by segload, time and again, that the program does otherwise? True, or why not.

    Two equal runs may be luck: a clock that shows seconds, or a process that is slower.
    """
    for _ in range(CONFIRMATIONS):
        kernel = runner.by_execve(path, argument)
        if kernel != first:
            return explain(first, kernel).replace("segload", "again")
        again = runner.by_segload(path, argument)
        if is_no_luck(ours) and is_no_luck(again):
            return True
        if again == first and not is_no_luck(ours):
            return "differed once: " + explain(first, ours)
    return not is_no_luck(ours) or "failed once: " + explain(first, ours)


def compare(runner, path, argument):
    """One of 'same', 'different', 'not repeatable', 'late', and why."""
    first = runner.by_execve(path, argument, patience=1)
    if first.late:
        return "late", f"does not end within {runner.limit} s"
    second = runner.by_execve(path, argument)
    if first != second:
        return "not_repeatable", explain(first, second).replace("segload", "again")
    ours = runner.by_segload(path, argument)
    if first == ours:
        return "same", None
    confirmed = is_confirmed(runner, path, argument, first, ours)
    if confirmed is not True:
        return "not_repeatable", confirmed
    return "different", explain(first, ours)


def asks_for_own_name(runner, path, argument):
    """Does the difference go away where segload may set what /proc/self/exe names?

    A user without CAP_CHECKPOINT_RESTORE may not (docs/kernel-differences.md), and a program
    that asks for its own file is told segload's.
    """
    runner.may_name_itself = True
    try:
        verdicts = [compare(runner, path, argument)[0] for _ in range(CONFIRMATIONS)]
        return verdicts == ["same"] * CONFIRMATIONS
    except subprocess.SubprocessError:  # no such right to be had here
        return False
    finally:
        runner.may_name_itself = False


def refusal(runner, path):
    """What segload must say of a file that it cannot load for this user, or None."""
    info = os.stat(path)
    user, group = (NOBODY, NOBODY) if runner.root else (os.geteuid(), os.getegid())
    set_group = info.st_mode & stat.S_ISGID and info.st_mode & stat.S_IXGRP
    if (info.st_mode & stat.S_ISUID and info.st_uid != user) or (
        set_group and info.st_gid != group
    ):
        return "unsupported: running it would change user or group"
    try:
        os.getxattr(path, "security.capability")
        return "unsupported: running it would give capabilities"
    except OSError:
        pass
    if runner.root and not info.st_mode & stat.S_IROTH:
        return "unsupported: may be executed, but not read"
    return None


def examine(runner, path, tally):
    name = os.path.basename(path)
    if name in DENIED:
        tally.add("left_out", f"{name}: {DENIED[name]}")
        return
    reason = refusal(runner, path)
    if reason:
        ours = runner.by_segload(path, "--version")
        if ours.status == 126 and reason.encode() in ours.errors:
            tally.add("expected", f"{name}: {reason}")
        else:
            tally.add("different", f"{name}: must be refused as '{reason}': "
                      f"{status_text(ours.status)} '{ours.errors[:300].decode(errors='replace')}'")
        return
    for argument in ("--version", "--help"):
        verdict, why = compare(runner, path, argument)
        if verdict == "different" and asks_for_own_name(runner, path, argument):
            verdict, why = "expected", "the same if /proc/self/exe may be set: " + why
        tally.add(verdict, why and f"{name} {argument}: {why}")


def is_elf(path):
    try:
        with open(path, "rb") as file:
            return file.read(4) == b"\x7fELF" and os.access(path, os.X_OK)
    except OSError:
        return False


def programs(folder, names):
    """Each file once, by the first of its names."""
    files = {}
    for name in sorted(names or os.listdir(folder)):
        path = os.path.join(folder, name)
        if is_elf(path):
            files.setdefault(os.path.realpath(path), path)
    return list(files.values())


def work(args, paths, deadline, pipe):
    """In a process of its own: sends a tally, and the names of those not reached."""
    runner = Runner(args.segload, args.dir, args.limit)
    tally, reached = Tally(), 0
    try:
        for path in paths:
            if time.monotonic() > deadline:
                break
            examine(runner, path, tally)
            reached += 1
            if sys.stderr.isatty():
                sys.stderr.write(".")
                sys.stderr.flush()
    finally:
        runner.close()
    with os.fdopen(pipe, "wb") as out:
        pickle.dump((tally, [os.path.basename(path) for path in paths[reached:]]), out)


def sweep(args, paths):
    deadline = time.monotonic() + args.budget
    sys.stdout.flush()
    total, missing, pipes = Tally(), [], []
    for job in range(args.jobs):
        read_end, write_end = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(read_end)
            work(args, paths[job :: args.jobs], deadline, write_end)
            sys.exit(0)
        os.close(write_end)
        pipes.append((pid, read_end))
    for pid, read_end in pipes:
        with os.fdopen(read_end, "rb") as results:
            tally, left = pickle.load(results)  # EOFError: it has told why
        os.waitpid(pid, 0)
        total.merge(tally)
        missing += left
    return total, missing


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--segload", required=True, type=os.path.abspath)
    parser.add_argument("--folder", default="/usr/bin")
    parser.add_argument("--dir", help="where the scratch folders are made")
    parser.add_argument("--limit", type=float, default=5, help="seconds in which a program must have shown that it ends")
    parser.add_argument("--budget", type=float, default=300, help="seconds for all; begins no program after that")
    parser.add_argument("-j", "--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("name", nargs="*", help="only these programs")
    args = parser.parse_args()

    total, missing = sweep(args, programs(args.folder, args.name))
    if sys.stderr.isatty():
        sys.stderr.write("\n")
    print("\n".join(sorted(total.lines)))
    if total.expected or total.left_out:
        print(f"{total.expected} expected to differ, {total.left_out} left out")
    if missing:
        print(f"not reached within {args.budget:.0f} s: {' '.join(sorted(missing))}")
    if total.late or missing:
        print(f"{total.late} over the time limit, {len(missing)} not reached")
    counts = f"{total.same} same, {total.different} different"
    print(f"{counts}, {total.not_repeatable} not repeatable")
    if total.different:
        return 1
    return 0 if total.same else 2


if __name__ == "__main__":
    sys.exit(main())
