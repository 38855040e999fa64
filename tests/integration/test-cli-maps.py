#!/usr/bin/env python3
"""segmap maps beside /proc/PID/maps and the program headers, as TAP.

usage: test-cli-maps.py SEGMAP SEGLOAD DOCS TESTDATA
"""

import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import traceback

import jsonschema

NOBODY = 65534
docs, testdata = pathlib.Path(sys.argv[3]), pathlib.Path(sys.argv[4])
schema = json.loads((docs / "schemas" / "maps.schema.json").read_text())
validator = jsonschema.Draft202012Validator(schema)
users = [None, NOBODY] if os.geteuid() == 0 else [None]

# A place that every user reaches, wherever the build directory is.
place = tempfile.TemporaryDirectory(prefix="segmap-maps-")
os.chmod(place.name, 0o755)
bin_dir = pathlib.Path(place.name)
for program in sys.argv[1:3]:
    shutil.copy(program, bin_dir)
segmap = str(bin_dir / "segmap")
environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}


def as_user(user):
    return {} if user is None else {"user": user, "group": user, "extra_groups": []}


def run(*arguments, user=None, env=environment):
    return subprocess.run([segmap, "maps", *map(str, arguments)], capture_output=True, text=True,
                          env=env, stdin=subprocess.DEVNULL, timeout=600, **as_user(user))


def run_json(*arguments, user=None):
    done = run("--json", *arguments, user=user)
    assert done.returncode == 0, done.stderr
    value = json.loads(done.stdout)
    error = next(validator.iter_errors(value), None)
    assert error is None, f"{list(error.path)}: {error.message}"
    return value


def copy_of(name, to=None):
    target = bin_dir / (to or name)
    shutil.copy(testdata / name, target)
    return target


class Process:
    """A child that has answered once, and waits for the next line: nothing of it changes."""

    def __init__(self, *command, user=None, answer=b"ready\n"):
        self.child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      env=environment, cwd="/", **as_user(user))
        self.child.stdin.write(b"ready\n")
        self.child.stdin.flush()
        assert self.child.stdout.readline() == answer
        self.pid = self.child.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.kill()
        self.child.communicate()


def proc_maps(pid):
    """The lines of /proc/PID/maps as lists: address, perms, offset, device, inode, path."""
    lines = pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines()
    fields = [line.split(None, 5) for line in lines]
    return [f + [""] if len(f) == 5 else f for f in fields]


def as_proc(mapping):
    return [f"{int(mapping['start'], 16):08x}-{int(mapping['end'], 16):08x}", mapping["perms"],
            f"{int(mapping['offset'], 16):08x}", mapping["device"], str(mapping["inode"]),
            mapping.get("path", "")]


def loads(path):
    """index -> (filesz, memsz) of each PT_LOAD of a 64-bit ELF file."""
    data = pathlib.Path(path).read_bytes()
    offset, size, count = (struct.unpack_from("<Q", data, 32)[0],
                           *struct.unpack_from("<HH", data, 54))
    headers = (struct.unpack_from("<IIQQQQQQ", data, offset + i * size) for i in range(count))
    return {i: (h[5], h[6]) for i, h in enumerate(headers) if h[0] == 1 and h[6]}


def sums(value, role):
    """index -> (file_bytes, bss_bytes) over all parts with ROLE."""
    found = {}
    for mapping in value["mappings"]:
        for part in mapping["parts"]:
            if part["role"] == role and "segment" in part:
                file, bss = found.get(part["segment"], (0, 0))
                found[part["segment"]] = (file + part["file_bytes"], bss + part["bss_bytes"])
    return found


def assert_all_bytes(value, role, path):
    """Every byte of every segment is in exactly one mapping."""
    expected = {i: (file, memory - file) for i, (file, memory) in loads(path).items()}
    assert sums(value, role) == expected, (sums(value, role), expected)


