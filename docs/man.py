#!/usr/bin/env python3
"""Makes a manual page of its source: scdoc, without the paragraph breaks that separate nothing.

usage: man.py SCDOC EXAMPLE <SOURCE >PAGE

A line @EXAMPLE@ of the source stands for the file EXAMPLE, as it is.

scdoc ends each block with .P, also before and after a heading and at the end of what is indented,
where it is empty. mandoc -T lint warns of each, and real warnings would drown in them.
"""

import subprocess
import sys

BREAK = ".P"
HEADINGS = (".SH", ".SS")


def without_empty_breaks(lines):
    """A break at the end of indented text belongs behind it; beside a heading there is none."""
    page = []
    waiting = literal = False
    for line in lines:
        literal = line == ".nf" or literal and line != ".fi"
        if line == BREAK or not line and not literal:
            waiting = True
            continue
        if waiting and not line.startswith((*HEADINGS, ".RE")):
            if not page[-1].startswith((*HEADINGS, ".TH", ".RS")):
                page.append(BREAK)
            waiting = False
        page.append(line)
    return page


scdoc, example = sys.argv[1:]
with open(example, encoding="utf-8") as file:
    text = file.read().replace("\\", "\\\\")
source = sys.stdin.read().replace("@EXAMPLE@", f"```\n{text}```")
made = subprocess.run(scdoc, input=source, stdout=subprocess.PIPE, check=False, text=True)
if made.returncode:
    sys.exit(made.returncode)
for line in without_empty_breaks(made.stdout.splitlines()):
    print(line)
