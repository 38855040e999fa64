#!/usr/bin/env python3
"""Boots other kernels by software emulation and runs the tests there, as TAP.

usage: run.py [--cpu CPU [--cross]] [--write FILE] [--only STEP,...] BUILD SOURCE KERNEL...

KERNEL is a name of packages.py or the path of an image; CPU is one of machines.py. BUILD and SOURCE are the absolute
directories that the tests have here; they have the same inside. BUILD is of that CPU, or with --cross one of this
machine, in which a build for that CPU is made.
"""

import argparse
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import initramfs
import machines
import packages

import cross  # of loader/arch, which packages.py has made known

LIMIT = 3000  # seconds for one kernel, which exist only to end a hang
TESTS = ("test-programs", "test-maps", "test-verdicts")
TABLE = re.compile(r"(.*<!-- table -->\n)(.*)(<!-- end -->.*)", re.S)  # of docs/kernels.md


def environment(args):
    tests = f"{args.build}/tests/integration"
    return {
        "SEGMAP_BUILD": args.build,
        "SEGMAP_TESTDATA": f"{args.build}/testdata",
        "SEGMAP_TABLE": f"{args.build}/testdata/bad.table",
        "SEGMAP_SEGLOAD": f"{args.build}/loader/segload",
        "SEGMAP_SEGMAP": f"{args.build}/loader/segmap",
        "SEGMAP_WRONG_LOADER": f"{tests}/wrong-loader",
        "SEGMAP_DOCS": f"{args.source}/docs",
        "SEGMAP_REPEAT": "1",
        "PATH": "/usr/bin:/usr/sbin:/bin:/sbin",
        "TERM": "dumb",
        "LC_ALL": "C.UTF-8",
    }


def steps(args):
    """What is run inside: a name, a shell command, and whether it prints TAP itself."""
    segmap, testdata = f"{args.build}/loader/segmap", f"{args.build}/testdata"
    result = [
        ("doctor", f"{segmap} doctor", False),
        ("run", f"{args.build}/loader/segload {testdata}/good-c-pie", False),
        ("maps", f"{segmap} maps {testdata}/good-c-pie", False),
        ("cow", f"{segmap} cow {testdata}/write-some", False),
        ("faults", f"{segmap} faults {testdata}/show-faults", False),
        ("share", f"{segmap} share -n 3 {testdata}/good-c-pie", False),
        ("lab", f"{segmap} lab", False),
        # good-regs ends otherwise where compare says that registers are left (registers-left).
        ("compare", f"{segmap} compare {testdata}/good-asm >/tmp/o; left=0; n=0; bad=0; "
                    f"for p in {testdata}/good-*; do test -x $p || continue; "
                    "case $p in */good-regs*) if grep -q '^register rcx .*expected' /tmp/o; then "
                    "left=$((left + 1)); continue; fi;; esac; "
                    f"n=$((n + 1)); {segmap} compare $p >/tmp/p 2>&1 </dev/null && continue; "
                    "bad=$((bad + 1)); echo \"$p:\"; head -n 20 /tmp/p; done; "
                    "echo \"$n programs, $bad differ, $left left out\"; test $n -ge 80 -a $bad = 0", False),
    ]
    # Criterion's TAP leaves out what a test logs; its usual output has it.
    result += [(t, f"{args.build}/tests/integration/{t} --output=tap:/tmp/{t} -j1; status=$?; "
                   f"cat /tmp/{t}; exit $status", True) for t in TESTS]
    return [s for s in result if not args.only or s[0] in args.only.split(",")]


def write_init(archive, args):
    lines = ["#!/bin/sh", "mount -t proc proc /proc; mount -t sysfs sys /sys",
             "mount -t devtmpfs dev /dev; mkdir -p /dev/shm /dev/pts; mount -t devpts pts /dev/pts",
             "mount -t tmpfs -o mode=1777 shm /dev/shm",
             "mount -t tracefs trace /sys/kernel/tracing 2>/dev/null",
             "exec >{0} 2>&1 </dev/null; stty -F {0} raw".format("/dev/" + args.machine.results),
             "echo 2 >/proc/sys/kernel/perf_event_paranoid; ip link set lo up"]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in environment(args).items()]
    lines += archive.sparse
    lines += ["echo \"=== kernel $(uname -r)\""]
    for name, command, _ in steps(args):
        lines += [f"echo '=== begin {name}'", f"( cd /tmp; {command} ); status=$?",
                  f"echo; echo \"=== end {name} $status\""]
    lines += ["echo '=== done'", "sync; poweroff -f"]
    archive.text("/init", "\n".join(lines) + "\n", 0o755)