def test_running_process_is_as_in_proc():
    for user in users:
        with Process("/bin/cat", user=user) as process:
            value = run_json("-p", process.pid, user=user)
            lines = proc_maps(process.pid)
            assert [as_proc(m) for m in value["mappings"]] == lines
            raw = run("-rn", "-o", "ADDRESS,PERMS,OFFSET,DEV,INODE,PATH", "-p", process.pid,
                      user=user)
            assert [f.split() for f in raw.stdout.splitlines()] == \
                [[x for x in line if x] for line in lines], raw.stdout
            assert_all_bytes(value, "program", "/bin/cat")
            assert value["program"] == os.path.realpath("/bin/cat")


def test_interpreter_and_libraries():
    with Process("/bin/cat") as process:
        value = run_json("-p", process.pid)
        paths = {p["role"]: m["path"] for m in value["mappings"] for p in m["parts"]
                 if m.get("path")}
        assert "ld-linux" in paths["interpreter"], paths
        assert "libc" in paths["library"], paths
        assert_all_bytes(value, "interpreter", paths["interpreter"])


def test_bss_that_has_become_one_with_the_heap():
    busybox = shutil.which("busybox")
    with Process("/usr/bin/setarch", "-R", busybox, "cat") as process:
        assert_all_bytes(run_json("-p", process.pid), "program", busybox)


def test_at_the_beginning():
    names = ["good-data", "good-data-static-pie", "good-data-pie", "good-data-exec",
             "good-bss-in-page", "good-bss-aligned", "good-filesz0", "good-rw3", "good-bss"]
    for user in users:
        for name in names:
            path = copy_of(name)
            for how in ["--no-aslr"], ["--aslr"], ["--execve"]:
                value = run_json(*how, path, user=user)
                assert value["at"] == "first-instruction"
                assert_all_bytes(value, "program", path)
    value = run_json("--loader=/lib64/ld-linux-x86-64.so.2", "/bin/cat")
    assert value["at"] == "program-entry"
    assert any(p["role"] == "library" for m in value["mappings"] for p in m["parts"])


def test_the_same_by_both_loaders():
    for name in "good-data", "good-data-pie":
        path = copy_of(name)
        ours, kernels = ([as_proc(m) for m in run_json(how, path)["mappings"]]
                         for how in ("--no-aslr", "--execve"))
        assert ours == kernels, (ours, kernels)


def test_at_a_symbol():
    path = copy_of("good-data-pie")
    for how in [], ["--execve"]:
        value = run_json("--at=main", *how, path)
        assert value["at"] == "symbol" and value["symbol"] == "main"
        roles = {p["role"] for m in value["mappings"] for p in m["parts"]}
        assert "library" in roles, roles
        assert_all_bytes(value, "program", path)
    done = run("--at=libc.so.6:exit", "/bin/echo", "said by the program")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("/bin/echo: at libc.so.6:exit, by segload\n"), done.stdout
    done = run("--at=some_data", copy_of("show-names"))  # never executed
    assert done.returncode == 125 and "without coming there" in done.stderr, done.stderr


def test_pages_are_counted():
    value = run_json(copy_of("good-data"))
    for mapping in value["mappings"]:
        pages = mapping["pages"]
        assert sum(pages.values()) * os.sysconf("SC_PAGESIZE") == mapping["size"], mapping
    data = next(m for m in value["mappings"] if m["perms"] == "rw-p" and "path" in m)
    assert data["pages"]["copy"] == 1, data  # of the tail, which the loader has cleared
    assert ".data" in [s["name"] for s in data["sections"]]


def test_file_that_is_gone():
    path = copy_of("good-data", "deleted")
    cat = bin_dir / "my-cat"
    shutil.copy(os.path.realpath("/bin/cat"), cat)
    for user in users:
        with Process(str(cat), user=user) as process:
            cat.rename(cat.with_suffix(".old"))
            shutil.copy(path, cat)  # another file has its name
            value = run_json("-p", process.pid, user=user)
            assert_all_bytes(value, "program", cat.with_suffix(".old"))
            cat.with_suffix(".old").replace(cat)


