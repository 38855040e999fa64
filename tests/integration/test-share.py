#!/usr/bin/env python3
"""What `segmap share` says of copies of a program, against the kernel's own figures, as TAP.

usage: test-share.py SEGMAP SCHEMAS TESTDATA COPYING_LOADER
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

segmap, testdata, loader = (pathlib.Path(sys.argv[i]) for i in (1, 3, 4))
# A copy that no other test maps meanwhile: each of its mappings changes what is counted.
own = tempfile.TemporaryDirectory(prefix="segmap-share-")
static = shutil.copy(testdata / "good-c-static", own.name)
schema = json.loads((pathlib.Path(sys.argv[2]) / "share.schema.json").read_text())
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


def run(*arguments, user=None, program=segmap, **more):
    return subprocess.run([str(a) for a in (program, "share", *arguments)], text=True,
                          capture_output=True, timeout=LIMIT, user=user,
                          group=user, extra_groups=[] if user else None, **more)


def share(*arguments, **more):
    done = run("--json", *arguments, **more)
    assert done.returncode == 0, (done.returncode, done.stderr)
    value = json.loads(done.stdout)
    jsonschema.validate(value, schema)
    for load in value["loads"]:
        for pages in [load["pages"]] + [m["pages"] for m in load["mappings"]]:
            assert sum(pages.values()) == 2 * pages["all"], pages
    return value


def of_file(load, name, permissions):
    return [m for m in load["mappings"]
            if m["name"].endswith(name) and m["permissions"] == permissions]


def runs(mapping):
    return [(r["sharing"], r["state"], r["copies"], r["frames"]) for r in mapping["runs"]]


def check_static(load, copies):
    """Text is one, what was written has a frame for each copy."""
    text = of_file(load, "/good-c-static", "r-xp")[0]
    assert text["pages"]["one"] > 10, text["pages"]
    assert {r[:3] for r in runs(text)} == {("one", "file", copies)}, runs(text)
    data = of_file(load, "/good-c-static", "rw-p")[0]
    written = [r for r in runs(data) if r[1] == "copy"]
    assert written and all(r == ("parted", "copy", copies, copies) for r in written), runs(data)
    memory = load["memory"]
    assert memory["unshared_pages"] == memory["pages"] + memory["saved_pages"]
    assert memory["saved_pages"] > 10 * (copies - 1), memory
    assert memory["unknown_pages"] == 0


def as_root():
    """20 copies of a static program at their exit: one text, 20 times the written pages"""
    load = share("-n", 20, "--at=exit", static)["loads"][0]
    check_static(load, 20)
    if os.geteuid() == 0:
        assert load["frames_told"]
        counts = load["kpagecount"]
        assert counts["verdict"] == "agree" and counts["checked"] > 10, counts
        assert load["pss"]["expected_by"] == "kpagecount"
    assert load["pss"]["verdict"] == "agree", load["pss"]


def at_entry():
    """At their first instruction the copies have not parted in any file"""
    load = share("-n", 3, "--execve", testdata / "good-asm")["loads"][0]
    assert load["by"] == "execve"
    for m in load["mappings"]:
        assert not (m["kind"] == "file-private" and m["pages"]["parted"]), m


def with_aslr():
    """With randomised addresses the same pages are one"""
    load = share("-n", 5, "--aslr", "--at=exit", static)["loads"][0]
    check_static(load, 5)


def as_user():
    """As a user: by pagemap's bits the same, and PSS agrees"""
    with tempfile.TemporaryDirectory() as scratch:
        os.chmod(scratch, 0o755)
        for path in (segmap, segmap.parent / "segload", static):
            shutil.copy(path, scratch)
        there = pathlib.Path(scratch)
        load = share("-n", 20, "--at=exit", there / "good-c-static", user=NOBODY,
                     program=there / "segmap")["loads"][0]
        assert not load["frames_told"]
        assert load["kpagecount"]["verdict"] == "unknown" and load["kpagecount"]["why"]
        check_static(load, 20)
        assert load["pss"]["verdict"] == "agree", load["pss"]
        done = run("-n", 2, there / "good-c-static", user=NOBODY, program=there / "segmap")
        assert "hint: as root" in done.stdout, done.stdout


