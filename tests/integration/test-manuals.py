#!/usr/bin/env python3
"""The manual pages say what the programs do: options, commands, and examples that work. TAP.

usage: test-manuals.py SEGMAP SEGLOAD DOCS PAGES TESTDATA

DOCS has the sources of the pages, PAGES what has been made of them. An example is run in a folder
of its own, where its files are, by bash with pipefail, and must end with status 0, or with the one
that the sentence above it names: "status 1".
"""

import gzip
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile

segmap, segload, docs, pages, testdata = (pathlib.Path(a).resolve() for a in sys.argv[1:])
count = failed = 0
LIMIT = 600
# Pages of commands that have none of their own.
PAGE_OF = {"run": "segload", "help": "segmap"}


def report(name, why=None):
    global count, failed
    count += 1
    failed += bool(why)
    print(f"{'not ok' if why else 'ok'} {count} - {name}", flush=True)
    for line in str(why or "").splitlines()[:20]:
        print("#", line[:300])


def output_of(*command):
    return subprocess.run([str(c) for c in command], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=LIMIT)


# ---- what the programs say ----

def commands():
    """The commands of segmap --help."""
    text = output_of(segmap, "--help").stdout
    return re.findall(r"^  (\w+) ", text[text.index("\nCommands:\n"):], re.M)


WORD = r"--([a-z][a-z0-9-]*)"


def listed_in_help(text):
    """Options that a line is about, and all that are mentioned."""
    lines = re.findall(r"^ {2,}(?:-\w(?: \w+)?, )?" + WORD, text, re.M)
    return set(lines), set(re.findall(r"(?<![\w-])" + WORD, text))


def section(page, title):
    match = re.search(rf"^# {title}\n(.*?)(?=^# |\Z)", page, re.M | re.S)
    return match.group(1) if match else ""


def listed_in_page(page):
    """Options that a paragraph of OPTIONS is about."""
    found = set()
    for line in section(page, "OPTIONS").splitlines():
        if line.startswith("*-"):
            found |= set(re.findall(r"\*" + WORD + r"\*", line))
    return found


def compare_options(name, text, page):
    listed, mentioned = listed_in_help(text)
    paged = listed_in_page(page)
    why = [f"--{o} is in --help, not in the page" for o in sorted(listed - paged)]
    why += [f"--{o} is in the page, not in --help" for o in sorted(paged - mentioned)]
    if not listed:
        why.append("no option found in --help")
    report(f"{name}: the page has the options of --help", "\n".join(why))


# ---- examples ----

def examples(page):
    """(sentence above, command) of each; several lines that belong together are one command."""
    sentence, command = "", []
    for line in section(page, "EXAMPLES").splitlines() + ["end"]:
        if line.startswith("\t"):
            command.append(re.sub(r"\\(.)", r"\1", line[1:]))
            continue
        if command:
            yield sentence, "\n".join(command)
            command = []
            sentence = sentence if not line.strip() else ""
        if line.strip():
            sentence = line if not sentence or sentence.endswith(":") else f"{sentence} {line}"


def prepare(folder):
    """Files that examples speak of."""
    program = folder / "program"
    shutil.copy(testdata / "good-data", program)
    shutil.copy(testdata / "good-data", folder / "a.out")
    (folder / "bin").mkdir()
    shutil.copy(testdata / "good-c-static", folder / "bin" / "good")
    with gzip.open(folder / "program.gz", "wb") as file:
        file.write(program.read_bytes())


def run_example(folder, command):
    environment = dict(os.environ, TERM="dumb")
    environment["PATH"] = f"{segmap.parent}:{environment['PATH']}:/usr/sbin:/sbin"
    script = folder / "example.sh"
    script.write_text(f"set -o pipefail\n{command}\nexit $?\n")
    process = subprocess.Popen(["bash", script], cwd=folder, env=environment, text=True,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, start_new_session=True)
    try:
        out, err = process.communicate(timeout=LIMIT)
        return process.returncode, out + err
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return None, f"still running after {LIMIT} s"


def try_example(name, sentence, command):
    wanted = re.search(r"status (\d+)", sentence)
    wanted = int(wanted.group(1)) if wanted else 0
    with tempfile.TemporaryDirectory() as folder:
        prepare(pathlib.Path(folder))
        status, output = run_example(pathlib.Path(folder), command)
    why = None if status == wanted else f"status {status}, not {wanted}\n{command}\n{output}"
    report(f"{name}: {command.splitlines()[0]}", why)


# ---- what pages say of each other, and of the schemas and headers ----

def check_references(name, page):
    there = {f"{n}.1" for n in sources} | set(others)
    named = {f"{n}.{s}" for n, s in re.findall(r"\*(seg(?:map|load)[\w-]*)\*\((\d)\)", page)}
    report(f"{name} refers to pages that there are, and not to itself",
           " ".join(sorted(named - there | named & {name})))


