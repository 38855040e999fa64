#!/usr/bin/env python3
"""segmap faults beside getrusage, and beside programs whose faults are known, as TAP.

usage: test-cli-faults.py SEGMAP SEGLOAD DOCS TESTDATA
"""

import ctypes
import json
import os
import pathlib
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import traceback

import jsonschema

NOBODY = 65534
docs, testdata = pathlib.Path(sys.argv[3]), pathlib.Path(sys.argv[4])
schema = json.loads((docs / "schemas" / "faults.schema.json").read_text())
validator = jsonschema.Draft202012Validator(schema)
is_root = os.geteuid() == 0
users = [None, NOBODY] if is_root else [None]

# A place that every user reaches, wherever the build directory is.
place = tempfile.TemporaryDirectory(prefix="segmap-faults-")
os.chmod(place.name, 0o755)
bin_dir = pathlib.Path(place.name)
for program in sys.argv[1:3]:
    shutil.copy(program, bin_dir)
segmap = str(bin_dir / "segmap")
environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}


def run(*arguments, user=None, env=environment, **more):
    if user is not None:
        more |= {"user": user, "group": user, "extra_groups": []}
    return subprocess.run([segmap, "faults", *map(str, arguments)], capture_output=True, text=True,
                          env=env, stdin=subprocess.DEVNULL, timeout=600, **more)


def run_json(*arguments, user=None, status=0):
    """The report, which is written to a file: the program may print what it likes."""
    directory = tempfile.mkdtemp(dir=place.name)
    os.chmod(directory, 0o777)
    out = pathlib.Path(directory) / "out"
    done = run("--json", f"--output-file={out}", *arguments, user=user)
    assert done.returncode == status, (done.returncode, done.stderr)
    value = json.loads(out.read_text())
    error = next(validator.iter_errors(value), None)
    assert error is None, f"{list(error.path)}: {error.message}"
    value["stdout"] = done.stdout
    return value


def copy_of(name):
    target = bin_dir / name
    shutil.copy(testdata / name, target)
    return target


def classes_of(value, symbol, pid=None):
    """The classes of the faults at SYMBOL, in order, those of one process."""
    return [f["class"] for f in value["faults"]
            if f["where"]["symbol"] == symbol and f["pid"] == (pid or value["pid"])]


def assert_agrees(value):
    """Every fault that getrusage counts is an event, or was in kernel mode where that may not
    be seen; each has a class, and none is lost."""
    usage = value["getrusage"]
    assert value["lost"] == 0
    if value["kernel_mode_seen"]:
        assert usage["agree"] is True, usage
    else:
        missing = usage["missing_kernel_mode"] or 0
        assert usage["events"] - usage["refused"] + missing == usage["counted"], usage
    assert "unclassified" not in [c["class"] for c in value["classes"]], \
        [f for f in value.get("faults", []) if f["class"] == "unclassified"]
    if "faults" in value:
        assert len(value["faults"]) == sum(c["faults"] for c in value["classes"])


def test_pages_touched_in_known_ways():
    program = copy_of("show-faults")
    for user in users:
        for way in ([], ["--execve"], ["--aslr"]):
            value = run_json(*way, program, user=user)
            assert_agrees(value)
            zero = ["zero-page", "zero-replaced"] if value["zero_page"] else ["zero-filled"]
            # Whether it came along with a neighbour, the program has asked the kernel itself.
            along = "beside present" in value["stdout"]
            assert along or "beside absent" in value["stdout"], value["stdout"]
            seen = value["kernel_mode_seen"]
            for symbol, expected in {
                "written": ["copy-first-write"],
                "read_then_written": ["file-mapped", "copy-after-read"],
                "zero_then_written": zero,
                "filled": ["zero-filled"],
                "forked": ["zero-filled", "reused"],
                "given_back": ["zero-filled", "refault"],
                "by_kernel": ["zero-filled"] if seen else [],
                "stored": ["zero-filled"],
                "compared": zero,
            }.items():
                got = classes_of(value, symbol)
                assert got == expected, (user, way, symbol, got, expected)
            got = [f["class"] for f in value["faults"] if f["where"]["symbol"] == "beside" and
                   f["where"]["symbol_offset"] == 5 * value["page_size"]]
            assert got == ["copy-after-read" if along else "copy-first-write"], (along, got)
            order = [f["where"]["symbol"] for f in value["faults"] if f["access"] == "write" and
                     f["mode"] == "user" and f["where"]["symbol"]]
            known = ["written", "read_then_written", "beside", "zero_then_written", "filled",
                     "forked", "forked", "given_back", "given_back", "stored", "compared"]
            if not value["zero_page"]:
                known = [s for s in known if s not in ("zero_then_written", "compared")]
            assert order == known, order


