#!/usr/bin/env python3
"""What the commands print, letter by letter, beside tests/golden, as TAP.

usage: test-golden.py SEGMAP SEGLOAD TESTDATA GOLDEN [--write]

Each case is run on a terminal of 80 columns, in a pipe, or with colours. What differs from
machine to machine, from user to user or from run to run is made equal first, or not asked for:
addresses that the kernel chooses, devices, inodes, times, permits. --write makes the files anew;
look at what has changed then.
"""

import difflib
import fcntl
import os
import pathlib
import pty
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import termios

segmap, segload, testdata, golden = (pathlib.Path(a).resolve() for a in sys.argv[1:5])
write = sys.argv[5:] == ["--write"]
count = failed = 0
LIMIT = 600

if os.geteuid() != 0:
    print("1..0 # SKIP not root: another user sees less, and other words")
    sys.exit(0)

PROGRAMS = ("good-asm", "good-data-bss-page", "good-many-mappings", "write-one",
            "bad-incongruent", "odd-flags-rwx")
MANY = ("./good-many-mappings", "10000")

# File: (how, arguments) of each section. What is to be seen must not depend on whether there is a
# zero page or a breakpoint register that stops.
CASES = {
    "plan": [
        ("80", "plan", "./good-data-bss-page"),
        ("pipe", "plan", "./good-data-bss-page"),
        ("no-color", "plan", "./good-data-bss-page"),
        ("color", "plan", "./good-data-bss-page"),
        ("80", "plan", "./bad-incongruent"),
        ("80", "plan", "--check", "./odd-flags-rwx"),
        ("pipe", "plan", "-rn", "-o", "MEMORY,PROT,KIND", "./good-asm"),
    ],
    "maps": [
        ("80", "maps", "--execve", "./good-data-bss-page"),
        ("pipe", "maps", "--execve", "./good-data-bss-page"),
        ("no-color", "maps", "--execve", "./good-data-bss-page"),
        ("pipe", "maps", "-rn", "-o", "ADDRESS,PERMS,KIND,OBJECT", "./good-asm"),
    ],
    "share": [
        ("80", "share", "-n", "3", "./good-data-bss-page"),
        ("pipe", "share", "-n", "3", "--at=exit", "./good-data-bss-page"),
        ("no-color", "share", "-n", "3", "--at=exit", "./good-data-bss-page"),
        ("color", "share", "-n", "3", "--at=exit", "./good-asm"),
        ("80", "share", "-n", "3", "--at=exit", *MANY),
        ("pipe", "share", "-n", "3", "--raw", "--noheadings", "-o",
         "ADDRESS,STRIP,NAME", "./good-asm"),
    ],
    "cow": [
        ("80", "cow", "./write-one"),
        ("pipe", "cow", "./write-one"),
        ("no-color", "cow", "./write-one"),
        ("color", "cow", "./write-one"),
        ("80", "cow", *MANY),
    ],
    "faults": [
        ("80", "faults", "./good-asm"),
        ("pipe", "faults", "./good-asm"),
        ("no-color", "faults", "./good-asm"),
        ("color", "faults", "./good-asm"),
        ("80", "faults", "--summary", "./good-asm"),
        ("80", "faults", "--limit=10", "-o", "ADDRESS,CAUSE,KERNEL-DID,WHERE", *MANY),
        ("80", "faults", "--summary", *MANY),
    ],
    "spawn": [
        ("80", "spawn", "-n", "3", "./good-asm"),
        ("pipe", "spawn", "-n", "3", "-j", "2", "--at=_start", "./good-asm"),
        ("no-color", "spawn", "-n", "3", "./good-asm"),
        ("color", "spawn", "-n", "3", "./good-data-bss-page"),
        ("pipe", "spawn", "-n", "3", "-r", "--noheadings", "-o", "BY,STARTS,FAILED", "./good-asm"),
        ("pipe", "spawn", "-n", "3", "--at=nowhere", "./good-asm"),
        ("pipe", "spawn", "-n", "3", "./bad-incongruent"),
    ],
    "doctor": [
        ("80", "doctor", "-o", "PERMIT,NEEDED-BY"),
        ("pipe", "doctor", "-o", "PERMIT,NEEDED-BY"),
        ("no-color", "doctor", "-o", "PERMIT,NEEDED-BY"),
    ],
    "lab": [
        ("80", "lab", "--list"),
        ("pipe", "lab", "--list"),
        ("80", "lab", "private-file-write"),
        ("color", "lab", "private-file-write"),
    ],
    "compare": [
        ("80", "compare", "./good-data-bss-page"),
        ("pipe", "compare", "./good-data-bss-page"),
        ("no-color", "compare", "./good-data-bss-page"),
        ("color", "compare", "./good-data-bss-page"),
        ("pipe", "compare", "./bad-incongruent"),
    ],
}


# ---- running ----