def test_control_characters():
    name = "a\x1b[31mb\nc\x07 d"
    path = copy_of("good-asm", name)
    value = run_json(path)
    # maps itself writes a line end as \\012
    assert str(path).replace("\n", "\\012") in [m.get("path") for m in value["mappings"]]
    assert value["program"] == str(path)
    assert_all_bytes(value, "program", path)
    for options in [], ["-r"], ["-a"]:
        done = run(*options, path)
        assert done.returncode == 0 and not re.search(r"[\x00-\x09\x0b-\x1f]", done.stdout), \
            repr(done.stdout)


def test_statuses():
    for status, words, *arguments in [
        (127, "no-such-program: not found", "no-such-program"),
        (127, "No such file", "/no/such/program"),
        (126, "not an ELF file", copy_of("bad-magic")),
        (125, "help", "--help-me"),
        (125, "must be the number", "-p", "x"),
        (125, "must be the number", "-p", "0"),
        (125, "there is none", "-p", str(2 ** 31 - 1)),
        (125, "--pid goes with", "-p", "1", "/bin/cat"),
        (125, "--pid goes with", "-p", "1", "--at=main"),
        (125, "has such a symbol", "--at=no_such_symbol", "/bin/true"),
        (125, "without coming there", "--at=libc.so.6:getaddrinfo", "/bin/true"),
        (125, "no PROGRAM given"),
        (125, "no such column", "-o", "NONE", "/bin/cat"),
        (125, "No space left", "--output-file=/dev/full", "/bin/cat"),
        (125, "No such file", "--output-file=/no/such/file", "/bin/cat"),
    ]:
        done = run(*arguments)
        assert done.returncode == status, (arguments, done.returncode, done.stderr)
        assert words in done.stderr, done.stderr
        assert not done.stdout, done.stdout


def test_no_permission_is_explained():
    if len(users) == 1:
        pid = 1
        done = run("-p", pid)
    else:
        with Process("/bin/cat") as process:
            done = run("-p", process.pid, user=NOBODY)
    assert done.returncode == 125 and "hint:" in done.stderr, done.stderr


def test_process_that_has_ended():
    child = subprocess.Popen(["/bin/true"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    done = run("-p", child.pid)
    child.wait()
    assert done.returncode == 125 and "ended" in done.stderr, done.stderr


MANY = """
import mmap, sys
private = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
both = mmap.PROT_READ | mmap.PROT_WRITE
kept = [mmap.mmap(-1, 4096, private, both if i % 2 else mmap.PROT_READ) for i in range(10000)]
sys.stdout.write(sys.stdin.readline())
sys.stdout.flush()
sys.stdin.readline()
"""


def test_many_mappings_are_folded():
    with Process(sys.executable, "-c", MANY) as process:
        count = len(proc_maps(process.pid))
        assert count > 10000
        folded, whole = run("-p", process.pid), run("-a", "-p", process.pid)
        raw = run("-rn", "-p", process.pid)
        assert len(folded.stdout.splitlines()) < 200, len(folded.stdout.splitlines())
        counts = re.findall(r"^\.\.\. ([0-9,]+) more of the same: anon-private r[w-]-p 4K and "
                            r"anon-private r[w-]-p 4K$", folded.stdout, re.M)
        assert sum(int(c.replace(",", "")) for c in counts) > 9900, folded.stdout
        assert len(whole.stdout.splitlines()) == count + 3  # the program, headings, the sum
        assert len(raw.stdout.splitlines()) == count
        assert len(run_json("-p", process.pid)["mappings"]) == count


def test_narrow_terminal():
    done = run("/bin/cat", env={**environment, "COLUMNS": "80"})
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80, done.stdout
    assert lines[1].split() == ["ADDRESS", "PERMS", "PATH", "KIND", "SEG", "FILE", "BSS"]


def test_every_option_is_documented():
    page = (docs / "segmap-maps.1.scd").read_text()
    options = set(re.findall(r"--[a-z-]+|(?<=  )-[a-zA-Z](?=,)", run("--help").stdout))
    assert len(options) > 12, options
    for option in options:
        assert f"*{option}*" in page, option


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
