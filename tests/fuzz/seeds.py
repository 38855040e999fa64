#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes the seed corpora of the fuzz targets: seeds.py OUT TESTDATA.

OUT gets a folder for each target, with files made of the programs and the crafted files in
TESTDATA, and of this process's own files in /proc."""
import glob
import hashlib
import os
import shutil
import struct
import sys

WHOLE = 24 << 10  # bytes of a file that is taken as it is; of a larger one only the headers
HEADERS = 1024
PT = [1, 0, 2, 3, 4, 6, 7, 0x6474e551, 0x6474e552]  # the order of types in fuzz-plan.c
IS_DYN, INTERP, INTERP_IS_DYN, RANDOMIZE = 1, 2, 4, 8


def number(value):
    """A number in the language of fuzz-plan.c: its length and its bytes."""
    width = (value.bit_length() + 7) // 8
    return bytes([width]) + value.to_bytes(width, 'little')


def image(data):
    """A program header table in that language, or None if DATA has none."""
    if len(data) < 64 or data[:4] != b'\x7fELF':
        return None, None
    e_type, entry, phoff = struct.unpack_from('<H6xQQ', data, 16)
    phnum = min(struct.unpack_from('<H', data, 56)[0], 12)
    text = bytes([phnum]) + number(phoff) + number(entry)
    for i in range(phnum):
        if phoff + 56 * (i + 1) > len(data):
            return None, None
        kind, flags, offset, vaddr, _, filesz, memsz, align = \
            struct.unpack_from('<IIQQQQQQ', data, phoff + 56 * i)
        what = (PT.index(kind) if kind in PT else 1) << 3 | flags & 7
        text += bytes([what]) + b''.join(map(number, (offset, vaddr, filesz, memsz, align)))
    return text, e_type == 3


def plans(files):
    """Each table alone, and with the table before it as its interpreter's."""
    before, before_dyn = None, False
    for data in files:
        table, dyn = image(data)
        if table is None:
            continue
        yield bytes([IS_DYN if dyn else 0, 0]) + table
        if before:
            flags = (IS_DYN if dyn else 0) | INTERP | (INTERP_IS_DYN if before_dyn else 0)
            yield bytes([flags | RANDOMIZE, 2]) + bytes(8) + table + before
        before, before_dyn = table, dyn


def processes():
    """Files of /proc with the letter of their parser before them."""
    for letter, name in ('r', 'maps'), ('r', 'smaps'), ('a', 'auxv'), ('c', 'cmdline'), \
            ('e', 'environ'), ('l', 'limits'), ('t', 'stat'), ('m', 'statm'), ('s', 'status'):
        with open(f'/proc/self/{name}', 'rb') as file:
            yield letter.encode() + file.read()[:16384]
    yield b'r400000-401000 r-xp 00000000 fd:00 12 /a name with blanks (deleted)\nVmFlags: rd ex \n'
    yield b't1 (a) b) (c) S 1 2 3 -1 18446744073709551615\n'
    strings = b'program\0argument\0A=1\0'
    at = 0x7fffffffe000 + 14 * 8
    words = [2, at, at + 8, 0, at + 17, 0, 6, 4096, 9, 0x400000, 25, at, 0, 0]
    yield b'k' + struct.pack(f'<{len(words)}Q', *words) + strings


def record(kind, misc, body, tail=True):
    """A record of perf events; all but samples end with the process, the thread and a time."""
    body += struct.pack('<IIQ', 10, 11, 5000) if tail else b''
    return struct.pack('<IHH', kind, misc, 8 + len(body)) + body


def records():
    """A program's start as perf tells it, and records that are damaged."""
    mmap2 = struct.pack('<IIQQQIIQQII', 10, 11, 0x400000, 0x1000, 0, 8, 1, 12, 0, 5, 2)
    good = record(3, 1 << 13, struct.pack('<II', 10, 11) + b'program\0') + \
        record(10, 2, mmap2 + b'/bin/cat'.ljust(16, b'\0')) + \
        record(7, 0, struct.pack('<IIIIQ', 12, 10, 12, 10, 4000)) + \
        record(9, 2, struct.pack('<QIIQQ', 0x401000, 10, 11, 5000, 0x400010), False) + \
        record(2, 0, struct.pack('<QQ', 1, 3)) + \
        record(4, 0, struct.pack('<IIIIQ', 12, 10, 12, 10, 6000))
    yield b'p' + good
    yield b'p' + good[:-5]
    yield b'p' + struct.pack('<IHH', 9, 0, 8) + good


def write(folder, inputs):
    """Writes each different input once; its name is its hash."""
    os.makedirs(folder)
    for data in inputs:
        with open(os.path.join(folder, hashlib.sha1(data).hexdigest()[:16]), 'wb') as file:
            file.write(data)


def main():
    """Both folders are the arguments."""
    out, testdata = sys.argv[1:3]
    shutil.rmtree(out, ignore_errors=True)
    files = []
    for path in sorted(glob.glob(os.path.join(testdata, '*'))):
        if not os.path.isfile(path) or os.path.basename(path).endswith('.stamp'):
            continue
        with open(path, 'rb') as file:
            head = file.read(WHOLE + 1)
        files.append(head if len(head) <= WHOLE else head[:HEADERS])
    write(os.path.join(out, 'fuzz-image'), files + [data[:HEADERS] for data in files])
    write(os.path.join(out, 'fuzz-plan'), plans(files))
    write(os.path.join(out, 'fuzz-proc'), [*processes(), *records()])
    with open(os.path.join(out, 'stamp'), 'w', encoding='utf-8'):
        pass


main()