def environment(how):
    env = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TERM": "dumb"}
    if how == "no-color":
        env.update(TERM="xterm", NO_COLOR="1")
    if how == "color":
        env.update(TERM="xterm")
    return env


def on_terminal(command, env):
    """Output on a terminal of 80 columns; messages are not on it, so that nothing mixes."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    modes = termios.tcgetattr(theirs)
    modes[1] &= ~termios.OPOST
    termios.tcsetattr(theirs, termios.TCSANOW, modes)
    with tempfile.TemporaryFile() as messages:
        process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=theirs,
                                   stderr=messages)
        os.close(theirs)
        output = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # nobody has it open any more
                break
            if not part:
                break
            output += part
        os.close(ours)
        process.wait(timeout=LIMIT)
        messages.seek(0)
        return output.decode(), messages.read().decode(), process.returncode


def run(how, arguments):
    command, env = [str(folder / "segmap"), *arguments], environment(how)
    if how != "pipe":
        return on_terminal(command, env)
    done = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=LIMIT)
    return done.stdout, done.stderr, done.returncode


# ---- making equal ----

KERNELS = re.compile(r"\[(?:vvar|vvar_vclock|vdso|vsyscall|stack)\]")


# Rows of compare: how much memory and how many faults a load takes.
COUNTERS = re.compile(r"(statm?|status) \w+ ")

# Lines of spawn: what stands behind the number of starts.
TIMES = re.compile(r"^((?:template|posix_spawn) +\d+)( +[\d.]+){5}$")


def normal_line(line):
    line = line.replace(str(folder), "/FOLDER")
    line = re.sub(r"\bLinux \S+, \S+, user \d+", "Linux RELEASE, MACHINE, user USER", line)
    line = re.sub(r" +[0-9a-f]{2,}:[0-9a-f]{2,} +\d+(?= |$)", " DEV INODE", line)
    line = re.sub(r"\bDEV +INODE\b", "DEV INODE", line)
    line = re.sub(r"^ *\+[\d.]+(?:us|ms|s) ", "+TIME ", line)
    line = re.sub(r"^ *TIME ", "TIME ", line)
    line = re.sub(r"^loaded once in [\d.]+ ms", "loaded once in # ms", line)
    line = TIMES.sub(lambda m: m.group(1) + " #", line)
    if line.startswith("BY "):
        line = re.sub(r" +", " ", line)  # as wide as those
    if KERNELS.search(line):
        line = re.sub(r"[0-9a-f]{8,}|\d+(?![KMG]?\w)", lambda m: "#" * len(m.group()), line)
    if line.startswith("PSS of all copies") or re.match(r"\d+ (vary|compared|mappings)", line):
        line = re.sub(r"[\d.]+[KMG]?\b", "#", line)
    return line


def normal(text):
    text = text.replace("\x1b", "\\e").split("\nTo permit what is not:")[0]
    text = text.split("\nAll commands can run.")[0]
    return "\n".join(normal_line(line) for line in text.splitlines() if not COUNTERS.match(line))


def section(how, arguments):
    output, messages, status = run(how, arguments)
    wide = too_wide(how, output)
    text = f"=== {how}: segmap {' '.join(arguments)}\n{normal(output)}\n"
    if messages:
        text += f"--- standard error\n{normal(messages)}\n"
    return text + f"--- status {status}\n\n", wide


def too_wide(how, text):
    """On a terminal nothing is wider than it, but the notes of a plan, which are sentences."""
    return [f"wider than 80: {line}" for line in re.sub(r"\x1b\[\d*m", "", text).splitlines()[1:]
            if how != "pipe" and len(line) > 80 and "|- " not in line]


# ---- tests ----

def report(name, why):
    global count, failed
    count += 1
    failed += bool(why)
    print(f"{'not ok' if why else 'ok'} {count} - {name}", flush=True)
    for line in why[:40]:
        print("#", line)


def sections_of(path):
    if not path.exists():
        return {}
    parts = re.split(r"(?m)^(?==== )", path.read_text())
    return {part.splitlines()[0]: part for part in parts if part}


def check(path, cases):
    wanted, texts = sections_of(path), []
    for how, *arguments in cases:
        text, wide = section(how, arguments)
        title = text.splitlines()[0]
        texts.append(text)
        if not write:
            difference = list(difflib.unified_diff(
                wanted.pop(title, "").splitlines(), text.splitlines(), "golden", "now", "", "", 2))
            report(title.strip("= "), wide + difference)
    if write:
        path.write_text("".join(texts))
    else:
        report(f"{path.name} has no other section", list(wanted))


with tempfile.TemporaryDirectory(prefix="segmap-golden-", dir="/tmp") as name:
    folder = pathlib.Path(name)
    for program in (segmap, segload, *(testdata / p for p in PROGRAMS)):
        shutil.copy(program, folder)
    os.chdir(folder)
    for command, cases in CASES.items():
        check(golden / f"{command}.txt", cases)
if not write:
    print(f"1..{count}")
sys.exit(failed > 0)
