#!/usr/bin/env python3
"""Attaches gdb by the line that `segload --stop-at=entry` prints, as TAP.

usage: test-gdb.py SEGLOAD PROGRAM...

Each program has a function main and a variable "chosen" of 4711. As root also as a user without
rights, whose /proc/PID/exe names segload.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

NOBODY = 65534
segload, programs = sys.argv[1], sys.argv[2:]
count = failed = 0


def become_nobody():
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


def debug(loader, program, user):
    """What is wrong, or None."""
    child = subprocess.Popen(
        [loader, "--stop-at=entry", program],
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=become_nobody if user == NOBODY else None,
    )
    try:
        line = child.stderr.readline()
        found = re.fullmatch(r"segload: stops at the entry; to debug it: (gdb .*)\n", line)
        if not found:
            return f"it says '{line}'"
        _, status = os.waitpid(child.pid, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            return f"it has not stopped: {status:#x}"
        commands = (
            "handle SIGSTOP nostop noprint nopass",  # the one that it has been stopped by
            "break main",
            "continue",
            "print chosen",
            "info symbol $pc",
            "kill",
        )
        options = "".join(f" -ex '{c}'" for c in commands)
        done = subprocess.run(
            f"{found[1]} -nx -batch -iex 'set debuginfod enabled off'{options}",
            shell=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=600,
        )
        if "$1 = 4711" in done.stdout and "main" in done.stdout.partition("$1 = 4711")[2]:
            return None
        return done.stdout + done.stderr
    finally:
        try:
            os.kill(child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        child.wait()


def check(name, wrong):
    global count, failed
    count += 1
    failed += bool(wrong)
    print(f"{'not ok' if wrong else 'ok'} {count} - {name}")
    for line in (wrong or "").splitlines():
        print("#", line)


with tempfile.TemporaryDirectory(prefix="segmap gdb's ") as folder:
    os.chmod(folder, 0o755)
    loader = shutil.copy(segload, folder)
    for program in programs:
        copy = shutil.copy(program, folder)
        for user in (os.geteuid(), NOBODY) if os.geteuid() == 0 else (os.geteuid(),):
            check(f"{os.path.basename(program)}, user {user}", debug(loader, copy, user))
print(f"1..{count}")
sys.exit(failed > 0)
