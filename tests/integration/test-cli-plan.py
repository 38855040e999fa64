#!/usr/bin/env python3
"""segmap plan as people read it, beside the program headers and its own JSON, as TAP.

usage: test-cli-plan.py SEGMAP TESTDATA
"""

import json
import pathlib
import re
import struct
import subprocess
import sys
import tempfile
import traceback

segmap, testdata = sys.argv[1], pathlib.Path(sys.argv[2])
PT_LOAD = 1
count = failed = 0


def run(*arguments):
    return subprocess.run([segmap, *map(str, arguments)], capture_output=True, text=True,
                          env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"}, stdin=subprocess.DEVNULL,
                          timeout=600)


def plan(*arguments, status=0):
    done = run("plan", *arguments)
    assert done.returncode == status, f"status {done.returncode}: {done.stderr}"
    return done.stdout


def loads(path):
    """The PT_LOADs of a file: (index, flags, offset, vaddr, filesz, memsz, align)."""
    data = path.read_bytes()
    phoff, = struct.unpack_from("<Q", data, 32)
    phnum, = struct.unpack_from("<H", data, 56)
    for i in range(phnum):
        kind, flags, offset, vaddr, _, filesz, memsz, align = \
            struct.unpack_from("<IIQQQQQQ", data, phoff + 56 * i)
        if kind == PT_LOAD and memsz:
            yield i, flags, offset, vaddr, filesz, memsz, align


def programs():
    """Fixed ones, whose addresses are in the file, and others."""
    names = ["good-asm", "good-data-bss-page", "good-filesz0", "good-rw3", "good-xonly",
             "odd-flags-rwx", "good-own-interp-exec"]
    return [testdata / name for name in names]


def test_rows_are_the_program_headers():
    for path in programs():
        text = plan(path)
        for index, flags, offset, vaddr, filesz, memsz, _ in loads(path):
            row = re.search(rf"^ *{index} (.*)$", text, re.M)
            assert row, f"{path.name}: no row {index}:\n{text}"
            name = "".join(c if flags & bit else " " for c, bit in zip("RWE", (4, 2, 1)))
            assert row[1].startswith(name), f"{path.name}: {row[1]!r}, flags {name!r}"
            start, top = vaddr & ~4095, (vaddr + (filesz or memsz) + 4095) & ~4095
            assert f"{start:08x}-{top:08x}" in row[1], f"{path.name}: {row[1]!r}"
            if filesz:
                assert f"{offset:#08x}+{filesz:#x}" in row[1], f"{path.name}: {row[1]!r}"


def test_text_says_what_json_does():
    for path in sorted(testdata.glob("good-*")) + sorted(testdata.glob("odd-*")):
        if path.read_bytes()[:4] != b"\x7fELF" or path.stat().st_size > 1 << 24:
            continue
        done = run("plan", "--json", path)
        file, = json.loads(done.stdout)["files"]
        text = run("plan", path)
        assert text.returncode == done.returncode, path.name
        if done.returncode:
            continue
        first = text.stdout.splitlines()[0]
        assert first.startswith(f"{path}: ") and " LOAD, page 4096" in first, first
        for word in "place", "entry", "phdr", "brk", "stack", "interp":
            assert re.search(rf"^  {word} ", text.stdout, re.M), f"{path.name}: no {word}"
        for mapping in file["plan"]["mappings"]:
            if mapping["object"] == "program":
                start = int(mapping["addr"] or mapping["vaddr"], 16)
                assert f"{start:08x}-" in text.stdout, f"{path.name}: {start:x}\n{text.stdout}"


def test_columns():
    path = testdata / "good-data-bss-page"
    raw = plan("-rn", "-o", "MEMORY,PROT,SIZE,ALIGN", "-b", path).splitlines()
    assert len(raw) >= len(list(loads(path))), raw
    for line in raw:
        assert re.fullmatch(r"[0-9a-f]+-[0-9a-f]+ [r-][w-][x-]p \d+ \d*", line), line
        start, end = (int(word, 16) for word in line.split()[0].split("-"))
        assert int(line.split()[2]) == end - start, line
    assert "ALIGN" in plan("-o", "+ALIGN", path) and "SECTIONS" in plan("-o", "+ALIGN", path)
    assert "MEMORY" not in plan("-n", path)
    done = run("plan", "-o", "COLOUR", path)
    assert done.returncode == 125 and "COLOUR" in done.stderr, done.stderr


