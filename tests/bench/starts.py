#!/usr/bin/env python3
"""What a start by segload costs beside one by execve.

usage: starts.py GROUP MEASURE STAGES SEGMAP SEGLOAD TESTDATA CRAFT OUT

GROUP is starts (whole processes, in one process, and up to the first instruction), stages (of a
load by the library), growth (with the size and number of segments), cost (system calls, page faults, memory), alive (memory of many
instances) or template (load once, start many). Each writes OUT/bench-GROUP.json and prints its
table; growth and alive draw OUT/bench-GROUP.svg too, if there is a gnuplot. In each row all ways
take turns on one CPU. SEGMAP_BENCH_REPEAT is the number of rounds, 500 unless set.
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

group = sys.argv[1]
measure, stages_of, segmap, segload, testdata, craft, out = (pathlib.Path(a).resolve()
                                                             for a in sys.argv[2:9])
REPEAT = int(os.environ.get("SEGMAP_BENCH_REPEAT", "500"))
SIZES = {"4 KiB": "4K", "4 MiB": "4M", "4 GiB": "4G"}
LOADS = (1, 16, 256, 1000)


def run(*command):
    return subprocess.run([str(c) for c in command], capture_output=True, text=True, check=True,
                          stdin=subprocess.DEVNULL).stdout


def times(program, *options):
    return json.loads(run(measure, *options, REPEAT, segload, program))


def microseconds(value):
    low, high = value["quartiles"]
    return f"{value['median'] / 1000:.0f} ({low / 1000:.0f}-{high / 1000:.0f})"


def ratio(values, ours, theirs):
    """Of the medians; and of the least, which other work on the machine disturbs less."""
    least = values[ours]["least"] / values[theirs]["least"]
    return f"{values[ours]['median'] / values[theirs]['median']:.2f} ({least:.2f})"


def print_table(title, headings, rows):
    print(title)
    rows = [headings] + [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(headings))]
    for row in rows:
        print("  ".join(f"{cell:<{w}}" if i == 0 else f"{cell:>{w}}"
                        for i, (cell, w) in enumerate(zip(row, widths))).rstrip())
    print()


def time_row(name, values):
    return [name, microseconds(values["posix_spawn"]), microseconds(values["segload"]),
            ratio(values, "segload", "posix_spawn"),
            microseconds(values["fork_execve"]), microseconds(values["fork_segmap_execve"]),
            ratio(values, "fork_segmap_execve", "fork_execve")]


TIME_HEADINGS = ["program", "posix_spawn", "segload", "ratio (of the least)",
                 "fork+execve", "fork+segmap_execve", "ratio (of the least)"]


def starts():
    whole = {n: times(testdata / n) for n in ("good-asm", "empty-static", "empty-static-pie",
                                              "empty-pie") if (testdata / n).exists()}
    first = {n: times(testdata / n, "--first") for n in ("stamp", "stamp-static-pie")}
    print_table("whole processes: median (quartiles), microseconds", TIME_HEADINGS,
                [time_row(n, v) for n, v in whole.items()])
    print_table("from the call to the first instruction: the same, by fork each",
                ["program", "execve", "segload", "ratio", "execve", "segmap_execve", "ratio"],
                [time_row(n, v) for n, v in first.items()])
    return {"whole": whole, "first_instruction": first}


def stages():
    programs = [n for n in ("stamp", "stamp-static-pie") if (testdata / n).exists()]
    result = {n: json.loads(run(stages_of, REPEAT, testdata / n)) for n in programs}
    print_table("stages of a load by the library: median (quartiles), least; microseconds",
                ["stage"] + [c for n in programs for c in (n, "least")],
                [[stage] + [c for n in programs
                            for c in (microseconds(result[n][stage]),
                                      f"{result[n][stage]['least'] / 1000:.0f}")]
                 for stage in result[programs[0]]])
    return result


def make(folder, name, base, *edits):
    path = pathlib.Path(folder) / name.replace(" ", "-")
    run(craft, testdata / base, path, *edits)
    return path


def data_edits(size):
    return ("load[1].p_flags=6", "load[1].p_offset=64K", f"load[1].p_filesz={size}",
            f"load[1].p_memsz={size}", f"extend=64K+{size}", "text@64K=A",
            "text@64K+load[1].p_filesz/2=M", "text@size-1=Z")


def growth():
    result = {}
    with tempfile.TemporaryDirectory(dir=out) as folder:
        for name, size in SIZES.items():
            path = make(folder, f"data {name}", "base-big-data", *data_edits(size))
            result[f"data {name}"] = times(path)
        for name, size in SIZES.items():
            path = make(folder, f"bss {name}", "base-big-data", *data_edits("4K"),
                        f"load[1].p_memsz={size}+4K")
            result[f"bss {name}"] = times(path)
        for number in LOADS:
            # a program that does not look at its headers
            edits = [] if number == 1 else ["phdrs=end", f"clone=0,{number - 1},64K,0"]
            path = make(folder, f"{number} PT_LOAD", "good-asm", *edits)
            result[f"{number} PT_LOAD"] = times(path)
    print_table("by the size and number of segments: median (quartiles), microseconds",
                TIME_HEADINGS, [time_row(n, v) for n, v in result.items()])
    plot("growth", "PT_LOAD headers", "microseconds (least of all rounds)",
         [(n, result[f"{n} PT_LOAD"]["posix_spawn"]["least"] / 1000,
           result[f"{n} PT_LOAD"]["segload"]["least"] / 1000) for n in LOADS])
    return result


def cost():
    result = {}
    for name in "good-asm", "empty-static", "empty-static-pie", "empty-pie":
        if (testdata / name).exists():
            result[name] = json.loads(run(measure, "--cost", segload, testdata / name))
    print_table("from the exec to the end, by execve and by segload",
                ["program", "calls", "calls", "more", "faults", "faults", "more", "peak KiB",
                 "peak KiB", "more"],
                [[n] + [c for key in ("calls", "faults", "peak_kib")
                        for c in (v["fork_execve"][key], v["segload"][key],
                                  v["segload"][key] - v["fork_execve"][key])]
                 for n, v in result.items()])
    return result


def memory_of(pid):
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    fields = {line.split(":")[0]: int(line.split()[1]) for line in text.splitlines()[1:]}
    return fields["Pss"], fields["Private_Clean"] + fields["Private_Dirty"]


def is_waiting(pid):
    """In pause(2), where nothing more is to come."""
    return pathlib.Path(f"/proc/{pid}/syscall").read_text().split()[0] == "34"


def instances(count, command):
    """KiB for each: PSS, private."""
    children = [subprocess.Popen([str(c) for c in command]) for _ in range(count)]
    try:
        limit = time.monotonic() + 600
        while not all(is_waiting(c.pid) for c in children) and time.monotonic() < limit:
            time.sleep(0.05)
        memory = [memory_of(c.pid) for c in children]
    finally:
        for child in children:
            child.send_signal(signal.SIGKILL)
            child.wait()
    return [sum(column) / count for column in zip(*memory)]


def alive():
    result = {}
    for name in "start-static", "start-pie":
        for count in (1, 10, 100):
            program = [testdata / name, "wait"]
            theirs, ours = instances(count, program), instances(count, [segload, *program])
            result[f"{name} x {count}"] = {
                "count": count,
                "execve": dict(zip(("pss_kib", "private_kib"), theirs)),
                "segload": dict(zip(("pss_kib", "private_kib"), ours))}
    print_table("instances alive at once: KiB for each, by execve and by segload",
                ["program", "PSS", "PSS", "ratio", "private", "private", "ratio"],
                [[n] + [c for key in ("pss_kib", "private_kib")
                        for c in (f"{v['execve'][key]:.1f}", f"{v['segload'][key]:.1f}",
                                  f"{v['segload'][key] / v['execve'][key]:.3f}")]
                 for n, v in result.items()])
    plot("alive", "instances of a dynamic program", "KiB for each (PSS)",
         [(v["count"], v["execve"]["pss_kib"], v["segload"]["pss_kib"])
          for n, v in result.items() if n.startswith("start-pie")])
    return result


def template():
    result = {}
    for name in "empty-static", "good-c-static", "empty-pie", "good-c-pie":
        for place in "entry", "main":
            if (testdata / name).exists():
                result[f"{name} at {place}"] = json.loads(
                    run(segmap, "spawn", "--json", "-n", REPEAT, f"--at={place}",
                        testdata / name))
    rows = []
    for name, value in result.items():
        ours, theirs = value["ways"]
        row = [name, f"{ours['per_second']:.0f}", f"{theirs['per_second']:.0f}",
               f"{ours['ratio']:.2f}"]
        for key in "least", "p50":
            mine, other = ours["latency_ns"][key], theirs["latency_ns"][key]
            row += [f"{mine / 1000:.0f}", f"{other / 1000:.0f}", f"{other / mine:.2f}"]
        rows.append(row)
    print_table("load once, start many, beside posix_spawn: starts per second, least and median "
                "latency in microseconds",
                ["program", "per s", "beside", "ratio", "least", "beside", "ratio", "p50",
                 "beside", "ratio"], rows)
    return result


def plot(name, across, up, points):
    if not shutil.which("gnuplot"):
        return
    data = "\n".join(" ".join(map(str, p)) for p in points)
    script = f"""set terminal svg size 640,400 background "white"
set output "{out}/bench-{name}.svg"
set logscale x
set xlabel "{across}"
set ylabel "{up}"
set yrange [0:*]
set key left top
$data << END
{data}
END
plot $data using 1:2 with linespoints title "execve", \
     $data using 1:3 with linespoints title "segload"
"""
    subprocess.run(["gnuplot"], input=script, text=True, check=True)


GROUPS = {"starts": starts, "stages": stages, "growth": growth, "cost": cost, "alive": alive, "template": template}
os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
load = os.getloadavg()[0]
result = GROUPS[group]()
print(f"{REPEAT} rounds; load of the machine: {load:.1f} at the beginning, "
      f"{os.getloadavg()[0]:.1f} at the end, on {os.cpu_count()} CPUs")
(out / f"bench-{group}.json").write_text(
    json.dumps({"repeat": REPEAT, "load": load, "result": result}, indent=2) + "\n")
