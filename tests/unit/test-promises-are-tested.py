#!/usr/bin/env python3
"""Are the tests that docs/security.md names there, and are the tables' rows named? As TAP.

A test is written `suite::name`, a test of Meson's `some-name`, a row of a test's table "row".
Each line of a table must name one of them in its last column.

usage: test-promises-are-tested.py SOURCE-ROOT
"""

import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
count = 0
failed = 0


def report(name, wrong):
    global count, failed
    count += 1
    failed += bool(wrong)
    print(f"{'not ok' if wrong else 'ok'} {count} - {name}")
    for item in wrong:
        print(f"# {item}")


def rows_of(text, array):
    """The names of the rows of ARRAY, a table in C whose rows begin with {"name", ..."""
    body = re.search(rf"\b{array}\[\w*\] = \{{\n(.*?)^\}};", text, re.S | re.M)
    return set(re.findall(r'^\t\{"([^"]*)"', body.group(1), re.M)) if body else set()


def main():
    page = (root / "docs/security.md").read_text()
    tables = [line for line in page.splitlines() if line.startswith("| ")]
    lines = [line for line in tables if not re.search(r"\| (test|rows?) \|$", line)]
    sources = {path: path.read_text() for path in (root / "tests").rglob("*.c")}
    tests = {f"{suite}::{name}" for text in sources.values()
             for suite, name in re.findall(r"^Test\((\w+), (\w+)", text, re.M)}
    programs = {path.stem for path in (root / "tests").rglob("test-*.*")}
    for path in (root / "tests").rglob("meson.build"):
        programs |= set(re.findall(r"^ *test\(\s*'([\w-]+)'", path.read_text(), re.M))

    narrow = sources[root / "tests/hostile/narrow-rows.c"]
    for path in (root / "tests/arch").rglob("test_forbidden.h"):  # rows of one CPU
        more = path.read_text().split("#define TEST_FORBIDDEN_ROWS", 1)[1].replace("\\\n", "\n")
        narrow = narrow.replace("\tTEST_FORBIDDEN_ROWS\n", "\tTEST_FORBIDDEN_ROWS\n" + more.split("/*")[0])
    changes = sources[root / "tests/hostile/test-changes.c"]
    names = re.search(r"change_names\[CHANGES\] = \{(.*?)\};", changes, re.S).group(1)
    rows = rows_of(narrow, "narrow_rows") | rows_of(narrow, "narrow_root_rows")
    rows |= set(re.findall(r'"([^"]*)"', names))

    named = set(re.findall(r"`(\w+::\w+)`", page))
    named_rows = {row for line in lines for row in re.findall(r'"([^"]*)"', line)}
    named_programs = {name for line in lines for name in
                      re.findall(r"`([\w-]+)`", line.split("|")[-2])}
    named_programs |= set(re.findall(r"`(test-[\w-]+)`", page))
    hostile = {t for t in tests if t.split("::")[0] in
               {"changes", "narrow", "embed", "privilege", "long_runs"}}

    report("there are tables, tests and rows", [] if len(lines) > 40 and len(tests) > 100 and
           len(rows) > 70 else [f"{len(lines)} lines, {len(tests)} tests, {len(rows)} rows"])
    report("each test that is named exists", sorted(named - tests))
    report("each test program that is named exists", sorted(named_programs - programs))
    report("each row that is named exists", sorted(named_rows - rows))
    report("each line of a table names a test", [line for line in lines if not
           re.search(r'`\w+::\w+`|`[\w-]+`|"[^"]*"', line.split("|")[-2])])
    report("each row of the tables of tests is named", sorted(rows - named_rows))
    report("each test of these suites is named", sorted(hostile - named))
    print(f"1..{count}")
    return 1 if failed else 0


sys.exit(main())