def write_initramfs(path, args):
    root = cross.sysroot(args.cpu) if args.cpu != os.uname().machine else ""
    archive = initramfs.Archive(path, root, [f"{root}/lib/{args.machine.triplet}",
                                             f"{root}/usr/lib/{args.machine.triplet}",
                                             f"{args.build}/loader"])
    archive.busybox()
    archive.text("/etc/passwd", "root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n")
    archive.text("/etc/group", "root:x:0:\nnogroup:x:65534:\n")
    for folder in ("/proc", "/sys", "/dev"):
        archive.directory(folder)
    archive.directory("/tmp", 0o1777)  # no mount: the build directory may be below it
    tests = pathlib.Path(args.build, "tests/integration")
    for program in ("segload", "segmap", "lab-counter"):
        archive.program(f"{args.build}/loader/{program}")
    for test in (*TESTS, "wrong-loader"):
        archive.program(str(tests / test))
    for large in ("/bin/bash", "/usr/bin/python3"):  # test-maps stops them at their entry
        if not root:
            archive.program(large)
    if root:
        with open(f"{root}/bin/bash-static", "rb") as bash:
            archive.entry("/bin/bash", 0o100755, bash.read())
    for path in sorted(pathlib.Path(args.build, "testdata").iterdir()):
        if path.is_symlink() or path.is_dir():
            archive.add(str(path))
        elif path.is_file() and path.name.startswith(("good-", "show-", "write-")):
            archive.program(str(path))
        elif path.is_file():
            archive.add(str(path))
    archive.tree(f"{args.source}/docs")
    write_init(archive, args)
    archive.close()


