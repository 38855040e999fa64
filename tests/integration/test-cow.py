#!/usr/bin/env python3
"""Runs `segmap cow` on programs that write to known pages, as root and as nobody, as TAP.

usage: test-cow.py SEGMAP SEGLOAD DOCS TESTDATA

The seed of the random cases is printed, and taken from SEGMAP_SEED if that is set.
"""

import ctypes
import hashlib
import json
import os
import pathlib
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile

import jsonschema

PAGE, PAGES, NOBODY = 4096, 64, 65534
PERF_EVENT_OPEN = 298
docs, testdata = pathlib.Path(sys.argv[3]), pathlib.Path(sys.argv[4])
schema = jsonschema.Draft7Validator(json.loads((docs / "schemas" / "cow.schema.json").read_text()))
libc = ctypes.CDLL(None, use_errno=True)
count = failed = 0


def report(name, why):
    global count, failed
    count += 1
    failed += bool(why)
    print(f"{'not ok' if why else 'ok'} {count} - {name}")
    if why:
        print("#", str(why)[:600].replace("\n", "\n# "), flush=True)


def test(function):
    """Runs FUNCTION now: it fails by raising."""
    try:
        function()
        report(function.__doc__, None)
    except Exception as error:  # an assertion, or a key that is not there
        report(function.__doc__, f"{type(error).__name__}: {error}")


# Others must reach the programs as well: a copy of them in a directory of its own.
home = pathlib.Path(tempfile.mkdtemp(prefix="segmap-cow-"))
home.chmod(0o755)
for source in (sys.argv[1], sys.argv[2], *(testdata / name for name in (
        "write-one", "write-some", "write-some-static-pie", "write-threads", "write-threads-pie",
        "good-end", "good-c-static"))):
    shutil.copy(source, home)
segmap = home / pathlib.Path(sys.argv[1]).name


# ---- starting ----

def forbid_perf():
    """In the child: a seccomp filter by which perf_event_open fails with EPERM."""
    code = b"".join(struct.pack("HBBI", *line) for line in (
        (0x20, 0, 0, 0), (0x15, 0, 1, PERF_EVENT_OPEN), (0x06, 0, 0, 0x50001), (0x06, 0, 0, 0x7FFF0000)))
    buffer = ctypes.create_string_buffer(code)
    program = struct.pack("HxxxxxxP", 4, ctypes.addressof(buffer))
    assert libc.prctl(38, 1, 0, 0, 0) == 0  # PR_SET_NO_NEW_PRIVS
    assert libc.prctl(22, 2, program) == 0  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER


def may_use_perf(user):
    """Whether USER may count user-mode page faults, and those in kernel mode: asked of the kernel."""
    allowed = []
    for flags in (1 << 5, 0):  # exclude_kernel
        attr = struct.pack("IIQQQQQ", 1, 112, 2, 0, 0, 0, flags).ljust(112, b"\0")
        pid = os.fork()
        if pid == 0:
            if user:
                os.setgroups([])
                os.setgid(user)
                os.setuid(user)
            fd = libc.syscall(PERF_EVENT_OPEN, attr, 0, -1, -1, 0)
            os._exit(0 if fd >= 0 else 1)
        allowed.append(os.waitpid(pid, 0)[1] == 0)
    return allowed


def run(*arguments, user=0, perf=True, env=None, check=None):
    """`segmap cow` with its report in a file: the finished process, with .report."""
    with tempfile.TemporaryDirectory(dir=home) as folder:
        output = pathlib.Path(folder) / "report"
        pathlib.Path(folder).chmod(0o777)
        extra = {"user": user, "group": user, "extra_groups": []} if user else {}
        done = subprocess.run(
            [segmap, "cow", f"--output-file={output}", *map(str, arguments)], cwd=home,
            capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=600,
            env={"PATH": os.environ["PATH"], **(env or {})},
            preexec_fn=None if perf else forbid_perf, **extra)
        done.report = output.read_text() if output.exists() else None
    if check is not None:
        assert done.returncode == check, f"status {done.returncode}: {done.stderr}"
    return done


def account(*arguments, **how):
    """The JSON of `segmap cow`, which must be valid and end well."""
    done = run("--json", *arguments, check=0, **how)
    value = json.loads(done.report)
    error = next(schema.iter_errors(value), None)
    assert not error, f"schema: {'/'.join(map(str, error.path))}: {error.message}"
    return value