def test_access_is_what_the_instruction_does():
    value = run_json(copy_of("show-faults"))
    stored = [f["access"] for f in value["faults"] if f["where"]["symbol"] == "stored"]
    compared = [f["access"] for f in value["faults"] if f["where"]["symbol"] == "compared"]
    assert stored == ["write"], stored
    assert compared == (["read", "write"] if value["zero_page"] else ["read"]), compared
    first = value["faults"][0]
    assert first["access"] == "execute" and first["address"] == first["ip"], first
    by = [f["by"]["symbol"] for f in value["faults"] if f["where"]["symbol"] == "filled"]
    assert by == ["start_c"], by


def test_follow_shows_the_child():
    value = run_json("--follow", copy_of("show-faults"))
    assert_agrees(value)
    children = {f["pid"] for f in value["faults"]} - {value["pid"]}
    assert len(children) == 1, children
    assert classes_of(value, "forked", children.pop()) == ["copy-after-fork"]


def test_a_child_has_its_own_names():
    value = run_json("--follow", "/bin/sh", "-c", "/bin/cat /dev/null; :")
    cat = os.path.realpath("/bin/cat")
    shell = os.path.realpath("/bin/sh")
    own = [f for f in value["faults"] if f["where"]["object"] == cat]
    assert own and all(f["pid"] != value["pid"] for f in own)
    assert any(f["where"]["object"] == shell and f["pid"] == value["pid"] for f in value["faults"])


def test_real_programs_agree_with_getrusage():
    for command in (["/bin/busybox", "true"], ["/bin/bash", "-c", ":"],
                    ["/usr/bin/python3", "-c", "1"]):
        for user in users:
            for way in ([], ["--execve"]):
                assert_agrees(run_json(*way, *command, user=user))


def test_threads():
    assert_agrees(run_json(copy_of("good-threads-pie")))
    code = ("import threading\n"
            "threads = [threading.Thread(target=lambda: bytearray(1 << 22)) for _ in range(3)]\n"
            "[t.start() for t in threads]\n"
            "[t.join() for t in threads]\n")
    value = run_json("/usr/bin/python3", "-c", code)
    assert_agrees(value)
    assert len({f["tid"] for f in value["faults"]}) == 4
    assert {f["pid"] for f in value["faults"]} == {value["pid"]}


def test_a_fault_that_ends_in_a_signal():
    value = run_json(copy_of("good-end-segv"), status=-signal.SIGSEGV)
    assert_agrees(value)
    assert value["getrusage"]["refused"] == 1
    last = [f for f in value["faults"] if f["mode"] == "user"][-1]
    assert last["class"] == "signal" and last["where"]["role"] == "none", last


def test_the_stack_grows():
    value = run_json(copy_of("good-recursion-pie"))
    assert_agrees(value)
    grown = [f for f in value["faults"] if f["class"] == "stack-growth"]
    # Some 6 MiB of stack, by the compiler's frames; 132 KiB are mapped at the beginning.
    assert len(grown) * value["page_size"] > 4 << 20, len(grown)
    assert {f["where"]["role"] for f in grown} == {"stack"}


def test_from_the_exec_on():
    value = run_json("--at-exec", "--execve", "/bin/true")
    assert value["since"] == "exec" and value["getrusage"]["agree"] is None
    value = run_json("--at-exec", "/bin/true")
    objects = {f["where"]["object"] for f in value["faults"]}
    assert str(bin_dir / "segload") in objects and os.path.realpath("/bin/true") in objects


def forbid_perf():
    """The system call fails with EPERM from now on."""
    load, jump_unless, give = 0x20, 0x15, 0x06
    code = [(load, 0, 0, 0), (jump_unless, 0, 1, 298), (give, 0, 0, 0x00050001),
            (give, 0, 0, 0x7fff0000)]
    text = b"".join(struct.pack("HBBI", *line) for line in code)
    buffer = ctypes.create_string_buffer(text, len(text))
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(code),
                                                      ctypes.addressof(buffer)))
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(38, 1, 0, 0, 0) == 0
    assert libc.prctl(22, 2, program, 0, 0) == 0


