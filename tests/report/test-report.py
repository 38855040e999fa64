#!/usr/bin/env python3
"""The page of `segmap report`: is it HTML, is all in it, are its numbers those of the other
commands. What a browser makes of it is asked by test-browser.py. TAP.

usage: test-report.py SEGMAP SCHEMAS TESTDATA
"""

import ctypes
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile

import jsonschema

from page import Page

segmap, schemas, testdata = (pathlib.Path(a).resolve() for a in sys.argv[1:])
count = failed = 0
LIMIT = 600
NOBODY = 65534
MOST = 10_000_000  # bytes of a page


def report(name, why=None):
    global count, failed
    count += 1
    failed += bool(why)
    print(f"{'not ok' if why else 'ok'} {count} - {name}", flush=True)
    if why:
        print("#", str(why)[:600].replace("\n", " "))


def test(function):
    try:
        report(function.__doc__, function())
    except Exception as error:  # a failure, whatever it is
        report(function.__doc__, f"{type(error).__name__}: {error}")


def run(*arguments, **more):
    return subprocess.run([str(a) for a in (segmap, *arguments)], capture_output=True,
                          stdin=subprocess.DEVNULL, timeout=LIMIT, **more)


def page_of(*arguments, status=0, **more):
    path = folder / "page.html"
    path.unlink(missing_ok=True)
    done = run("report", "-o", path, *arguments, **more)
    assert done.returncode == status, (done.returncode, done.stderr[-300:])
    page = Page(path.read_text())
    validate(page.data, "report")
    for name in ("plan", "maps", "faults", "compare", "share"):
        if page.data.get(name):
            validate(page.data[name], name)
    return page


def validate(value, name):
    jsonschema.validate(value, json.loads((schemas / f"{name}.schema.json").read_text()))


def document(command, *arguments):
    """What --json says; in a file, where the program has nothing to say."""
    path = folder / "document.json"
    where = ["--output-file", path] if command in ("faults", "maps", "share") else []
    done = run(command, "--json", *where, *arguments)
    assert done.returncode in (0, 1), (done.returncode, done.stderr)
    return json.loads(path.read_text() if where else done.stdout)


PROGRAMS = {
    "busybox": ("/bin/busybox", "true"),
    "bash": ("/bin/bash", "-c", ":"),
    "python3": ("/usr/bin/python3", "-c", "pass"),
    "a static program": (testdata / "good-data-bss-page",),
}


def is_a_page(page):
    assert not page.faults, page.faults[:3]
    assert len(page.ids) == len(set(page.ids)), "an id is there twice"
    wanted = {"picture", "pages", "faults", "plan", "stack", "compare", "share", "player", "map"}
    assert wanted <= set(page.ids), wanted - set(page.ids)
    outside = [link for link in page.links if not link.startswith(("#", "data:,"))]
    assert not outside, outside
    inside = [link[1:] for link in page.links if link.startswith("#")]
    assert set(inside) <= set(page.ids), set(inside) - set(page.ids)
    assert not re.search(r"url\((?!#)|@import|fetch\(|XMLHttp", "".join(page.scripts[1:])), "network"


def counts_of(page):
    """Pages of the rows by state at exit, from the runs."""
    sums = {}
    for row in page.data["rows"]:
        present = 0
        for _, pages, _, after in row["runs"]:
            sums[after] = sums.get(after, 0) + pages
            present += pages
        assert present <= row["pages"], row
    return sums


def agrees_with_itself(page):
    """The numbers on top, the picture and the JSON."""
    sums = counts_of(page)
    text = " ".join(page.texts["header"].split())
    for letter, words in (("f", "pages of files"), ("C", "copies"), ("A", "anonymous pages")):
        assert f"{sums.get(letter, 0)} {words}" in text, (letter, sums, text)
    faults = page.data["faults"]
    assert f"{sum(c['faults'] for c in faults['classes'])} page faults" in text, text
    line = page.data["timeline"]
    lengths = {len(line[name]) for name in ("time_ns", "row", "page", "class", "where", "by")}
    assert len(lengths) == 1, lengths
    if "faults" in faults:
        own = [f for f in faults["faults"] if f["pid"] == faults["pid"]]
        assert len(own) == line["of"], (len(own), line["of"])
        assert [f["class"] for f in own] == [line["classes"][c] for c in line["class"]]
    rows = [e for e in page.of_class("row") if e[0] == "g"]
    assert len(rows) == len(page.data["rows"]), len(rows)


def check_program(name, arguments):
    def is_right():
        page = page_of(*arguments)
        is_a_page(page)
        agrees_with_itself(page)
        assert page.size < MOST, page.size
        assert page.data["plan"] == document("plan", arguments[0]), "plan"
        assert page.data["maps"] == document("maps", *arguments), "maps"
        other = document("faults", *arguments)
        fixed = ("schema", "program", "arguments", "loader", "aslr", "page_size", "zero_page", "since")
        for key in fixed:
            assert page.data["faults"][key] == other[key], key
        assert page.data["compare"]["counts"]["unexpected"] == 0, page.data["compare"]["counts"]
        assert page.data["compare"]["items"], "nothing compared"
    is_right.__doc__ = f"the page of {name} is right, its numbers are the other commands'"
    return is_right


