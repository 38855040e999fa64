#!/usr/bin/env python3
"""How much slower a program that takes 100,000 page faults is under segmap faults.

usage: faults.py SEGMAP SEGLOAD PROGRAM

The program says itself how long its faults took; with and without are measured in turn, so that
both see the same machine. Prints one JSON object. Fails if the median is 2 times that without,
or more, or if a record is lost.
"""

import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

ROUNDS, NOBODY = 15, 65534

place = tempfile.TemporaryDirectory(prefix="segmap-bench-")
os.chmod(place.name, 0o755)
segmap, _, program = (shutil.copy(path, place.name) for path in sys.argv[1:4])


def without(user):
    return int(subprocess.run([program], capture_output=True, check=True, **user).stdout)


def watched(user):
    """Nanoseconds, records that were lost, and whether all others are there."""
    with tempfile.TemporaryDirectory(dir=place.name) as directory:
        os.chmod(directory, 0o777)
        out = pathlib.Path(directory) / "out"
        done = subprocess.run([segmap, "faults", "-s", "-J", f"--output-file={out}", program],
                              capture_output=True, check=True, **user)
        report = json.loads(out.read_text())
    return int(done.stdout), report["lost"], report["getrusage"]["events"] >= 100000


def spread(values):
    low, middle, high = statistics.quantiles(values, n=4)
    return {"median": round(middle), "quartiles": [round(low), round(high)],
            "least": min(values), "most": max(values)}


def measure(user):
    plain, seen, lost, complete = [], [], 0, True
    for _ in range(ROUNDS):
        plain.append(without(user))
        time, missing, whole = watched(user)
        seen.append(time)
        lost += missing
        complete = complete and whole
    ratio = statistics.median(seen) / statistics.median(plain)
    return {"rounds": ROUNDS, "without_ns": spread(plain), "watched_ns": spread(seen),
            "ratio": round(ratio, 3), "lost": lost, "complete": complete}


users = {"own": {}}
if os.geteuid() == 0:
    users["nobody"] = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
result = {name: measure(user) for name, user in users.items()}
print(json.dumps(result, indent=2))
sys.exit(any(r["ratio"] >= 2 or r["lost"] or not r["complete"] for r in result.values()))
