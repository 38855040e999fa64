#!/usr/bin/env python3
"""Tests `segmap lab`: that all experiments agree whoever runs them, and that a wrong prediction
is seen. As TAP.

usage: test-lab.py SEGMAP WRONG-LAB SOURCE-ROOT
"""

import ctypes
import json
import os
import pathlib
import platform
import re
import shutil
import struct
import subprocess
import sys
import tempfile

import jsonschema

segmap, wrong_lab, root = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
schema = json.loads((root / "docs/schemas/lab.schema.json").read_text())
count = failed = 0
NOBODY = 65534
TIMEOUT = 1200
TABLE = {(mapping, event)
         for mapping in ("private file", "private anonymous", "shared file", "shared anonymous")
         for event in ("read", "first write", "write after fork", "the file afterwards",
                       "after exec")}


def check(name, good, why=""):
    global count, failed
    count += 1
    failed += not good
    print(f"{'ok' if good else 'not ok'} {count} - {name}")
    if not good:
        print("#", str(why)[:2000].replace("\n", "\n# "))


def forbid(number):
    """From now on this process's system call NUMBER is EPERM, by a seccomp filter."""
    libc = ctypes.CDLL(None, use_errno=True)
    load, equal, give = 0x20, 0x15, 0x06
    program = b"".join(struct.pack("HBBI", *line) for line in (
        (load, 0, 0, 0),               # the system call's number
        (equal, 0, 1, number),
        (give, 0, 0, 0x00050000 | 1),  # SECCOMP_RET_ERRNO, EPERM
        (give, 0, 0, 0x7fff0000)))     # SECCOMP_RET_ALLOW
    buffer = ctypes.create_string_buffer(program)
    filter_ = ctypes.create_string_buffer(
        struct.pack("HxxxxxxQ", len(program) // 8, ctypes.addressof(buffer)))
    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, ctypes.byref(filter_), 0, 0):
        raise OSError(ctypes.get_errno(), "seccomp")


PERF_EVENT_OPEN = {"x86_64": 298, "aarch64": 241, "riscv64": 241}[platform.machine()]
PTRACE = {"x86_64": 101, "aarch64": 117, "riscv64": 117}[platform.machine()]


def run(*arguments, program=segmap, user=None, perf=True, ptrace=True, folder=None, text=None):
    """Runs `segmap lab ARGUMENTS`, where perf and ptrace may be forbidden."""
    def prepare():
        if user is not None:
            os.setgroups([])
            os.setgid(user)
            os.setuid(user)
        if not perf:
            forbid(PERF_EVENT_OPEN)
        if not ptrace:
            forbid(PTRACE)

    environment = dict(os.environ, LC_ALL="C", COLUMNS="")
    if not ptrace:  # which a leak checker needs
        environment["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
    if folder:
        environment["TMPDIR"] = folder
    command = [program] if program == wrong_lab else [program, "lab"]
    return subprocess.run([*command, *arguments], capture_output=True, text=True, input=text or "",
                          timeout=TIMEOUT, preexec_fn=prepare, env=environment, check=False)


def last_line(done):
    return done.stdout.splitlines()[-1] if done.stdout else done.stderr


def report(done):
    """The JSON of a run, after its validation."""
    value = json.loads(done.stdout)
    jsonschema.Draft202012Validator(schema).validate(value)
    return value


def observations(value):
    return [o for e in value["experiments"] for o in e["observations"]]


listed = report(run("--list", "--json"))["experiments"]
names = [e["name"] for e in listed]
check("there is an experiment for each cell of the table",
      {(e["mapping"], e["event"]) for e in listed if e["mapping"]} == TABLE, listed)
check("names are unique", len(set(names)) == len(names), names)

# ---- all agree, whoever asks ----

# Others may not enter the folder that it was built in.
reachable = tempfile.TemporaryDirectory()
os.chmod(reachable.name, 0o755)
copied = shutil.copy(segmap, reachable.name)

users = [("this user", None)] + ([("nobody", NOBODY)] if os.getuid() == 0 else [])
ALL = f"{len(names)} experiments: {len(names)} agree, 0 disagree, 0 without a verdict"
for who, user in users:
    for perf in (True, False):
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o777)
            case = f"{who}, {'perf as it is' if perf else 'perf forbidden'}"
            done = run(program=copied, user=user, perf=perf, folder=folder)
            left = os.listdir(folder)
        check(f"{case}: all agree", last_line(done) == ALL and done.returncode == 0,
              done.stdout + done.stderr)
        check(f"{case}: nothing is left in TMPDIR", not left, left)
        lacks = dict(re.findall(r"^unknown here: ([^,]+), \d+ observations?: (.+)$",
                                done.stdout, re.M))
        check(f"{case}: what is missing is named",
              ("perf" in lacks) >= (not perf) and ("frames" in lacks) >= (user == NOBODY)
              and ("kpagecount" in lacks) >= (user == NOBODY)
              and set(lacks) <= {"perf", "frames", "kpagecount", "cachestat"}, lacks)
        check(f"{case}: what is missing is no observation",
              not re.search(r"unknown +(agree|DISAGREE)", done.stdout), done.stdout)

value = report(run("--json", perf=False))
seen = observations(value)
check("JSON: what could not be asked is null, with a reason",
      all(o["observed"] is None and "perf_event_open" in o["why"]
          for o in seen if o["witness"] == "perf"), seen)
check("JSON: the other observations agree",
      all(o["verdict"] == "agree" for o in seen if o["witness"] in ("page table", "bytes")), seen)
check("JSON: the counts add up",
      value["counts"] == {"experiments": len(names), "agree": len(names), "disagree": 0,
                          "without_verdict": 0}, value["counts"])

done = run(folder="/nonexistent")
check("without a folder for files: no verdict, which is no agreement, and no disagreement",
      done.returncode == 0 and "without a verdict: a file in TMPDIR, /nonexistent: No such file"
      in done.stdout and re.search(r" 0 disagree, [1-9]\d* without a verdict$", last_line(done))
      and last_line(done) != ALL, done.stdout)

done = run(ptrace=False)
check("without ptrace: no verdict about exec, and the others agree",
      done.returncode == 0 and last_line(done).endswith(
          f" {len(names) - 4} agree, 0 disagree, 4 without a verdict") and
      "without a verdict: a child stopped by ptrace: Operation not permitted" in done.stdout,
      done.stdout)

# ---- wrong predictions ----

done = run(program=wrong_lab)
check("wrong predictions: exit status 1", done.returncode == 1, done.returncode)
check("wrong predictions are counted",
      last_line(done) == "13 experiments: 1 agree, 9 disagree, 3 without a verdict",
      done.stdout)
value = report(run("--json", program=wrong_lab))
for e in value["experiments"]:
    kind = e["name"].split("-")[0]
    differ = [o["what"] for o in e["observations"] if o["verdict"] == "DISAGREE"]
    expected = {"right": "agree", "wrong": "DISAGREE", "lacks": None}[kind]
    check(f"{e['name']}: {expected}", e["verdict"] == expected and bool(differ) ==
          (kind == "wrong"), e)
check("what is missing is named",
      [e["why"] for e in value["experiments"] if e["verdict"] is None] ==
      ["a thing that is not here: No such file or directory",
       "a thing that the child needs: No such file or directory", "nothing was observed"],
      value)

# ---- what is printed is what ran ----

sources = "".join(p.read_text() for p in sorted((root / "loader/lab").glob("*.c")))
for name in names:
    code = run("--code", name).stdout
    heading, _, text = code.partition("\n")
    check(f"--code {name} is its source",
          text in sources and text.startswith(f"static void {name.replace('-', '_')}(")
          and text.rstrip().endswith("}") and name in heading, code)

# ---- quiz ----

chosen = "private-file-write"
value = report(run("--json", chosen))
asked = [o["observed"] for o in observations(value)
         if o["observed"] is not None and o["witness"] != "perf"]
done = run("--quiz", chosen, text="\n".join(asked) + "\n")
check("quiz: all right", f"quiz: {len(asked)} of {len(asked)} right" == last_line(done)
      and done.returncode == 0, done.stdout)
short = [answer.split()[0].strip("'") for answer in asked]
done = run("--quiz", chosen, text="\n".join(short) + "\n")
check("quiz: a word is enough", f"quiz: {len(asked)} of {len(asked)} right" == last_line(done),
      done.stdout)
done = run("--quiz", chosen, text="\n".join(["nonsense"] + asked[1:]) + "\n")
check("quiz: one wrong", f"quiz: {len(asked) - 1} of {len(asked)} right" == last_line(done),
      done.stdout)
check("quiz: the question comes before what is seen",
      done.stdout.index("? ") < done.stdout.index(asked[0]) < done.stdout.index("PREDICTED"),
      done.stdout)
done = run("--quiz", text="\n".join(["x", "x"]) + "\n")
check("quiz: the end of input ends it", last_line(done) == "quiz: 0 of 2 right"
      and done.returncode == 0 and not done.stderr, done.stdout + done.stderr)

# ---- options ----

done = run("no-such-thing")
check("an experiment that there is not", done.returncode == 125 and not done.stdout
      and "no-such-thing: no such experiment" in done.stderr, done)
check("--quiz does not go with --json", run("--quiz", "--json").returncode == 125)
with tempfile.NamedTemporaryFile() as file:
    done = run("--output-file=" + file.name, "mremap-copy")
    written = pathlib.Path(file.name).read_text()
check("--output-file", not done.stdout and not done.stderr and
      written.splitlines()[-1] == "1 experiment: 1 agree, 0 disagree, 0 without a verdict",
      written)
done = run("-rn", "-o", "experiment,verdict", "private-anon-*")
lines = set(done.stdout.splitlines())
check("--raw and --output", lines == {
    f"private-anon-{e} agree" for e in ("read", "write", "fork", "file", "exec")}, done.stdout)
check("--color", "\x1b[" in run("--color", "mremap-copy").stdout)
check("no colour in a pipe", "\x1b[" not in run("mremap-copy").stdout)
page = (root / "docs/segmap-lab.1.scd").read_text()
options = re.findall(r"--[a-z-]+", run("--help").stdout)
check("each option is in the manual page", len(options) > 8 and
      all(f"*{option}*" in page for option in options),
      [o for o in options if f"*{o}*" not in page])
too_long = [line for line in run().stdout.splitlines() if len(line) > 80]
check("it fits a terminal", not too_long, too_long)

print(f"1..{count}")
sys.exit(failed > 0)