def share_is_in_it():
    """with -n the page has what segmap share says"""
    program = testdata / "good-data-bss-page"
    page = page_of("-n", "4", "--no-compare", program)
    is_a_page(page)
    other = document("share", "-n", "4", "--at=exit", program)
    mine = page.data["share"]
    assert "compare" not in page.data
    for key in ("program", "arguments", "aslr", "copies", "at", "page_size"):
        assert mine[key] == other[key], key
    strip = [(m["start"], m["pages"]) for m in mine["loads"][0]["mappings"]]
    assert strip == [(m["start"], m["pages"]) for m in other["loads"][0]["mappings"]]
    assert "4 copies by segload" in page.texts["share"], page.texts["share"][:200]


def faults_are_those_of_faults():
    """a program that always does the same has the same faults in the page as in segmap faults"""
    program = testdata / "show-faults"
    page, other = page_of("--no-compare", program), document("faults", program)
    def seen(value):
        return [(f["address"], f["class"], f["access"]) for f in value["faults"]
                if f["where"]["role"] == "program"]
    assert seen(page.data["faults"]), "no fault in the program's own memory"
    assert seen(page.data["faults"]) == seen(other)


def stack_is_drawn():
    """argv, envp and auxv of the initial stack are as they were given"""
    page = page_of("--no-compare", "/bin/busybox", "true", "one two", "",
                   env={"ONLY": "this <one>", "PATH": "/bin"})
    stack = page.data["stack"]
    assert [p["text"] for p in stack["argv"]] == ["/bin/busybox", "true", "one two", ""]
    assert stack["argc"] == 4
    assert {p["text"] for p in stack["envp"]} == {"ONLY=this <one>", "PATH=/bin"}
    auxv = {p["name"]: p for p in stack["auxv"]}
    assert int(auxv["AT_PAGESZ"]["value"], 16) == page.data["page_size"]
    assert auxv["AT_EXECFN"]["text"] == "/bin/busybox", auxv["AT_EXECFN"]
    assert len(auxv["AT_RANDOM"]["text"]) == 32
    assert "ONLY=this <one>" in page.texts["stack"]
    words = 1 + 5 + 3 + 2 * len(auxv) + 2
    assert int(stack["strings"], 16) == int(stack["sp"], 16) + 8 * words


HOSTILE = [
    "</script><script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "a&amp;b",
    "<!--<script>",
    "\u202egnp.exe",
    b"not-utf8-\xff\xfe",
    b"bell\x07esc\x1b[31m",
    "'single' `back` ${x}",
]


def hostile_names():
    """names of files, arguments and variables cannot become part of the page"""
    for name in HOSTILE:
        raw = name if isinstance(name, bytes) else name.encode()
        path = os.fsencode(folder) + b"/" + raw.replace(b"/", b"_")
        shutil.copy(testdata / "good-data-bss-page", path)
        done = subprocess.run([os.fsencode(segmap), b"report", b"--no-compare", b"-o",
                               os.fsencode(folder / "page.html"), path, raw], env={b"X": raw},
                              capture_output=True, timeout=LIMIT)
        assert done.returncode == 0, (name, done.stderr)
        text = (folder / "page.html").read_bytes()
        assert not re.search(rb"[\x00-\x08\x0b-\x1f\x7f]", text), f"{name!r}: a control character"
        body = text[:text.index(b'<script type="application/json"')].decode()
        assert not re.search("[\u202a-\u202e\u2066-\u2069\u0080-\u009f]", body), f"{name!r}: turns"
        page = Page(text.decode())
        is_a_page(page)
        validate(page.data, "report")
        assert len(page.scripts) == 2, f"{name!r}: {len(page.scripts)} scripts"
        assert not [e for e in page.elements if e[0] == "img"], name
        os.unlink(path)


def large_program():
    """100,000 faults in 25,000 pages: the page stays small and has them all"""
    page = page_of("--no-compare", testdata / "show-many-faults")
    is_a_page(page)
    assert page.size < MOST, page.size
    line = page.data["timeline"]
    assert line["of"] >= 100000, line["of"]
    assert len(line["time_ns"]) * line["every"] >= line["of"]
    assert "faults" not in page.data["faults"], "each fault is in it twice"
    total = sum(c["faults"] for c in page.data["faults"]["classes"])
    assert total == line["of"], (total, line["of"])


