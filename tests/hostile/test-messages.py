#!/usr/bin/env python3
"""What segload and segmap print about files with odd names and odd contents, as TAP.

No control character of a name or of a #! line reaches the terminal, and what people run into
most often has a hint.

usage: test-messages.py SEGLOAD SEGMAP GOOD-PROGRAM
"""

import os
import pathlib
import subprocess
import sys
import tempfile

segload, segmap, good = (os.path.abspath(argument) for argument in sys.argv[1:4])
count = failed = 0

ESCAPES = "esc\x1b[31mred\x07\x7f\tnl\nc1\u009b2J"
ESCAPED = rb"esc\x1b[31mred\x07\x7f\x09nl\x0ac1\xc2\x9b2J"


def report(name, why):
    global count, failed
    count += 1
    failed += bool(why)
    print(f"{'not ok' if why else 'ok'} {count} - {name}")
    if why:
        print(f"# {why}")


def controls(text):
    """The first control character of TEXT but for its line ends; None if there is none."""
    found = [c for c in text.decode(errors="replace") if ord(c) < 32 and c != "\n" or 127 <= ord(c) < 160]
    return repr(found[0]) if found else None


def check(name, command, *wanted, status=None):
    """The output of COMMAND has all that is WANTED in it, and nothing that moves a cursor."""
    done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL)
    said = done.stdout + done.stderr
    missing = [w for w in wanted if w not in said]
    why = None
    if controls(said):
        why = f"the character {controls(said)} in {said!r}"
    elif missing:
        why = f"no {missing[0]!r} in {said!r}"
    elif status is not None and done.returncode != status:
        why = f"status {done.returncode}: {said!r}"
    report(name, why)


def make(name, contents, mode=0o755):
    path = pathlib.Path(name)
    path.write_bytes(contents)
    path.chmod(mode)
    return "./" + name


def main():
    program = pathlib.Path(good).read_bytes()
    odd = make(ESCAPES, program, 0o644)
    broken = make(ESCAPES + "2", b"no program at all " * 9)
    script = make("script", b"#!/no/esc\x1b[31mred\x07\n")
    crlf = make("crlf", b"#!/bin/sh\r\nexit 0\r\n")
    fine = make(ESCAPES + "3", program)

    check("segload: a name it cannot execute", [segload, odd], ESCAPED, b"hint: chmod", status=126)
    check("segload: a name of no program", [segload, broken], ESCAPED, status=126)
    check("segload: a name that is not there", [segload, "./no" + ESCAPES], ESCAPED, status=127)
    check("segload: a name that is not in PATH", [segload, "no" + ESCAPES], ESCAPED, status=127)
    check("segload: the interpreter of a script", [segload, script], rb"esc\x1b[31mred\x07:",
          status=127)
    check("segload: where to stop", [segload, "--stop-at=" + ESCAPES, fine], ESCAPED, status=125)
    check("segmap plan: a good file", [segmap, "plan", fine], ESCAPED, status=0)
    check("segmap plan: no program", [segmap, "plan", broken], ESCAPED)
    check("segmap plan: a kernel", [segmap, "plan", "--kernel=" + ESCAPES, fine], ESCAPED)
    check("segmap plan --check", [segmap, "plan", "--check", broken], ESCAPED)
    check("segmap compare", [segmap, "compare", "./no" + ESCAPES], ESCAPED)
    check("segmap: a command", [segmap, ESCAPES], ESCAPED)

    check("hint: a line that ends in CR LF", [segload, crlf], b"/bin/sh\\x0d: cannot be opened",
          b"hint: the name ends in a carriage return", status=127)
    check("hint: an empty file", [segload, make("empty", b"")], b"hint: the file is empty", status=126)
    check("hint: a short text", [segload, make("short", b"exit 0\n")],
          b"hint: the file is too short for an ELF header", status=126)
    check("hint: the beginning of a program", [segload, make("cut", program[:16])],
          b"hint: the file is cut short", status=126)
    check("hint: no name", [segload, ""], b"segload: '': ", b"hint: the name is empty", status=127)
    check("hint: an empty file on standard input", [segload, "-"], b"hint: ", status=126)
    check("hint: a script that is planned", [segmap, "plan", crlf], b"hint: it is a script",
          b"execve(2): follows its #! line")
    check("a script that interprets itself", [segload, make("loop", b"#!./loop\n")],
          b"./loop: refused: too many scripts", status=126)
    check("segmap cow: no name", [segmap, "cow", ""], b"cow: '': not found", status=127)
    check("segmap compare: what runs by neither", [segmap, "compare", "./none"], b"ENOENT", status=0)
    with open("/dev/full", "wb") as full:
        done = subprocess.run([segmap, "plan", good], stdout=full, stderr=subprocess.PIPE)
    report("standard output that cannot be written is complained about once",
           None if done.stderr.count(b"\n") == 1 and done.returncode == 125 else f"{done}")
    piped = f"'{segload}' -v - <&3 2>&-"
    with subprocess.Popen(["cat", good], stdout=subprocess.PIPE) as cat:
        command = ["sh", "-c", f"exec 3<&0 </dev/null; exec {piped}"]
        done = subprocess.run(command, stdin=cat.stdout, capture_output=True)
    report("messages with standard error closed are not written into the program",
           None if done.stdout == b"ok assembly\n" else f"{done}")
    print(f"1..{count}")
    return 1 if failed else 0


with tempfile.TemporaryDirectory(prefix="segmap-messages-") as directory:
    os.chdir(directory)
    status = main()
    os.chdir("/")
sys.exit(status)