def copying():
    """A loader that copies saves nothing of the program's text"""
    value = share("-n", 20, f"--loader={loader}", static)
    ours, theirs = value["loads"]
    assert value["at"] == "exit" and theirs["by"] == str(loader)
    check_static(ours, 20)
    text = of_file(ours, "/good-c-static", "r-xp")[0]
    theirs_text = [m for m in theirs["mappings"] if m["start"] == text["start"]][0]
    assert theirs_text["pages"]["parted"] == theirs_text["pages"]["all"], theirs_text["pages"]
    assert theirs["memory"]["pages"] > 3 * ours["memory"]["pages"]
    done = run("-n", 2, f"--loader={loader}", static)
    assert done.stdout.count("ADDRESS") == 2 and "in memory, for all" in done.stdout


def many():
    """500 copies, with few descriptors"""
    def few():
        import resource
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    load = share("-n", 500, testdata / "good-asm", preexec_fn=few)["loads"][0]
    assert any(m["copies"] == 500 for m in load["mappings"])


def at_symbol():
    """At main the data that libc's start has written has parted, and text is one"""
    value = share("-n", 3, "--at=main", static)
    load = value["loads"][0]
    assert value["at"] == "main"
    text = of_file(load, "/good-c-static", "r-xp")[0]
    assert text["pages"]["one"] and not text["pages"]["parted"]
    assert sum(m["pages"]["parted"] for m in of_file(load, "/good-c-static", "rw-p")) > 0
    done = run("-n", 2, "--at=no_such_symbol", static)
    assert done.returncode == 125 and "no such symbol" in done.stderr, done


def output():
    """Output of the copies is dropped, or shown with --show-output"""
    assert "ok main" not in run("-n", 3, "--at=exit", static).stdout
    shown = run("-n", 3, "--at=exit", "--show-output", static).stdout
    assert shown.count("ok main\n") == 3, shown


def tables():
    """Whole strips with --all, columns by name, sums in bytes"""
    done = run("-n", 2, "--all", "--at=exit", static)
    assert "1{" in done.stdout and "*" not in done.stdout.split("strip:")[0], done.stdout
    raw = run("-n", 2, "--raw", "--noheadings", "-o", "name,one", "--at=exit",
              static).stdout.splitlines()
    assert all(len(line.split(" ")) == 2 for line in raw), raw
    done = run("-n", 2, "-o", "nonsense", static)
    assert done.returncode == 125 and "no such column" in done.stderr


def wrong():
    """What cannot be run says so: 125, 126, 127, and no child is left"""
    for arguments, status, word in ((("-n", 1, "/bin/true"), 125, "2 to"),
                                    (("-n", "x", "/bin/true"), 125, "2 to"),
                                    ((), 125, "no PROGRAM"),
                                    (("-n", 2, "/no/such"), 127, "/no/such"),
                                    (("-n", 2, testdata / "bad-magic"), 126, "bad-magic"),
                                    (("-n", 2, "--loader=/no/such", "/bin/true"), 127,
                                     "/no/such")):
        # (A leak checker cannot run in what is traced, and would have another status.)
        done = run(*arguments, env=dict(os.environ, ASAN_OPTIONS="detect_leaks=0"))
        assert done.returncode == status and word in done.stderr, (arguments, done)
        assert not done.stdout, done.stdout


def sleepers(marker):
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if marker in entry.read_bytes().split(b"\0"):
                found.append(entry.parent.name)
        except OSError:
            pass
    return found


def wait_until(true):
    end = time.monotonic() + LIMIT
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def left_over(sign, *options):
    """Ends copies that wait for ever; what is left of them and of their own children"""
    marker = f"1000.{os.getpid()}".encode()
    script = f"sleep {marker.decode()} & wait"
    process = subprocess.Popen([segmap, "share", "-n", "3", "--at=exit", *options, "/bin/sh",
                                "-c", script], stderr=subprocess.PIPE, text=True)
    wait_until(lambda: not sign or sleepers(marker))
    if sign:
        process.send_signal(sign)
    _, message = process.communicate(timeout=LIMIT)
    # What has been killed needs a moment to be gone.
    wait_until(lambda: not sleepers(marker))
    return process.returncode, message


def interrupted():
    """An interrupt kills all copies, and segmap dies by it"""
    status, message = left_over(signal.SIGINT)
    assert status == -signal.SIGINT, (status, message)


def timed_out():
    """A time limit kills all copies, and is named"""
    status, message = left_over(None, "--timeout=1")
    assert status == 125 and "after 1 s" in message, (status, message)


for function in (as_root, at_entry, with_aslr, as_user, copying, many, at_symbol, output, tables, wrong,
                 interrupted, timed_out):
    if function is as_user and os.geteuid() != 0:
        report(as_user.__doc__ + " # SKIP not root: the first test is as a user then")
        continue
    test(function)
print(f"1..{count}")
sys.exit(failed > 0)