def test_interpreter():
    path = testdata / "good-own-interp"
    with_it, without = plan("--interp", path), plan(path)
    assert with_it.count("file-private") > without.count("file-private")
    assert "own-interp" in without


def test_colour():
    path = testdata / "good-asm"
    assert "\033[" not in plan(path) and "\033[" not in plan("--color=never", path)
    assert re.sub(r"\033\[[0-9;]*m", "", plan("--color=always", path)).split() == plan(path).split()


def test_check():
    assert plan("--check", testdata / "good-asm") in ("", f"{testdata / 'good-asm'}: clean\n")
    warned = plan("--check", testdata / "odd-flags-rwx", status=1)
    assert "segment 4: can be written and executed" in warned and "2 suspicious" in warned
    refused = plan("--check", testdata / "bad-incongruent", testdata / "good-asm", status=1)
    assert "file offset and address differ" in refused and "1 refused" in refused
    assert run("plan", "--check", testdata / "no-such-file").returncode == 2
    for path in sorted(testdata.glob("bad-*")):
        if path.is_file() and not path.suffix:
            assert run("plan", "--check", path).returncode in (0, 1, 2), path.name


def test_refusals():
    for name, status in ("bad-magic", 126), ("bad-incongruent", 126), ("no-such-file", 127), \
            ("bad-interp-missing", 127):
        done = run("plan", testdata / name)
        assert done.returncode == status and not done.stdout.startswith("segmap"), name
        assert done.stderr.startswith(f"segmap: {testdata / name}: "), done.stderr
        assert "execve(2): " in done.stderr, done.stderr


def test_kernels():
    path = testdata / "odd-phnum-74"
    assert plan("--kernel=6.18", path)
    assert run("plan", "--kernel=6.1", path).returncode == 126
    done = run("plan", "--kernel=new", path)
    assert done.returncode == 125 and "new" in done.stderr, done.stderr


def foreign(folder, name, machine, **fields):
    """A copy of a program for this CPU that says that it is for MACHINE."""
    data = bytearray((testdata / name).read_bytes())
    struct.pack_into("<H", data, 18, machine)
    for offset, value in fields.get("bytes", {}).items():
        data[offset] = value
    path = folder / f"{name}-{machine}"
    path.write_bytes(data)
    path.chmod(0o755)
    return path


MACHINES = {62: "x86-64", 183: "aarch64", 243: "riscv"}


def machines(native):
    return {number: name for number, name in MACHINES.items() if name != native}


def native():
    return json.loads(run("plan", "-J", testdata / "good-asm").stdout)["files"][0]["program"]["machine"]


def test_other_cpus():
    with tempfile.TemporaryDirectory() as name:
        for machine, word in machines(native()).items():
            path = foreign(pathlib.Path(name), "good-asm", machine)
            done = run("plan", path)
            assert done.returncode == 126, f"{word}: {done.returncode}"
            assert f" EXEC {word}, entry " in done.stdout, done.stdout
            assert f"e_machine {machine}: this kernel runs " in done.stderr, done.stderr
            assert "ENOEXEC" in done.stderr, done.stderr
            # but for the first line, the rules of fixed addresses are those of this CPU
            rows, own = done.stdout.splitlines()[1:], plan(testdata / "good-asm").splitlines()[1:]
            assert rows == own, done.stdout
            file, = json.loads(run("plan", "-J", path).stdout)["files"]
            assert file["plan"]["mappings"] and file["here"]["errno"] == "ENOEXEC", file
            assert file["here"]["reason"] == "machine" and "error" not in file, file
            done = run("plan", "--check", path)
            assert done.returncode in (0, 1) and "info: built for another CPU" in done.stdout
            assert "0 refused" in done.stdout or "clean" in done.stdout, done.stdout
            assert run("run", path).returncode == 126, "segload is as strict as before"


