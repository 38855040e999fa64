#!/usr/bin/env python3
"""Puts files into C, for `segmap lab` and `segmap report`.

usage: embed.py --code OUT FILE...    the functions of the experiments in FILE, as lab_codes[]
       embed.py --program OUT FILE    the bytes of FILE, as lab_program_bytes[]
       embed.py --texts OUT FILE...   page_css[] for a FILE page.css, as a string; it is ASCII

An experiment is a function `static void NAME(struct lab *lab)`.
"""

import os
import re
import sys

FUNCTION = re.compile(r"^static void (\w+)\(struct lab \*lab\)\n\{\n.*?^\}\n", re.M | re.S)


def c_string(text):
    lines = text.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t").splitlines()
    return "\n".join(f'\t "{line}\\n"' for line in lines)


def code(paths):
    yield '#include "lab.h"\n\nconst struct lab_code lab_codes[] = {'
    for path in paths:
        with open(path, encoding="utf-8") as file:
            for match in FUNCTION.finditer(file.read()):
                yield f'\t{{"{match[1]}",\n{c_string(match[0])}}},'
    yield "\t{NULL, NULL},\n};"


def read_bytes(path):
    with open(path, "rb") as file:
        data = file.read()
    for at in range(0, len(data), 16):
        yield "\t" + ", ".join(map(str, data[at:at + 16])) + ","


def program(path):
    yield '#include "program.h"\n\nconst unsigned char lab_program_bytes[] = {'
    yield from read_bytes(path)
    yield "};\nconst size_t lab_program_size = sizeof(lab_program_bytes);"


def texts(paths):
    yield '#include "report.h"'
    for path in paths:
        yield f"\nconst char {os.path.basename(path).replace('.', '_')}[] = {{"
        with open(path, encoding="ascii") as file:
            file.read()
        yield from read_bytes(path)
        yield "\t0,\n};"


KINDS = {"--code": code, "--program": lambda paths: program(*paths), "--texts": texts}

what, out, *inputs = sys.argv[1:]
with open(out, "w", encoding="utf-8") as file:
    file.write("\n".join(KINDS[what](inputs)) + "\n")