def large_mapping():
    """a mapping of 30,000 pages of a file of 100 MB is folded, and its pages are counted"""
    done = page_of("--no-compare", sys.executable, "-c", MANY_PAGES, str(folder / "large"))
    row, = [r for r in done.data["rows"] if r["name"].endswith("/large")]
    assert row["pages"] == 30000 and row["pages_per_letter"] > 1, row["pages_per_letter"]
    copies = sum(pages for _, pages, _, after in row["runs"] if after == "C")
    assert copies == 15000, copies
    assert done.size < MOST, done.size


MANY_PAGES = """
import mmap, sys
with open(sys.argv[1], "w+b") as file:
    file.truncate(30000 * 4096)
    memory = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    for page in range(0, 30000, 2):
        memory[page * 4096] = 1
    import os
    os._exit(0)
"""


def died_by_signal():
    """a program that dies by a signal has a page, and segmap dies by the same"""
    page = page_of("--no-compare", "/bin/sh", "-c", "kill -SEGV $$", status=-11)
    is_a_page(page)
    page = page_of("--no-compare", "/bin/sh", "-c", "kill -KILL $$", status=-9)
    is_a_page(page)
    # By SIGKILL it may end without having been stopped before.
    unknown = "nothing is known of that time" in " ".join(page.texts["picture"].split())
    assert unknown is not page.data["exit_seen"], page.data["exit_seen"]


def own_status():
    """the exit status and the output are the program's own"""
    done = run("report", "--no-compare", "-o", folder / "page.html", "/bin/sh", "-c", "echo out; exit 7")
    assert (done.returncode, done.stdout) == (7, b"out\n"), done


def refused():
    """what cannot be run, and a page that cannot be written, is said so, and nothing is written"""
    for status, arguments in ((127, ("/no/such/program",)), (126, (testdata / "bad-incongruent",))):
        path = folder / "none.html"
        done = run("report", "--no-compare", "-o", path, *arguments)
        assert done.returncode == status, (done.returncode, done.stderr)
        assert done.stderr and not path.exists()
    done = run("report", "--no-compare", "-o", "/no/such/folder/x.html", "/bin/true")
    assert done.returncode == 125 and b"/no/such/folder/x.html" in done.stderr, done
    for wrong in (("/bin/true",), ("-o", folder / "x"), ("-o", folder / "x", "-n", "1", "/bin/true")):
        assert run("report", *wrong).returncode == 125, wrong


def as_nobody():
    """a user who is not root gets a page that says what is not known"""
    if os.geteuid() != 0:
        return None  # is tested by all the others
    place = pathlib.Path(tempfile.mkdtemp(prefix="segmap-nobody-"))
    try:
        os.chown(place, NOBODY, NOBODY)
        for tool in ("segmap", "segload"):
            shutil.copy(segmap.with_name(tool), place)
        done = subprocess.run([place / "segmap", "report", "--no-compare", "-n", "2", "-o", place / "p.html",
                               "/bin/true"], user=NOBODY, group=NOBODY, extra_groups=[], cwd=place,
                              capture_output=True, timeout=LIMIT)
        assert done.returncode == 0, done.stderr
        page = Page((place / "p.html").read_text())
        is_a_page(page)
        validate(page.data, "report")
        assert all(row["frames"] is None and row["frames_why"] for row in page.data["rows"])
    finally:
        shutil.rmtree(place)
    return None


def forbid_perf():
    """In the child: a seccomp filter by which perf_event_open fails with EPERM."""
    libc = ctypes.CDLL(None)
    code = b"".join(struct.pack("HBBI", *line) for line in (
        (0x20, 0, 0, 0), (0x15, 0, 1, PERF_EVENT_OPEN), (0x06, 0, 0, 0x50001), (0x06, 0, 0, 0x7FFF0000)))
    buffer = ctypes.create_string_buffer(code)
    program = struct.pack("HxxxxxxP", 4, ctypes.addressof(buffer))
    assert libc.prctl(38, 1, 0, 0, 0) == 0  # PR_SET_NO_NEW_PRIVS
    assert libc.prctl(22, 2, program) == 0  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER


PERF_EVENT_OPEN = 298


def without_faults():
    """where faults cannot be watched, the page has the rest, and says why"""
    page = page_of("/bin/true", preexec_fn=forbid_perf)
    is_a_page(page)
    assert page.data["faults"] is None and page.data["timeline"] is None
    assert "not permitted" in page.data["faults_why"], page.data["faults_why"]
    assert "perf_event_open: Operation not permitted" in " ".join(page.texts["faults"].split())
    assert " page faults" not in page.texts["header"], page.texts["header"]
    assert counts_of(page)["f"] > 0


folder = pathlib.Path(tempfile.mkdtemp(prefix="segmap-report-"))
try:
    for key, value in PROGRAMS.items():
        test(check_program(key, value))
    for case in (share_is_in_it, faults_are_those_of_faults, stack_is_drawn, hostile_names, large_program,
                 large_mapping, died_by_signal, own_status, refused, without_faults, as_nobody):
        test(case)
finally:
    shutil.rmtree(folder)
print(f"1..{count}")
sys.exit(failed > 0)