def test_without_perf():
    for way in ([], ["--at-exec"]):
        done = run(*way, "/bin/echo", "it runs", preexec_fn=forbid_perf)
        assert done.returncode == 125, done
        assert "perf_event_open: Operation not permitted" in done.stderr
        assert "hint:" in done.stderr and done.stdout == "", done


def test_missing_kernel_mode_is_said():
    for user in users:
        done = run("--summary", copy_of("show-faults"), user=user)
        if "in user mode" not in done.stdout:
            continue
        assert re.search(r"[1-9][0-9]* more in kernel mode, which may not be watched here: "
                         r"Permission denied\n  hint: .*perf_event_paranoid=1", done.stdout)


def test_exit_statuses():
    assert run(copy_of("good-end-42")).returncode == 42
    # segload ends while it is traced, which a sanitizer's search for leaks does not bear.
    traced = environment | {"ASAN_OPTIONS": "detect_leaks=0"}
    assert run("/nonexistent", env=traced).returncode == 127
    assert run(copy_of("bad-incongruent"), env=traced).returncode == 126
    for wrong in ([], ["--limit=x", "/bin/true"], ["-o", "NONSENSE", "/bin/true"], ["--nonsense"]):
        done = run(*wrong)
        assert done.returncode == 125 and done.stderr, wrong


def test_no_record_is_lost_of_100000():
    for user in users:
        value = run_json("--summary", copy_of("show-many-faults"), user=user)
        assert_agrees(value)
        assert value["getrusage"]["events"] >= 100000
        # What is unmapped and mapped again is new, not the same again.
        made = [c["faults"] for c in value["classes"] if c["class"] == "zero-filled"]
        assert made and made[0] >= 100000, value["classes"]


def test_text():
    done = run("/usr/bin/python3", "-c", "1")
    lines = done.stdout.splitlines()
    value = run_json("--summary", "/usr/bin/python3", "-c", "1")
    assert "faults" not in value
    assert len([line for line in lines if " 0x" in line]) > 300, "a pipe gets all of it"
    assert lines[-1] == "0 lost"
    if value["kernel_mode_seen"]:
        assert re.fullmatch(r"(\d+) events, \1 in getrusage: agree", lines[-2]), lines[-2]
    short = run("--limit=5", "/bin/true").stdout.splitlines()
    assert len([line for line in short if " 0x" in line]) == 5
    assert any("more; --limit=0 shows all)" in line for line in short)
    assert "\033" not in done.stdout
    narrow = run("--limit=50", "/bin/true", env=environment | {"COLUMNS": "80"}).stdout
    table = [line for line in narrow.splitlines() if " 0x" in line]
    assert table and max(map(len, table)) <= 80, max(table, key=len)
    sums = run("--summary", "/bin/true").stdout
    assert "A new page of zeros was made." in sums
    narrow = run("--summary", "/bin/true", env=environment | {"COLUMNS": "60"}).stdout
    assert max(map(len, narrow.splitlines())) <= 60 and "\\x0a" not in narrow, narrow
    raw = run("-rn", "-o", "CAUSE,TID,IP,SOURCE", "/bin/true").stdout.splitlines()
    assert raw and all(len(line.split()) >= 4 for line in raw)


def test_man_page():
    page = (docs / "segmap-faults.1.scd").read_text()
    for option in re.findall(r"--[a-z-]+", run("--help").stdout):
        assert f"*{option}*" in page, option
    for name in schema["$defs"]["class"]["enum"]:
        assert f"(_{name}_)" in page, name


def main():
    tests = [(n, f) for n, f in globals().items() if n.startswith("test_")]
    failed = 0
    print(f"1..{len(tests)}")
    for number, (name, function) in enumerate(tests, 1):
        try:
            function()
            result = "ok"
        except Exception:  # a test that cannot go on has failed
            failed += 1
            result = "not ok"
            print("# " + traceback.format_exc()[-1500:].replace("\n", "\n# "))
        print(f"{result} {number} - {name[5:].replace('_', ' ')}", flush=True)
    return failed > 0


sys.exit(main())
