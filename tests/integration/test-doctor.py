#!/usr/bin/env python3
"""What `segmap doctor` says in different places, each 'no' against a refusal, as TAP.

usage: test-doctor.py SEGMAP SCHEMAS [--sanitized]

A sanitizer's runtime needs /proc: then nothing is run without.
"""

import ctypes
import errno
import json
import mmap
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile

import jsonschema

segmap = pathlib.Path(sys.argv[1]).resolve()
schema = json.loads((pathlib.Path(sys.argv[2]) / "doctor.schema.json").read_text())
libc = ctypes.CDLL(None, use_errno=True)
count = failed = 0
NOBODY, LIMIT = 65534, 300
ROOT = os.geteuid() == 0
SYS_PERF_EVENT_OPEN, SYS_SECCOMP, SYS_USERFAULTFD = 298, 317, 323
PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS, CLONE_NEWNS, MNT_DETACH = 4, 38, 0x20000, 2
MS_REC_PRIVATE = 0x44000

# A copy that everybody can execute.
scratch = tempfile.TemporaryDirectory()
os.chmod(scratch.name, 0o755)
segmap = shutil.copy(segmap, scratch.name)


def test(function):
    global count, failed
    count += 1
    try:
        why = function()
    except Exception as error:  # a failure, whatever it is
        why = f"{type(error).__name__}: {error}"
    failed += bool(why)
    print(f"{'not ok' if why else 'ok'} {count} - {function.__doc__}", flush=True)
    if why:
        print("#", str(why)[:600].replace("\n", " "))


# ---- places ----

def as_nobody():
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


def check(result, what):
    if result < 0:
        raise OSError(ctypes.get_errno(), what)


def without_proc():
    check(libc.unshare(CLONE_NEWNS), "unshare")
    # Inside a chroot "/" need not be a mount, but what is taken away is.
    if libc.mount(b"none", b"/", None, MS_REC_PRIVATE, None) < 0:
        check(libc.mount(b"none", b"/proc", None, MS_REC_PRIVATE, None), "mount")
    check(libc.umount2(b"/proc", MNT_DETACH), "umount")


def forbid_perf(action):
    """A seccomp filter that answers perf_event_open with ACTION."""
    code = [(0x20, 0, 0, 0), (0x15, 0, 1, SYS_PERF_EVENT_OPEN), (0x06, 0, 0, action),
            (0x06, 0, 0, 0x7fff0000)]
    filter_ = b"".join(struct.pack("HBBI", *line) for line in code)

    def forbid():
        buffer = ctypes.create_string_buffer(filter_)
        program = struct.pack("HxxxxxxP", len(code), ctypes.addressof(buffer))
        check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")
        check(libc.syscall(SYS_SECCOMP, 1, 0, program), "seccomp")
    return forbid


def run(*arguments, where=None, **more):
    return subprocess.run([segmap, "doctor", *arguments], text=True, capture_output=True,
                          timeout=LIMIT, preexec_fn=where, **more)


def doctor(where=None):
    done = run("--json", where=where)
    assert done.returncode == 0 and not done.stderr, (done.returncode, done.stderr)
    value = json.loads(done.stdout)
    jsonschema.validate(value, schema)
    permits = {p["permit"]: p for p in value["permits"]}
    assert len(permits) == len(value["permits"])
    return value, permits


# ---- the same things, tried here: True, or False for a refusal ----

def can_read(path, size=8):
    try:
        with open(path, "rb", buffering=0) as file:
            return len(file.read(size)) > 0
    except OSError:
        return False