def test_another_cpus_refusals():
    with tempfile.TemporaryDirectory() as name:
        machine = next(iter(machines(native())))
        path = foreign(pathlib.Path(name), "bad-incongruent", machine)
        done = run("plan", path)
        assert done.returncode == 126 and not done.stdout, done.stdout
        assert "differ" in done.stderr and "another CPU" in done.stderr, done.stderr
        unknown = foreign(pathlib.Path(name), "good-asm", 22)  # EM_S390
        done = run("plan", unknown)
        assert done.returncode == 126 and not done.stdout, done.stdout
        assert "e_machine 22" in done.stderr, done.stderr
        narrow = foreign(pathlib.Path(name), "good-asm", 243, bytes={4: 1})  # EI_CLASS
        done = run("plan", narrow)
        assert done.returncode == 126 and "EI_CLASS 1" in done.stderr, done.stderr


def test_interpreter_of_another_cpu():
    """Not here, or under another root; what has its name here is this CPU's."""
    if native() == "aarch64":
        return
    program = testdata / "good-own-interp"
    file, = json.loads(run("plan", "-J", program).stdout)["files"]
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        path = foreign(folder, program.name, 183)
        done = run("plan", path)
        assert done.returncode == 126 and "not here for this CPU" in done.stdout, done.stdout
        assert re.search(r"^  entry   in the interpreter; AT_ENTRY 0x", done.stdout, re.M)
        other, = json.loads(run("plan", "-J", path).stdout)["files"]
        assert other["plan"]["entry"] == {"addr": None, "why": "the interpreter is not here"}
        assert "interpreter" not in other and len(other["plan"]["objects"]) == 1
        interp = file["program"]["interp"].lstrip("/")
        (folder / interp).parent.mkdir(parents=True)
        (folder / interp).write_bytes(foreign(folder, pathlib.Path(interp).name, 183).read_bytes())
        done = run("plan", f"--sysroot={folder}", "--interp", path)
        assert done.returncode == 126 and ": interpreter, " in done.stdout, done.stdout
        (folder / interp).unlink()
        done = run("plan", f"--sysroot={folder}", path)
        assert done.returncode == 127 and not done.stdout, done.stdout


def test_page_sizes():
    with tempfile.TemporaryDirectory() as name:
        arm = foreign(pathlib.Path(name), "good-align-pie", 183)
        x86 = foreign(pathlib.Path(name), "good-asm", 62)
        for size in 4096, 16384, 65536:
            for spelled in size, f"{size >> 10}K":
                done = run("plan", f"--page-size={spelled}", "--json", arm)
                file, = json.loads(done.stdout)["files"]
                if file["plan"]:
                    assert file["plan"]["page_size"] == size, file["plan"]["page_size"]
                    starts = [int(m["addr"], 16) for m in file["plan"]["mappings"] if m["addr"]]
                    assert starts and not any(start % size for start in starts), starts
                else:
                    assert file["error"]["reason"] == "incongruent", file["error"]
        done = run("plan", "--page-size=64K", x86)
        assert done.returncode == 125 and not done.stdout, done.stdout
        assert "65536 bytes: there are those of 4096" in done.stderr, done.stderr
        assert run("plan", "--check", "--page-size=64K", x86).returncode == 2
        assert run("plan", "--page-size=4K", x86).stdout == run("plan", x86).stdout
    for bad in "", "0", "4095", "4 K", "4k", "K", "-4096", "4096K4", "0x1000", "9" * 30:
        done = run("plan", f"--page-size={bad}", testdata / "good-asm")
        assert done.returncode == 125 and "power of two" in done.stderr, (bad, done.stderr)


def test_commands():
    for arguments in ["--help"], ["help"], ["help", "plan"], ["plan", "--help"], ["--version"]:
        done = run(*arguments)
        assert done.returncode == 0 and "segmap" in done.stdout and not done.stderr, arguments
    for arguments in [], ["plan"], ["no-such-command"], ["help", "no-such-command"], \
            ["plan", "--no-such-option", "x"], ["--no-such-option"]:
        done = run(*arguments)
        assert done.returncode == 125 and done.stderr and not done.stdout, arguments
    done = run("run", testdata / "good-end-42")
    assert done.returncode == 42, done.stderr


for name, test in list(globals().items()):
    if not name.startswith("test_"):
        continue
    count += 1
    try:
        test()
        print(f"ok {count} - {name[5:]}")
    except Exception:  # a test that cannot be done has failed
        failed += 1
        print(f"not ok {count} - {name[5:]}")
        print("# " + traceback.format_exc().replace("\n", "\n# "))
print(f"1..{count}")
sys.exit(failed > 0)
