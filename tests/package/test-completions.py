#!/usr/bin/env python3
"""Completions in real shells: commands, options and files, as --help has them. TAP.

usage: test-completions.py SEGMAP SEGLOAD FOLDER

FOLDER has the completions: segmap for bash, _segmap for zsh, segmap.fish. bash and zsh run on a
terminal, where all candidates are inserted into the line, and the line is read back.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import terminal
from tap import finish, report, skip

segmap, segload, completions = (pathlib.Path(a).resolve() for a in sys.argv[1:])


def check(name, got, wanted):
    got, wanted = set(got), set(wanted)
    report(name, None if got == wanted else
           f"missing: {sorted(wanted - got)}, too many: {sorted(got - wanted)}")


def help_of(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout


def commands():
    text = help_of(segmap, "--help")
    return re.findall(r"^  (\w+) ", text[text.index("\nCommands:\n"):], re.M)


def options(text):
    """All that --help speaks of among its options."""
    part = text.partition("\nOptions:\n")[2] or text
    return re.findall(r"(?<![\w-])(--[a-z][a-z0-9-]*)", part)


class Fish:
    """fish, asked for its candidates."""

    def __init__(self, file, folder, path):
        self.file, self.folder = file, folder
        self.environment = {"PATH": path, "TERM": "dumb", "HOME": folder, "LC_ALL": "C"}

    def candidates(self, line):
        done = subprocess.run(["fish", "-N", "-c", "source $argv[1]; complete -C $argv[2]",
                               self.file, line], cwd=self.folder, env=self.environment,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=terminal.LIMIT, check=False)
        return [c.split("\t")[0] for c in done.stdout.splitlines()]

    def completed(self, line):
        found = self.candidates(line)
        return line[:line.rindex(" ") + 1] + (found[0] if len(found) == 1 else f"{found}") + " "

    def close(self):
        pass


def values(words):
    return {w.rpartition("=")[2] for w in words}


def check_options(name, shell):
    check(f"{name}: the commands", shell.candidates("segmap "), names)
    check(f"{name}: options of segmap", shell.candidates("segmap --"), ["--help", "--version"])
    loader = options(help_of(segload, "--help"))
    for command in names:
        wanted = loader if command == "run" else options(help_of(segmap, "help", command))
        got = [o.rstrip("=") for o in shell.candidates(f"segmap {command} --")]
        check(f"{name}: options of segmap {command}", got, wanted)
    check(f"{name}: options of segload",
          [o.rstrip("=") for o in shell.candidates("segload --")], loader)


def check_values(name, shell):
    for line, wanted in {
        "segmap maps --color=a": ["auto", "always"],
        "segmap doctor --check=co": ["cow", "compare"],
        "segmap share --at=e": ["entry", "exit"],
        "segload --stop-at=e": ["entry"],
        "segmap help co": ["cow", "compare"],
        "segmap lab private-file-": re.findall(r"^private-file-\S+", experiments, re.M),
        "segmap lab posix-shm sysv": ["sysv-shm"],
    }.items():
        check(f"{name}: {line}", values(shell.candidates(line)), wanted)


def check_files(name, shell):
    for line in (
        "segmap plan unusual-f",
        "segmap plan --check other-file unusual-f",
        "segmap maps --output-file=unusual-f",
        "segmap maps ./unusual-p",
        "segmap maps -o +PAGES --timeout 9 unusual-c",
        "segload -E A=b -v unusual-c",
        "segmap cow --loader=unusual-c",
        "segmap faults unusual-command --any unusual-f",
        "segload ./unusual-program unusual-f",
    ):
        whole = {"f": "file", "p": "program", "c": "command"}
        wanted = line[:-1] + whole[line[-1]]
        got = shell.completed(line).rstrip(" ")
        report(f"{name}: {line}", None if got == wanted else f"became {got}")
    for line in ("segmap maps ./unusual-program --js", "segload ./unusual-program --ver"):
        found = [c for c in shell.candidates(line) if c.rstrip("=") in ("--json", "--verbose")]
        report(f"{name}: {line} is the program's", found)


def start(name, folder, path):
    if name == "fish":
        return Fish(completions / "segmap.fish", folder, path)
    file = completions / {"bash": "segmap", "zsh": "_segmap"}[name]
    return terminal.Shell(name, str(file), folder, path)


def prepare(folder):
    os.mkdir(f"{folder}/bin")
    for name in ("bin/unusual-command", "unusual-program", "unusual-file", "other-file"):
        pathlib.Path(folder, name).touch()
    for name in ("bin/unusual-command", "unusual-program"):
        os.chmod(f"{folder}/{name}", 0o755)


names = commands()
experiments = help_of(segmap, "lab", "--list", "-rn", "-o", "NAME")
for program in ("bash", "zsh", "fish"):
    if not shutil.which(program):
        skip(program, "is not installed")
        continue
    with tempfile.TemporaryDirectory() as place:
        prepare(place)
        asked = start(program, place, f"{place}/bin:{segmap.parent}:{os.environ['PATH']}")
        check_options(program, asked)
        check_values(program, asked)
        check_files(program, asked)
        asked.close()
finish()