def own_entry():
    page = mmap.mmap(-1, mmap.PAGESIZE)
    page[0] = 1
    address = ctypes.addressof(ctypes.c_char.from_buffer(page))
    with open("/proc/self/pagemap", "rb", buffering=0) as file:
        file.seek(address // mmap.PAGESIZE * 8)
        return struct.unpack("Q", file.read(8))[0]


def can_see_frames():
    return own_entry() & ((1 << 55) - 1) != 0


def open_perf(kernel):
    # type software, size 128, config page faults, period 1
    attributes = struct.pack("IIQQQQQ", 1, 128, 2, 1, 0, 0, 0 if kernel else 1 << 5)
    buffer = ctypes.create_string_buffer(attributes, 128)
    return libc.syscall(SYS_PERF_EVENT_OPEN, buffer, 0, -1, -1, 0)


def can_open_perf(kernel):
    event = open_perf(kernel)
    if event >= 0:
        os.close(event)
    return event >= 0


def can_open_map_files():
    try:
        name = next(iter(os.scandir("/proc/self/map_files"))).path
        os.close(os.open(name, os.O_RDONLY))
        return True
    except (OSError, StopIteration):
        return False


def can_set_exe():
    """prctl(PR_SET_MM, PR_SET_MM_MAP) with a file, else as it is: EBUSY comes after EPERM"""
    fields = open("/proc/self/stat").read().rsplit(")", 1)[1].split()
    field = {i + 3: int(text) for i, text in enumerate(fields) if text.lstrip("-").isdigit()}
    libc.sbrk.restype = ctypes.c_void_p
    exe = os.open("/proc/self/exe", os.O_RDONLY)
    layout = struct.pack("11QQII", field[26], field[27], field[45], field[46], field[47],
                         libc.sbrk(0), field[28], field[48], field[49], field[50], field[51],
                         0, 0, exe)
    result = libc.prctl(35, 14, layout, len(layout), 0)
    error = ctypes.get_errno()
    os.close(exe)
    return result == 0 or error == errno.EBUSY


def can_use_uffd():
    handle = libc.syscall(SYS_USERFAULTFD, os.O_CLOEXEC | 1)
    if handle < 0:
        return False
    request = ctypes.create_string_buffer(struct.pack("QQQ", 0xaa, 1 << 15, 0))
    result = libc.ioctl(handle, ctypes.c_ulong(0xc018aa3f), request)
    os.close(handle)
    return result == 0


def can_run_compat():
    code = bytes((0x31, 0xc0, 0x40, 0x31, 0xdb, 0xcd, 0x80, 0))
    header = b"\x7fELF\1\1\1" + bytes(9) + struct.pack(
        "<HHIIIIIHHHHHH", 2, 3, 1, 0x100054, 52, 0, 0, 52, 32, 1, 0, 0, 0)
    segment = struct.pack("<8I", 1, 0, 0x100000, 0, 84 + 8, 84 + 8, 5, 4096)
    path = pathlib.Path(scratch.name, f"compat-{os.getpid()}")
    path.write_bytes(header + segment + code)
    path.chmod(0o755)
    try:
        return subprocess.run([path]).returncode == 0
    except OSError:
        return False
    finally:
        path.unlink()


def zero_page_is_used():
    import resource
    page = mmap.mmap(-1, 64 * mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    for i in range(64):
        page[i * mmap.PAGESIZE]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for i in range(64):
        page[i * mmap.PAGESIZE] = 1
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before >= 32


TRIALS = {
    "proc": lambda: can_read("/proc/self/maps"),
    "proc-others": lambda: can_read("/proc/1/stat"),
    "smaps": lambda: can_read("/proc/self/smaps") and can_read("/proc/self/smaps_rollup"),
    "pagemap": lambda: can_read("/proc/self/pagemap"),
    "frames": can_see_frames,
    "kpagecount": lambda: can_read("/proc/kpagecount"),
    "kpageflags": lambda: can_read("/proc/kpageflags"),
    "map-files": can_open_map_files,
    "perf-user": lambda: can_open_perf(False),
    "perf-kernel": lambda: can_open_perf(True),
    "tracefs": lambda: any(can_read(f"/sys/kernel/{d}/events/exceptions/page_fault_user/id")
                           for d in ("tracing", "debug/tracing")),
    "exe-link": can_set_exe,
    "32-bit": can_run_compat,
    "zero-page": zero_page_is_used,
    "uffd-async": can_use_uffd,
}
# Of the machine or the kernel; that they can be refused is seen elsewhere or not at all.
UNTRIED = {"ptrace", "attach", "pagemap-scan", "perf-ring", "breakpoints", "aslr", "no-aslr",
           "set-mm", "vdso-move", "rseq", "overcommit"}


def tried_in(where):
    """What this test finds by its own trials, in a child that has gone to the same place."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        result = {}
        try:
            if where:
                where()
            libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)  # setuid has taken its /proc away
            for name, trial in TRIALS.items():
                try:
                    result[name] = trial()
                except OSError:
                    result[name] = None
        finally:
            os.write(writer, json.dumps(result).encode())
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as file:
        text = file.read()
    os.waitpid(child, 0)
    return json.loads(text)


def compare(where=None):
    value, permits = doctor(where)
    found = tried_in(where)
    assert set(TRIALS) | UNTRIED == set(permits), set(permits) ^ (set(TRIALS) | UNTRIED)
    assert set(found) == set(TRIALS), found
    for name, can in found.items():
        said = permits[name]["permitted"]
        if said is None:
            assert can is not True, f"{name}: unknown, but it can be done"
        elif can is not None:
            assert said == can, f"{name}: {said}, but {can}: {permits[name]}"
    return value, permits


# ---- tests ----

def here():
    """As this user: each answer is what a trial of the test finds"""
    value, permits = compare()
    assert value["user"] == os.geteuid()
    for name in ("proc", "ptrace", "smaps", "pagemap"):
        assert permits[name]["permitted"] is True, permits[name]
    assert all(value["commands"].values()) or not permits["perf-user"]["permitted"]


def nobody():
    """As nobody: no frames, and how to see them"""
    _, permits = compare(as_nobody)
    for name in ("frames", "kpagecount", "kpageflags", "exe-link"):
        assert permits[name]["permitted"] is False, permits[name]
        assert any("sudo" in step for step in permits[name]["how"]), permits[name]
    if pathlib.Path("/proc/sys/kernel/perf_event_paranoid").read_text().strip() == "2":
        assert permits["perf-kernel"]["permitted"] is False
        assert permits["perf-kernel"]["setting"] == 2


def no_proc():
    """Without /proc: it says so, and knows no more than it can"""
    value, permits = compare(without_proc)
    assert permits["proc"]["permitted"] is False and permits["frames"]["permitted"] is None
    assert permits["proc"]["why"] == os.strerror(errno.ENOENT), permits["proc"]
    assert permits["ptrace"]["permitted"] is True and permits["aslr"]["permitted"] is None
    assert not value["commands"]["cow"] and value["commands"]["plan"]
    text = run(where=without_proc)
    assert "mount -t proc proc /proc" in text.stdout and "as for proc" in text.stdout


def seccomp():
    """Where seccomp forbids perf_event_open: by an error, or by death"""
    for action, why in ((0x50000 | errno.EPERM, "not permitted"), (0x50000 | errno.ENOSYS, "not impl"),
                        (0x80000000, "signal 31")):
        value, permits = doctor(forbid_perf(action))
        for name in ("perf-user", "perf-kernel"):
            assert permits[name]["permitted"] is False and why in permits[name]["why"], permits[name]
        assert permits["perf-ring"]["permitted"] is not True
        assert permits["pagemap"]["permitted"] is True
        assert not value["commands"]["faults"] and value["commands"]["cow"]


def checks():
    """--check answers by its status, and says why not"""
    done = run("--check=cow")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), done
    done = run("--check=faults", where=forbid_perf(0x50000 | errno.EPERM))
    assert done.returncode == 1 and not done.stdout and "perf-user" in done.stderr, done
    assert "hint: " in done.stderr
    assert run("--check=nonsense").returncode == 125
    assert run("nonsense").returncode == 125


def steps():
    """SEGMAP_STEP is seen: no breakpoints"""
    done = run("--json", env=dict(os.environ, SEGMAP_STEP="1"))
    permits = {p["permit"]: p["permitted"] for p in json.loads(done.stdout)["permits"]}
    assert permits["breakpoints"] is False


def table():
    """A table of 80 columns; what is to be copied is in one line"""
    forbidden = forbid_perf(0x50000 | errno.EPERM)
    done = run(env=dict(os.environ, COLUMNS="80", NO_COLOR="1"), where=forbidden)
    lines = done.stdout.splitlines()
    end = lines.index("To permit what is not:")
    assert all(len(line) <= 80 for line in lines[:end]), max(lines[:end], key=len)
    assert "    sysctl kernel.perf_event_paranoid=1" in lines[end:], done.stdout
    assert "Cannot run: faults" in lines
    wide = run("-o", "permit,how", where=forbidden).stdout
    assert "sysctl kernel.perf_event_paranoid=1" in wide
    raw = run("--raw", "--noheadings", "-o", "permit,state").stdout.splitlines()
    assert len(raw) == len(set(TRIALS) | UNTRIED), raw


by_root = (nobody,) if "--sanitized" in sys.argv else (nobody, no_proc)
for function in (here, seccomp, checks, steps, table) + (by_root if ROOT else ()):
    test(function)
if not ROOT:
    for function in by_root:
        count += 1
        print(f"ok {count} - {function.__doc__} # SKIP not root")
print(f"1..{count}")
sys.exit(failed > 0)