def pages_of(value, symbol="pages", process=0):
    """{page number: copy} of the copies in the array SYMBOL, and that there is nothing else."""
    found = {}
    for copy in value["processes"][process]["copies"]:
        written = copy["written"]
        assert written and written["symbol"] == symbol, copy
        found[written["symbol_offset"] // PAGE] = copy
    return found


def check_witnesses(value, copies, perf):
    """Page tables, faults and smaps have seen COPIES copies; PERF: what was permitted."""
    process = value["processes"][0]
    witnesses = process["witnesses"]
    assert process["totals"]["copies"] == copies, process["totals"]
    assert process["smaps"] == {"anonymous_bytes": copies * PAGE, "agrees": True}, process["smaps"]
    if not perf[0]:
        assert witnesses["verdict"] == "missing" and witnesses["faults"] is None, witnesses
        return
    assert witnesses["verdict"] == "agree", witnesses
    assert witnesses["faults"] == witnesses["page_tables"] == copies, witnesses
    assert witnesses["kernel_faults_seen"] == perf[1], witnesses


# ---- what it says ----

root = os.getuid() == 0
print(f"# perf as this user: {may_use_perf(0)}")
users = [("this user", 0, may_use_perf(0))]
if root:
    users.append(("nobody", NOBODY, may_use_perf(NOBODY)))
    print(f"# perf as nobody: {users[1][2]}")
seed = os.environ.get("SEGMAP_SEED") or str(random.SystemRandom().randrange(1 << 32))
print(f"# SEGMAP_SEED={seed}", flush=True)
chance = random.Random(seed)

for who, uid, perf in users:
    for loader in ([], ["--execve"], ["--aslr"]):
        def one():
            value = account(*loader, home / "write-one", user=uid)
            check_witnesses(value, 1, perf)
            copy, = value["processes"][0]["copies"]
            assert copy["written"]["symbol"] == "data", copy
            assert int(copy["written"]["address"], 16) // PAGE == int(copy["page"], 16) // PAGE
            assert copy["written"]["symbol_offset"] == 0x18, copy
            assert copy["section"] == ".data" and copy["object"].endswith("/write-one"), copy
            assert copy["differing_bytes"] == 1 and copy["file"] == "unchanged", copy
            assert copy["cause"] == "program", copy
            if perf[0]:
                writer = copy["writer"]
                assert writer["symbol"] == "write_one" and not writer["kernel"], copy
                assert writer["source"].endswith("write-one.c") and writer["line"] > 0, copy
            else:
                assert copy["writer_why"] and copy["written"]["known_by"] == "bytes", copy
        one.__doc__ = f"one variable, one page, one writer: {who} {' '.join(loader)}"
        test(one)

    def some():
        for _ in range(4):
            pages = chance.sample(range(PAGES), chance.randrange(PAGES + 1))
            program = chance.choice(("write-some", "write-some-static-pie"))
            before = hashlib.sha256((home / program).read_bytes()).digest()
            extra = [f"r{chance.randrange(PAGES)}" for _ in range(chance.randrange(5))]
            acts = [*map(str, pages), *extra]
            chance.shuffle(acts)
            value = account(home / program, *acts, user=uid)
            copies = pages_of(value)
            assert sorted(copies) == sorted(pages), f"{acts}: {sorted(copies)}"
            check_witnesses(value, len(pages), perf)
            assert all(c["differing_bytes"] == 1 and c["file"] == "unchanged" for c in copies.values())
            assert hashlib.sha256((home / program).read_bytes()).digest() == before
    some.__doc__ = f"random pages of 64: exactly those, by three counts: {who}"
    test(some)

    def kernels():
        value = account(home / "write-some", "k3", "5", user=uid)
        copies = pages_of(value)
        process = value["processes"][0]
        assert sorted(copies) == [3, 5], copies
        assert process["smaps"]["agrees"], process["smaps"]
        if perf[1]:
            assert copies[3]["writer"]["kernel"], copies[3]
            assert process["witnesses"]["verdict"] == "agree", process["witnesses"]
        elif perf[0]:
            # The kernel's fault is not shown: the page is listed, and nothing is claimed of it.
            difference, = process["witnesses"]["differences"]
            assert difference["kind"] == "copy-in-kernel", difference
            assert difference["page"] == copies[3]["page"] and copies[3]["writer"] is None
            assert process["witnesses"]["verdict"] == "explained", process["witnesses"]
            text = run(home / "write-some", "k3", "5", user=uid, check=0).report
            assert "kernel.perf_event_paranoid" in text, text
    kernels.__doc__ = f"a page that a system call writes to: {who}"
    test(kernels)

    def gone():
        value = account(home / "write-some", "9", "d9", "29", "u29", "49", "p49", user=uid)
        assert sorted(pages_of(value)) == [49]
        process = value["processes"][0]
        assert process["smaps"]["agrees"], process["smaps"]
        if perf[0]:
            kinds = sorted(d["kind"] for d in process["witnesses"]["differences"])
            assert kinds == ["copy-dropped", "copy-unmapped"], process["witnesses"]
            assert process["witnesses"]["verdict"] == "explained"
    gone.__doc__ = f"copies that are given back, unmapped, protected: {who}"
    test(gone)

    def no_perf():
        value = account(home / "write-some", "1", "2", user=uid, perf=False)
        assert sorted(pages_of(value)) == [1, 2]
        check_witnesses(value, 2, [False, False])
        assert value["processes"][0]["witnesses"]["faults_why"]
        text = run(home / "write-some", "1", "2", user=uid, perf=False, check=0).report
        assert re.search(r"page faults are not known: .*\n.*hint: .*perf_event", text), text
        assert "0 copying faults" not in text, text
    no_perf.__doc__ = f"where perf_event_open is forbidden, the rest is right: {who}"
    test(no_perf)

    def forks():
        for may_perf in (True, False):
            value = account("--follow", home / "write-some", "1", "2", "fork", "2", "3", user=uid,
                            perf=may_perf)
            first, child = value["processes"]
            assert child["parent"] == first["pid"] and child["looks"] == ["fork", "exit"], child
            assert sorted(pages_of(value)) == [1, 2]
            causes = {page: copy["cause"] for page, copy in pages_of(value, process=1).items()}
            if may_perf and perf[0]:
                assert causes == {1: "parent", 2: "program", 3: "program"}, causes
                assert child["witnesses"]["verdict"] == "agree", child["witnesses"]
                assert child["witnesses"]["faults"] == child["witnesses"]["page_tables"] == 2
            else:  # by the frames, where they are told
                assert causes[3] == "program", causes
                assert causes in ({1: "parent", 2: "program", 3: "program"},
                                  {1: "forked", 2: "forked", 3: "program"}), causes
            assert first["smaps"]["agrees"] and child["smaps"]["agrees"], value
    forks.__doc__ = f"--follow: what the child copies, and what was its parent's: {who}"
    test(forks)

    def threads():
        for program in ("write-threads", "write-threads-pie"):
            process = account(home / program, user=uid)["processes"][0]
            assert process["smaps"]["agrees"], process["smaps"]
            mine = [c for c in process["copies"] if c["written"]["symbol"] == "pages"]
            assert len({c["page"] for c in mine}) >= 4, mine
            assert process["witnesses"]["verdict"] in ("agree", "explained", "missing"), process
            if perf[0]:
                tids = {c["writer"]["tid"] for c in mine
                        if c["writer"] and c["writer"]["symbol"] == "write_page"}
                assert len(tids) == 4 and process["pid"] not in tids, mine
    threads.__doc__ = f"four threads, one table: {who}"
    test(threads)

    def causes():
        value = account(home / "good-c-static", user=uid)
        totals = value["processes"][0]["totals"]
        assert value["main_seen"], value["main_seen_why"]
        assert totals["loader"] >= 1 and totals["start"] >= 1 and totals["entered"] == 0, totals
        assert sum(totals[k] for k in ("loader", "start", "program")) == totals["copies"]
    causes.__doc__ = f"a static C program: its loader, libc's start: {who}"
    test(causes)


def at_symbol():
    """--at: a look in the middle"""
    value = account("--at=write_page", home / "write-some", "3", "r5", "4")
    assert value["at_seen"] and value["processes"][0]["looks"] == ["entry", "at", "exit"]
    strip, = (m for m in value["processes"][0]["mappings"] if m["copies"])
    middle = [look["pages"] for look in strip["looks"] if look["look"] == "at"]
    assert middle == [[["absent", PAGES]]], middle
    value = account("--at=no_such_symbol", home / "write-some", "3")
    assert not value["at_seen"] and "symbol" in value["at_seen_why"], value
    text = run("--at=no_such_symbol", home / "write-some", check=0).report
    assert "not looked at no_such_symbol: there is no symbol" in text, text
    value = account("--at=write_page", home / "write-some", "r3")
    assert not value["at_seen"] and "not executed" in value["at_seen_why"], value


def stripped():
    """main of a program without symbols; a library's symbol for --at"""
    plain, bare = home / "write-threads-pie", home / "stripped"
    subprocess.run(["strip", "-o", bare, plain], check=True)
    for program in (plain, bare):
        value = account(program)
        totals = value["processes"][0]["totals"]
        if value["main_seen"]:
            assert totals["entered"] == 0 and totals["start"] > 3 and totals["program"] >= 4, totals
        else:  # where the CPU's breakpoint registers do nothing
            assert "breakpoint" in value["main_seen_why"], value["main_seen_why"]
        value = account("--at=libc.so.6:pthread_create", program)
        assert value["at_seen"], value["at_seen_why"]
        assert value["processes"][0]["looks"][-2:] == ["at", "exit"]


def changed_file():
    """a file that the program changes while it runs is said to be changed"""
    dd = home / "dd-copy"
    shutil.copy("/bin/dd", dd)
    # One byte of the ELF header's padding, in the file of the running program itself.
    # segload makes it the process's exe where it may, and the kernel lets nobody write to that.
    loader = "--loader=/lib64/ld-linux-x86-64.so.2"
    value = account(loader, dd, "if=/dev/zero", f"of={dd}", "bs=1", "seek=9", "count=1", "conv=notrunc")
    own = [c for c in value["processes"][0]["copies"] if c["object"] == str(dd)]
    others = [c for c in value["processes"][0]["copies"] if c["object"] != str(dd)]
    assert own and all(c["file"] == "CHANGED" for c in own), own
    assert others and all(c["file"] == "unchanged" for c in others), others
    text = run(loader, dd, "if=/dev/zero", f"of={dd}", "bs=1", "seek=9", "count=1", "conv=notrunc").report
    assert "CHANGED" in text, text


def endings():
    """its end becomes ours: statuses and signals"""
    for how, status in (("0", 0), ("42", 42), ("255", 255), ("segv", -11), ("abrt", -6), ("kill", -9)):
        done = run(home / "good-end", how)
        assert done.returncode == status, f"{how}: {done.returncode}"
        assert done.report, how
        done = run("--json", home / "good-end", how)
        value = json.loads(done.report)
        error = next(schema.iter_errors(value), None)
        assert not error, f"{how}: {error.message}"
        assert (value["exit_status"], value["signal"]) == (
            (status, None) if status >= 0 else (None, -status)), value
    assert run(home / "good-end", "kill").report.count("not looked at its end") <= 1
    # A leak checker in segload does not work while that is traced, and changes its status.
    traced = {"ASAN_OPTIONS": "detect_leaks=0"}
    assert run("./no-such-program", env=traced).returncode == 127
    assert run("/etc/passwd", env=traced).returncode == 126
    assert run("--no-such-option", home / "good-end").returncode == 125
    assert run("-o", "NO_SUCH_COLUMN", home / "good-end").returncode == 125


def families():
    """--follow: grandchildren, children that execute another program, and a time limit"""
    value = account("--follow", "/bin/sh", "-c", "( ( : ); : ); ( exec /bin/true ); :")
    first, *others = value["processes"]
    pids = {p["pid"] for p in value["processes"]}
    assert len(others) == 3 and all(p["parent"] in pids for p in others), others
    assert any(p["parent"] != first["pid"] for p in others), others
    executed, = (p for p in others if "exit_why" in p)
    assert "execve" in executed["exit_why"] and executed["looks"] == ["fork"], executed
    done = run("--follow", "--timeout=1", "/bin/sh", "-c", "( exec sleep 1000 ) & ( exec sleep 1000 ); :")
    assert done.returncode == -9 and "still running" in done.stderr, done
    done = run("--follow", "--timeout=1", "/bin/sh", "-c", "( exec sleep 1000 ) & exit 3")
    assert "still running" in done.stderr, done


test(at_symbol)
test(families)
test(stripped)
test(changed_file)
test(endings)

# ---- how it looks ----

NARROW = """\
. absent  f file  C copy  0 zero page  A anon
     ADDRESS PERM AT ENTRY AT EXIT MAPPING
    00400000 r--p .        .       write-one
    00401000 r-xp .        f       write-one .text
    00402000 rw-p ...      .C.     write-one .data
STACK

    PAGE OBJECT    SECTION WRITTEN   BY        DIFFER CAUSE
00403000 write-one .data   data+0x18 write_one      1 program

1 of 3 data pages copied (4 KiB): 1 by the program
files: unchanged where 1 of the 1 copies came from
two witnesses: 1 copy in page tables, 1 copying fault: agree
smaps: 4 KiB anonymous in private file mappings: agrees
"""


def golden():
    """80 columns, a pipe, and no colour"""
    if not may_use_perf(0)[1]:
        print("# perf is not permitted here: the lines that need it are not compared")
        return
    text = run(home / "write-one", env={"COLUMNS": "80"}, check=0).report
    text = re.sub(r"(?m)^7ff.*\[stack\]$", "STACK", text)
    assert max(map(len, text.splitlines())) <= 80, text
    # How far into the function the write is depends on the compiler, and so do the blanks.
    text = re.sub(r"(?<=write_one)\+0x[0-9a-f]+", "", text)
    assert re.sub(" +", " ", text) == re.sub(" +", " ", NARROW), text
    wide = run(home / "write-one", check=0).report
    assert "write-one.c:" in wide and "SOURCE" in wide, wide
    assert "\x1b" not in run("--color=never", home / "write-one").report
    assert "\x1b" not in run(home / "write-one", env={"NO_COLOR": "1", "TERM": "xterm"}).report
    assert "\x1b" in run("--color=always", home / "write-one").report
    raw = run("--raw", "--noheadings", "-o", "page,differ,written", home / "write-one").report
    assert raw == "00403000 1 data+0x18\n", raw


def many():
    """ten thousand mappings fit on a screen, --all has them all"""
    script = ("import mmap, os\nkeep = [mmap.mmap(-1, 4096, prot=1 + i % 2 * 2) for i in range(10000)]\n"
              "for m in keep[1::2]: m[0] = 1\nos._exit(0)")
    command = [sys.executable, "-S", "-c", script]
    text = run(*command, env={"COLUMNS": "80"}, check=0).report
    lines = text.splitlines()
    assert len(lines) < 300 and max(map(len, lines)) <= 80, (len(lines), max(map(len, lines)))
    assert re.search(r"\.\.\. \d{5} mappings with 0 copies", text), text[:2000]
    assert len(run("--all", *command, check=0).report.splitlines()) > 10000


def documented():
    """every option is in the manual page, and every column"""
    page = (docs / "segmap-cow.1.scd").read_text()
    text = subprocess.run([segmap, "cow", "--help"], capture_output=True, text=True, check=True).stdout
    options = set(re.findall(r"--[a-z-]+|(?<= )-[A-Za-z](?=,)", text))
    assert len(options) > 15, options
    missing = [o for o in sorted(options) if not re.search(rf"\*{o}\*", page)]
    assert not missing, missing
    columns = run("--raw", home / "write-one", check=0).report.splitlines()[0].split()
    missing = [c for c in columns if f"*{c}*" not in page]
    assert columns and not missing, missing


def other_program():
    """a program that becomes another is not mistaken for it"""
    for perf in (True, False):
        process = account("/bin/sh", "-c", "exec /bin/true", perf=perf)["processes"][0]
        assert process["looks"][-1] != "exit" and "execve" in process["exit_why"], process["looks"]
        assert process["witnesses"]["verdict"] == "missing", process["witnesses"]
        assert all(c["differing_bytes"] is None for c in process["copies"])


test(golden)
test(many)
test(documented)
test(other_program)

shutil.rmtree(home)
print(f"1..{count}")
sys.exit(failed > 0)
