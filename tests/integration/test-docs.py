#!/usr/bin/env python3
"""Runs every command of the documentation and compares what it prints with what stands there, as TAP.

usage: test-docs.py [--write] SOURCE BUILD [FILE...]    README.md and docs/*.md unless given

In a fenced block, a line that begins with "$ " is a command ("> " continues it after a backslash),
and what follows is its output. All commands of a FILE are one shell's, which begins in a directory
that looks like SOURCE with the build in build/. A command ends with status 0, or else the next one
is "echo $?".

Compared are lines without what differs from one run or machine to the next: addresses, times, sizes,
inodes, blanks. In the document, the line "..." is any lines, and "[...]" is anything in a line.

A comment in the line before a block says more of it:

    <!-- exit status only: REASON -->    what it prints is not compared
    <!-- not run: REASON -->

A block without commands must have a name after its fence (```text), or be "not run".
--write puts the output that does not match into FILE, whole: it is to be shortened by hand.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

END = "--- end of the output ---"

# Each pattern becomes one word, so that lines can be compared across machines.
VARIABLE = [
    (r"0x[0-9a-f]+", "0x#"),
    (r"\b[0-9a-f]{8,16}\b", "#"),
    (r"\b[0-9a-f]{2}:[0-9a-f]{2}\b", "DEVICE"),
    (r"\+?\b\d+(\.\d+)? ?(ns|us|ms|s)\b", "TIME"),
    (r"\b\d+(\.\d+)?( ?[KMG](iB)?| kB| bytes)(?!\w)", "SIZE"),
    (r"\b\d{5,}\b", "NUMBER"),
    (r"\s+", " "),
]


class Command:
    """A command of a document, and the lines in which its output stands."""

    def __init__(self, text, line):
        self.text = text
        self.line = line  # its number, from 1
        self.first = self.last = line  # its output is lines[first:last]
        self.compared = True
        self.may_fail = False


def read_block(lines, start, compared):
    """The commands of the block that begins at lines[start], and the index of its end."""
    commands = []
    i = start
    while lines[i] != "```":
        if lines[i].startswith("$ "):
            commands.append(Command(lines[i][2:], i + 1))
            commands[-1].compared = compared
            while commands[-1].text.endswith("\\") and lines[i + 1].startswith("> "):
                i += 1
                commands[-1].text += "\n" + lines[i][2:]
            commands[-1].first = i + 1
        elif not commands:
            return [], lines.index("```", i)
        commands[-1].last = i + 1
        i += 1
    return commands, i


def read_document(lines):
    """All commands of a document, and the numbers of the lines where a block has none unexplained."""
    commands, unexplained = [], []
    i = 0
    while i < len(lines):
        if not lines[i].startswith("```"):
            i += 1
            continue
        note = lines[i - 1] if i else ""
        compared = not note.startswith("<!-- exit status only: ")
        found, end = read_block(lines, i + 1, compared)
        if note.startswith("<!-- not run: "):
            found = []
        elif not found and lines[i] == "```":
            unexplained.append(i + 1)
        commands += found
        i = end + 1
    for command, following in zip(commands, commands[1:]):
        command.may_fail = following.text == "echo $?"
    return commands, unexplained


class Shell:
    """A shell in a directory that looks like the source's with the build in it."""

    def __init__(self, directory):
        env = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME": directory,
               "TERM": "dumb", "COLUMNS": "100", "LC_ALL": "C.UTF-8"}
        env.update((name, value) for name, value in os.environ.items() if name == "SEGMAP_STEP")
        self.process = subprocess.Popen(
            ["bash", "--noprofile", "--norc"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, env=env, cwd=directory, text=True, errors="replace")

    def run(self, command):
        """What a command prints, as lines, and its exit status."""
        quoted = "'" + command.replace("'", "'\\''") + "'"
        self.process.stdin.write(f"(exit ${{status:-0}}); eval {quoted} </dev/null; status=$?; "
                                 f"printf '\\n%s %d\\n' '{END}' $status\n")
        self.process.stdin.flush()
        output = []
        for line in self.process.stdout:
            if line.startswith(END):
                return "".join(output).rstrip("\n").split("\n"), int(line.split()[-1])
            output.append(line)
        return output, "none: it has ended the shell"

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def normal(line):
    for pattern, word in VARIABLE:
        line = re.sub(pattern, word, line)
    return line.strip()


def line_matches(expected, line):
    """Whether a line of the document stands for a normal one."""
    pattern = ".*".join(re.escape(normal(part)) for part in expected.split("[...]"))
    return re.fullmatch(pattern, line)


def matches(expected, output):
    """Whether the lines of the document stand for the output."""
    expected = [line for line in expected if line.strip()]
    output = [normal(line) for line in output if line.strip()]
    ends = {0}  # of output: what the lines of the document up to now may stand for
    for line in expected:
        if line.strip() == "...":
            ends = set(range(min(ends), len(output) + 1))
        else:
            ends = {i + 1 for i in ends if i < len(output) and line_matches(line, output[i])}
        if not ends:
            return False
    return len(output) in ends


def judge(command, lines, output, status):
    """Why a command did not do what the document says, or None."""
    if status and not command.may_fail:
        return f"exit status {status}"
    if command.compared and not matches(lines[command.first:command.last], output):
        return "prints something else"
    return None


def make_directory(directory, source, build):
    for entry in source.iterdir():
        if entry.name != "build" and not entry.name.startswith("."):
            os.symlink(entry, os.path.join(directory, entry.name))
    os.symlink(build, os.path.join(directory, "build"))


def run_document(path, shell):
    """Yields each command with its output and what is wrong about it; blocks without one at last."""
    lines = path.read_text().split("\n")
    commands, unexplained = read_document(lines)
    for command in commands:
        output, status = shell.run(command.text)
        yield command, output, judge(command, lines, output, status)
    for number in unexplained:
        yield Command("a block that is neither a command nor named", number), [], "not explained"


def write_document(path, results):
    lines = path.read_text().split("\n")
    for command, output, why in reversed(results):
        if why == "prints something else" or command.first == command.last:
            lines[command.first:command.last] = output if output != [""] else []
    path.write_text("\n".join(lines))


def main():
    arguments = [a for a in sys.argv[1:] if a != "--write"]
    source, build = (pathlib.Path(a).resolve() for a in arguments[:2])
    count = failed = 0
    paths = [source / name for name in arguments[2:]]
    for path in paths or [source / "README.md", *sorted((source / "docs").glob("*.md"))]:
        name = path.relative_to(source)
        results = []
        with tempfile.TemporaryDirectory() as directory:
            make_directory(directory, source, build)
            shell = Shell(directory)
            for command, output, why in run_document(path, shell):
                count += 1
                failed += bool(why)
                results.append((command, output, why))
                title = command.text.split("\n")[0].replace("#", "\\#")
                print(f"{'not ok' if why else 'ok'} {count} - {name}:{command.line}: {title}", flush=True)
                if why:
                    print(f"# {why}; printed:")
                    for line in output:
                        print("#  ", line)
            shell.end()
        if "--write" in sys.argv:
            write_document(path, results)
    print(f"1..{count}")
    sys.exit(failed > 0)


main()