def unescaped(page):
    return re.sub(r"\\(.)", r"\1", page)


def check_schema(path, page):
    """segmap-json(5) has each member of the object that a schema describes."""
    schema = json.loads(path.read_text())
    version = schema["properties"]["schema"]["const"]
    part = re.search(rf"^\*{re.escape(version)}\* \(_{re.escape(path.name)}_\)\n((?:\t.*\n)+)",
                     page, re.M)
    words = set(re.findall(r"(?<![\w/])_(\w+)_(?!\w)", part.group(1))) if part else set()
    members = {m for m in schema["properties"] if m != "schema" and not m.endswith("_why")}
    why = [f"{m} is not in it" for m in sorted(members - words)] if part else ["no such part"]
    report(f"segmap-json(5) says what {version} has", "\n".join(why))


def check_library(headers, page):
    """segmap(3) names the headers, and functions that there are."""
    text = "".join(h.read_text() for h in headers)
    why = [f"{h.name} is not in it" for h in headers if h.name not in page]
    why += [f"{f} is in no header" for f in set(re.findall(r"\*(segmap_\w+)\*\(\)", page))
            if not re.search(rf"\b{f}\(", text)]
    report("segmap(3) names each header, and functions that there are", "\n".join(why))


# ---- tests ----

names = commands()
help_text = output_of(segmap, "--help").stdout
sources = {p.name.split(".")[0]: p.read_text() for p in sorted(docs.glob("*.1.scd"))}
others = {p.name[:-len(".scd")]: p.read_text() for p in sorted(docs.glob("*.[2-8].scd"))}

report("segmap has commands, and the pages are there",
       None if len(names) > 3 and "segmap" in sources else f"{names} {list(sources)}")
for name in names:
    page = PAGE_OF.get(name, f"segmap-{name}")
    report(f"segmap {name} has a page, and segmap(1) names it",
           None if page in sources and f"*{name}*" in sources["segmap"] else page)
    if name != "help":
        report(f"segmap --help has an example of {name}",
               None if re.search(rf"^  segmap {name}\b", help_text.split("Commands:")[0], re.M)
               else "none")
    if name not in PAGE_OF and page in sources:
        done = output_of(segmap, name, "--help")
        report(f"segmap {name} --help and segmap help {name} are the same",
               None if done.returncode == 0 and done.stdout
               and output_of(segmap, "help", name).stdout == done.stdout else done.stderr)
        compare_options(page, done.stdout, sources[page])
for name in sources:
    command = name.partition("-")[2]
    report(f"{name}(1) is of a command that there is",
           None if not command or command in names else command)
    report(f"{name}(1) has what a page has",
           "\n".join(f"no {title}" for title in ("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS",
                                                  "PRIVILEGES", "EXIT STATUS", "EXAMPLES",
                                                  "SEE ALSO")
                     if not section(sources[name], title).strip()))
    check_references(f"{name}.1", sources[name])
for text in [(segload, "--help"), (segmap, "--help")] + [(segmap, n, "--help") for n in names]:
    wide = [line for line in output_of(*text).stdout.splitlines() if len(line) > 80]
    report(f"{' '.join([text[0].name, *text[1:]])} fits in 80 columns", "\n".join(wide))
compare_options("segload", output_of(segload, "--help").stdout, sources["segload"])
compare_options("segmap", help_text, sources["segmap"])

for name, page in others.items():
    report(f"{name} has what a page has",
           "\n".join(f"no {title}" for title in ("NAME", "DESCRIPTION", "PRIVILEGES", "EXAMPLES",
                                                 "SEE ALSO") if not section(page, title).strip()))
    check_references(name, page)
for path in sorted((docs / "schemas").glob("*.schema.json")):
    check_schema(path, unescaped(others["segmap-json.5"]))
headers = sorted((docs.parent / "include" / "segmap").glob("*.h"))
check_library(headers, unescaped(others["segmap.3"]))

# Those of segmap(3) take an installed library: tests/package.
for name, page in [*sources.items(), *((n, p) for n, p in others.items() if n != "segmap.3")]:
    for sentence, command in examples(page):
        if os.geteuid() == 0 or "root" not in sentence:
            try_example(name, sentence, command)

made = sorted(pages.glob("*.[1-8]"))
if not made or not shutil.which("mandoc"):
    count += 1
    print(f"ok {count} - mandoc # SKIP {'no mandoc here' if made else 'built without pages'}")
else:
    report("all pages are made", None if len(made) == len(sources) + len(others) else made)
    for page in made:
        lint = output_of("mandoc", "-T", "lint", "-W", "warning", page)
        report(f"mandoc has nothing to say about {page.name}", lint.stdout + lint.stderr)

print(f"1..{count}")
sys.exit(failed > 0)
