#!/usr/bin/env python3
"""What `segmap spawn` says of many starts of a program, as TAP.

usage: test-spawn.py SEGMAP SCHEMAS TESTDATA

Figures are not judged here: that is for the benchmarks.
"""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import jsonschema

segmap, testdata = (pathlib.Path(sys.argv[i]) for i in (1, 3))
schema = json.loads((pathlib.Path(sys.argv[2]) / "spawn.schema.json").read_text())
count = failed = 0
NOBODY, LIMIT = 65534, 600


def report(name, why=None):
    global count, failed
    count += 1
    failed += bool(why)
    print(f"{'not ok' if why else 'ok'} {count} - {name}", flush=True)
    if why:
        print("#", str(why)[:400].replace("\n", " "))


def test(function):
    try:
        report(function.__doc__, function())
    except Exception as error:  # a failure, whatever it is
        report(function.__doc__, f"{type(error).__name__}: {error}")


def run(*arguments, user=None, program=segmap):
    return subprocess.run([str(a) for a in (program, "spawn", *arguments)], text=True,
                          capture_output=True, timeout=LIMIT, user=user, group=user,
                          extra_groups=[] if user else None)


def spawn(*arguments, **more):
    done = run("--json", *arguments, **more)
    assert done.returncode == 0, (done.returncode, done.stderr)
    value = json.loads(done.stdout)
    jsonschema.validate(value, schema)
    for way in value["ways"]:
        latency = [way["latency_ns"][key] for key in ("least", "p50", "p90", "p99", "most")]
        assert latency == sorted(latency) and latency[0] > 0, way
        assert abs(way["per_second"] * way["nanoseconds"] / 1e9 - way["starts"]) < 1, way
    return value


def check(value, starts, failures):
    assert [w["by"] for w in value["ways"]] == ["template", "posix_spawn"]
    assert [w["starts"] for w in value["ways"]] == [starts] * 2, value
    assert [w["failed"] for w in value["ways"]] == [failures] * 2, value


def at_entry():
    """Any program, at its first instruction"""
    for name in "good-asm", "good-c-static", "good-c-static-pie", "good-c-pie":
        value = spawn("-n", 20, testdata / name)
        check(value, 20, 0)
        assert value["at"] == "entry" and value["jobs"] == 1


def at_main():
    """At main, several at a time"""
    for name in "good-c-static", "good-c-pie":
        value = spawn("-n", 50, "-j", 7, "--at=main", testdata / name)
        check(value, 50, 0)
        assert value["at"] == "main" and value["jobs"] == 7


def loaded_by_execve():
    """A template that execve has loaded"""
    check(spawn("-n", 5, "--execve", "--no-aslr", testdata / "good-c-pie"), 5, 0)


def as_user():
    """As a user"""
    with tempfile.TemporaryDirectory() as scratch:
        os.chmod(scratch, 0o755)
        there = pathlib.Path(scratch)
        for path in (segmap, segmap.parent / "segload", testdata / "start-static"):
            shutil.copy(path, scratch)
        for place in "entry", "main":
            check(spawn("-n", 10, f"--at={place}", there / "start-static", user=NOBODY,
                        program=there / "segmap"), 10, 0)


def failures():
    """Ends that are not status 0 are counted and said"""
    check(spawn("-n", 30, testdata / "start-static", "exit", 3), 30, 30)
    done = run("-n", 3, testdata / "start-static", "signal", 15)
    assert done.returncode == 0 and done.stdout.count("the first: signal 15") == 2, done


def output():
    """Output of the children is dropped, or shown with --show-output"""
    assert "ok main" not in run("-n", 2, testdata / "good-c-static").stdout
    shown = run("-n", 2, "--show-output", testdata / "good-c-static").stdout
    assert shown.count("ok main\n") == 6, shown  # and the first of each way


def tables():
    """Columns by name"""
    done = run("-n", 2, "--raw", "--noheadings", "-o", "by,starts,failed",
               testdata / "good-asm")
    assert done.stdout == "template 2 0\nposix_spawn 2 0\n", done.stdout
    done = run("-o", "nonsense", testdata / "good-asm")
    assert done.returncode == 125 and "no such column" in done.stderr


def wrong():
    """What cannot be started says so"""
    for arguments, status, word in ((("-n", 0, "/bin/true"), 125, "1 to"),
                                    (("-j", "x", "/bin/true"), 125, "1 to"),
                                    ((), 125, "no PROGRAM"),
                                    (("no-such-program",), 127, "not found"),
                                    (("-n", 2, "/no/such"), 127, "/no/such"),
                                    (("-n", 2, "--execve", "/no/such"), 127, "/no/such"),
                                    (("-n", 2, testdata / "bad-magic"), 126, "not loaded"),
                                    (("-n", 2, "--at=nonsense", testdata / "good-c-static"),
                                     125, "no such symbol"),
                                    (("-n", 2, "--at=main", testdata / "start-threads-pie"),
                                     125, "2 threads")):
        done = run(*arguments)
        assert done.returncode == status and word in done.stderr, (arguments, done)


def children_of(pid):
    return pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def timeout():
    """--timeout ends all that hangs"""
    done = run("-n", 2, "--timeout=1", testdata / "start-static", "wait")
    assert done.returncode == 125 and "killed" in done.stderr, done


def interrupted():
    """An interrupt leaves nobody behind"""
    process = subprocess.Popen([segmap, "spawn", "-n", "5", testdata / "start-static", "wait"],
                               stdout=subprocess.DEVNULL)
    limit = time.monotonic() + LIMIT
    while len(children_of(process.pid)) < 2 and time.monotonic() < limit:
        time.sleep(0.01)
    children = children_of(process.pid)
    process.send_signal(signal.SIGTERM)
    assert process.wait(LIMIT) == -signal.SIGTERM
    assert len(children) == 2, children
    for pid in children:
        assert not os.path.exists(f"/proc/{pid}"), pid


for function in (at_entry, at_main, loaded_by_execve, as_user, failures, output, tables, wrong,
                 timeout, interrupted):
    test(function)
print(f"1..{count}")
sys.exit(failed > 0)
