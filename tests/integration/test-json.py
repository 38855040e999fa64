#!/usr/bin/env python3
"""Validates what the commands print with --json against the schemas in docs/, as TAP.

usage: test-json.py SEGMAP SCHEMAS TESTDATA
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import jsonschema

segmap, schemas, testdata = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
count = failed = 0


def check(name, schema, *command):
    """One command: its output must be one object that the schema allows."""
    global count, failed
    count += 1
    done = subprocess.run([segmap, *command], capture_output=True, text=True)
    try:
        value = json.loads(done.stdout)
        validator = jsonschema.Draft7Validator(json.loads((schemas / schema).read_text()))
        error = next(validator.iter_errors(value), None)
        why = error and f"{'/'.join(map(str, error.path))}: {error.message}"
    except ValueError as error:
        why = f"{error}: '{done.stdout[:80]}' '{done.stderr[:80]}'"
    failed += bool(why)
    print(f"{'not ok' if why else 'ok'} {count} - {name}")
    if why:
        print("#", why[:300].replace("\n", " "))


def files(prefix):
    return sorted(str(p) for p in testdata.glob(prefix + "*") if p.is_file() and not p.suffix)


for kind in ("good-", "odd-", "bad-", "unsupported-"):
    found = files(kind)
    assert found, kind
    check(f"plan of all {kind}*", "plan.schema.json", "plan", "--json", *found)
    check(f"plan --check of all {kind}*", "plan.schema.json", "plan", "--json", "--check", *found)
with tempfile.TemporaryDirectory() as folder:
    data = bytearray((testdata / "good-own-interp").read_bytes())
    names = []
    for machine in 62, 183, 243:
        names.append(f"{folder}/{machine}")
        data[18:20] = machine.to_bytes(2, "little")
        pathlib.Path(names[-1]).write_bytes(data)
    check("plan of other CPUs' files", "plan.schema.json", "plan", "--json", *names)
    check("plan with their pages", "plan.schema.json", "plan", "--json", "--page-size=16K", *names)
for program in ("good-asm", "good-c-pie", "good-c-static-pie", "bad-magic", "bad-incongruent"):
    check(f"compare {program}", "compare.schema.json", "compare", "--json",
          str(testdata / program))
check("compare with another loader", "compare.schema.json", "compare", "--json",
      "--loader=/lib64/ld-linux-x86-64.so.2", "/bin/cat")
check("lab", "lab.schema.json", "lab", "--json", "private-*")
check("lab --list", "lab.schema.json", "lab", "--json", "--list")
check("lab --code", "lab.schema.json", "lab", "--json", "--code")
print(f"1..{count}")
sys.exit(failed > 0)
