#!/usr/bin/env python3
"""Puts source text and a program into C, for `segmap lab`.

usage: embed.py --code OUT FILE...    the functions of the experiments in FILE, as lab_codes[]
       embed.py --program OUT FILE    the bytes of FILE, as lab_program_bytes[]

An experiment is a function `static void NAME(struct lab *lab)`.
"""

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


def program(path):
    with open(path, "rb") as file:
        data = file.read()
    yield '#include "program.h"\n\nconst unsigned char lab_program_bytes[] = {'
    for at in range(0, len(data), 16):
        yield "\t" + ", ".join(map(str, data[at:at + 16])) + ","
    yield "};\nconst size_t lab_program_size = sizeof(lab_program_bytes);"


what, out, *inputs = sys.argv[1:]
with open(out, "w", encoding="utf-8") as file:
    lines = code(inputs) if what == "--code" else program(*inputs)
    file.write("\n".join(lines) + "\n")