class Boot:
    """One boot. Its lines come from the second serial port; the console is kept aside."""

    def __init__(self, kind, kernel, initrd, folder):
        self.console = folder / "console"
        self.process = subprocess.Popen(
            [kind.qemu, "-accel", "tcg,thread=multi", "-smp", "2", "-m", str(kind.memory),
             "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
             "-chardev", "stdio,id=results,signal=off", "-serial", f"file:{self.console}", *kind.options,
             "-kernel", kernel, "-initrd", initrd,
             "-append", f"console={kind.console} quiet panic=-1 {kind.append}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True)

    def lines(self, limit):
        """Ends when the machine does; at the limit it is killed."""
        signal.signal(signal.SIGALRM, lambda *_: self.process.kill())
        signal.alarm(limit)
        try:
            for line in self.process.stdout:
                yield line.decode(errors="replace").rstrip("\r\n")
        finally:
            signal.alarm(0)
            self.process.kill()
            self.process.wait()


class Report:
    def __init__(self):
        self.count = self.failed = 0

    def point(self, good, name, said=()):
        self.count += 1
        self.failed += not good
        print(f"{'ok' if good else 'not ok'} {self.count} - {name}")
        for line in said:
            print("#", line)
        sys.stdout.flush()


def tap_points(said):
    """[(good, name)] of what a test has printed as TAP."""
    found = [re.match(r"(not )?ok\b[ \d-]*(.*)", line) for line in said]
    return [(not match.group(1), match.group(2)) for match in found if match]


def last_words(said):
    """The summary that a command ends with."""
    return [line for line in said if line.strip()][-1:]


def boot(name, image, initrd, folder, args, report):
    """The kernel's release and {step: (passed, run)}."""
    machine = Boot(args.machine, str(image), str(initrd), folder)
    table, release, said, step, ended = {}, None, [], None, False
    started = time.monotonic()
    prints_tap = {s[0]: s[2] for s in steps(args)}
    for line in machine.lines(args.limit):
        mark = re.match(r"=== (kernel|begin|end|done) ?(\S*) ?(\S*)", line)
        if not mark:
            said.append(line)
        elif mark.group(1) == "kernel":
            release = mark.group(2)
        elif mark.group(1) == "begin":
            step, said, started = mark.group(2), [], time.monotonic()
        elif mark.group(1) == "end":
            good, points = mark.group(3) == "0", tap_points(said) if prints_tap[step] else []
            for ok, what in points:
                report.point(ok, f"{name}: {step}: {what}")
            passed = sum(ok for ok, _ in points) if prints_tap[step] else int(good)
            table[step] = passed, len(points) if prints_tap[step] else 1
            took = f"{time.monotonic() - started:.0f} s"
            report.point(good and table[step][1], f"{name}: {step} ends with {mark.group(3)}",
                         [took, *(said if not good or args.verbose else last_words(said))])
        ended = ended or mark is not None and mark.group(1) == "done"
    why = [] if ended else ["last: " + (step or "no step began"), *said[-20:],
                            *machine.console.read_text(errors="replace").splitlines()[-20:]]
    report.point(ended, f"{name}: {release or 'no kernel'} runs every step", why)
    return release or "did not boot", table


def write_table(path, results, args):
    """Puts what was seen between the two marks of the document, beside what other CPUs have there."""
    names = [s[0] for s in steps(args)]
    rows = []
    for release, table in results:
        cells = ["{} of {}".format(*table[n]) if n in table else "not run" for n in names]
        rows.append(f"| {release} | {args.machine.name} | " + " | ".join(cells) + " |")
    text = pathlib.Path(path).read_text()
    before, old, after = TABLE.fullmatch(text).groups()
    order = [machine.name for machine in machines.MACHINES.values()]
    rows += [row for row in old.splitlines()[2:] if row.split(" | ")[1] != args.machine.name]
    rows.sort(key=lambda row: order.index(row.split(" | ")[1]))  # stable: kernels stay as they are
    head = ["| Kernel | CPU | " + " | ".join(names) + " |", "|---" * (len(names) + 2) + "|"]
    pathlib.Path(path).write_text(before + "\n".join(head + rows) + "\n" + after)


def lacking(args):
    """What this machine needs installed, or None."""
    wanted = {args.machine.qemu: args.machine.package, initramfs.BUSYBOX: "busybox-static"}
    if args.cross:
        triplet, package = args.machine.triplet, args.machine.triplet.replace("_", "-")
        wanted |= {f"{triplet}-gcc": f"gcc-{package}", f"{triplet}-g++": f"g++-{package}"}
    missing = [name for name in wanted if not shutil.which(name)]
    return missing and (f"no {', '.join(missing)}: apt install "
                        + " ".join(wanted[name] for name in missing))


def build_for(args):
    """A build for another CPU inside of BUILD, which is what is booted then. What Meson and ninja
    say is on standard error."""
    args.build = f"{args.build}/cross-{args.cpu}"
    if not os.path.exists(f"{args.build}/build.ninja"):
        subprocess.run(["meson", "setup", args.build, args.source, *cross.options(args.cpu)],
                       check=True, stdout=sys.stderr)
    subprocess.run(["ninja", "-C", args.build], check=True, stdout=sys.stderr)


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cpu", choices=machines.MACHINES, default=os.uname().machine)
    parser.add_argument("--cross", action="store_true", help="build for that CPU first")
    parser.add_argument("--write", metavar="FILE", help="put the table of results there")
    parser.add_argument("--only", metavar="STEP,...", help="run these steps alone")
    parser.add_argument("--limit", type=int, default=LIMIT, help="seconds for one kernel")
    parser.add_argument("--verbose", action="store_true", help="show what every step prints")
    parser.add_argument("build")
    parser.add_argument("source")
    parser.add_argument("kernels", nargs="+")
    args = parser.parse_args()
    if args.write and args.only:
        parser.error("--write wants every step")
    if args.write and not TABLE.fullmatch(pathlib.Path(args.write).read_text()):
        parser.error(f"{args.write} has no place for a table")
    args.machine = machines.MACHINES[args.cpu]
    return args


def run(args, report):
    """[(release, table)] of every kernel."""
    images = [packages.image(args.cpu, name) for name in args.kernels]
    if args.cross:
        build_for(args)
    with tempfile.TemporaryDirectory() as folder:
        initrd = pathlib.Path(folder) / "initramfs"
        write_initramfs(initrd, args)
        return [boot(name, image, initrd, pathlib.Path(folder), args, report)
                for name, image in zip(args.kernels, images)]


def main():
    args, report = arguments(), Report()
    missing = lacking(args)
    if args.cross and (missing or args.cpu not in cross.ARCHITECTURES):
        print("1..0 # SKIP", missing or f"there is no cross file for {args.machine.name}")
        return 0
    if missing:
        print("Bail out!", missing)
        return 1
    try:
        results = run(args, report)
    except (packages.debian.Unreachable, subprocess.CalledProcessError, OSError) as error:
        print("Bail out!", error)
        return 1
    print(f"1..{report.count}")
    if args.write:
        write_table(args.write, results, args)
    return report.failed > 0


if __name__ == "__main__":
    # An end by a signal runs what ends the machine and removes the files.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
