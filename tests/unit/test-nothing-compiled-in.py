#!/usr/bin/env python3
"""Looks for what belongs to one CPU or one size of a page in code that is for all, as TAP.

Page sizes are the kernel's to tell, and what a CPU is like has a folder in loader/arch. So outside
of it there is no number that is a page's, and nothing asks the compiler which CPU it is for.

usage: test-nothing-compiled-in.py SOURCE_ROOT
"""

import pathlib
import re
import sys

# 4 KiB in the ways in which it is written, and the bits below it. Whatever else has that size
# says so: PATH_MAX, BUFSIZ, 4 << 10.
PAGE = re.compile(r"(?<![\w.])(4096|4095|0x1000|0xfff|(UINT64_C\()?1\)?\w* << 12|(<<|>>)=? ?12)"
                  r"(u|l|ul|ull|ll)*(?![\w.])", re.I)
# system calls answer with -4095 and above for errors: no page
ERROR = re.compile(r">= (\(uint64_t\))?-4095\b")
CPU = re.compile(r"#\s*(if|ifdef|ifndef|elif)\b.*\b(__(x86_64|amd64|i386|aarch64|arm|riscv)\w*|"
                 r"__ARM\w*|__AARCH\w*)")
# an instruction; an empty one is for the compiler alone, and behind a declaration it is a name
ASSEMBLY = re.compile(r"(?<!\) )\b(asm|__asm__)\b(?!\s*(volatile)?\s*\(\s*\"\")")


def without_comments(text):
    """The same lines without comments, and with blanks for what strings hold."""
    def blank(match):
        kept = match.group(0)
        return kept[:1] + "_" * (len(kept) - 2) + kept[-1:] if kept[0] == '"' else \
            "\n" * kept.count("\n")
    return re.sub(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"', blank, text, flags=re.S)


def lines(text):
    for number, line in enumerate(without_comments(text).splitlines(), 1):
        yield number, line


def pages(text):
    return [n for n, line in lines(text) if PAGE.search(ERROR.sub("", line))]


def cpus(text):
    return [n for n, line in lines(text) if CPU.search(line)]


def instructions(text):
    return [n for n, line in lines(text) if ASSEMBLY.search(line)]


# What must be found, and what must not be.
BAD = {
    pages: ["a = 4096;", "x & ~4095", "y += 0x1000;", "z >> 12", "n <<= 12", "p & 0xFFFull",
            "1UL << 12", "UINT64_C(4096)", "#define PAGE 4096"],
    cpus: ["#ifdef __x86_64__", "#if defined(__aarch64__) && X", "# elif __riscv_xlen == 64",
           "#ifndef __ARM_ARCH"],
    instructions: ['asm volatile("syscall");', '__asm__("nop");'],
}
GOOD = {
    pages: ["a = 40960;", "/* 4096 */", "// 4096", 'puts("4096");', "0x10000", "0xffff", "a.4096b",
            "r >= (uint64_t)-4095;", "x << 120", "4 << 10", "/* a\n 4096\n */ b"],
    cpus: ["/* #ifdef __x86_64__ */", "#ifdef __cplusplus", "#if FEATURE", "int __x86_64__x;"],
    instructions: ['asm volatile("" ::: "memory");', "/* asm(\"nop\") */", "plasma();",
                   'int f(void) __asm__("g");'],
}


def sources(root):
    for folder in "loader", "include":
        for path in sorted((root / folder).rglob("*.[ch]")):
            if "arch" not in path.relative_to(root / folder).parts[:1]:
                yield path
    yield from sorted((root / "loader").rglob("*.js"))


def main():
    root = pathlib.Path(sys.argv[1])
    results = []

    for find in BAD:
        wrong = [f"not found: {text}" for text in BAD[find] if not find(text)]
        wrong += [f"found: {text}" for text in GOOD[find] if find(text)]
        results.append((f"{find.__name__}() can tell", wrong))
    files = list(sources(root))
    results.append(("there are sources", [] if len(files) > 100 else [f"{len(files)} files"]))
    for find, name in ((pages, "no size of a page"), (cpus, "no question for the CPU"),
                       (instructions, "no instruction")):
        wrong = [f"{path.relative_to(root)}:{number}" for path in files
                 for number in find(path.read_text())]
        results.append((f"{name} outside of loader/arch", wrong))

    print(f"1..{len(results)}")
    for number, (name, wrong) in enumerate(results, 1):
        print(f"{'not ok' if wrong else 'ok'} {number} - {name}")
        for item in wrong:
            print(f"# {item}")
    return 1 if any(wrong for _, wrong in results) else 0


if __name__ == "__main__":
    sys.exit(main())
