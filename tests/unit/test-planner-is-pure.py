#!/usr/bin/env python3
"""Looks at what objects of libsegmap need from outside, and reports it as TAP.

The planner and the account of copies make no system call and read no global: their objects may
need nothing but the functions named here. The stub runs when nothing else is mapped: it may need
nothing at all, and its section may hold nothing that a linker or loader would have to fill in.

usage: test-planner-is-pure.py [--sanitized] NM OBJDUMP LIBRARY
"""

import re
import subprocess
import sys

MEMORY = {"calloc", "free", "reallocarray"}
BYTES = {"memcpy", "memset", "memcmp", "strlen", "memmove"}
# a hardened compiler's own; no state but the canary, and they only ever abort
HARDENING = {"__stack_chk_fail", "__memcpy_chk", "__memset_chk", "_GLOBAL_OFFSET_TABLE_"}
ERRORS = {"segmap_error_set"}
# what asks an array of pages, or a mapping's own fields
PAGES = {"segmap_pages_find", "segmap_pages_from", "segmap_pages_state", "segmap_region_kind"}

CPUS = ("aarch64", "riscv64", "x86_64")

ALLOWED = {
    "plan": MEMORY | BYTES | ERRORS | {
        "segmap_error_set_path", "plan_place", "plan_joined_before", "plan_joined_note",
        "plan_joined_end", "plan_property"},
    "plan_joined": BYTES | ERRORS | {"plan_bss"},
    "place": BYTES | ERRORS,
    "plan_property": BYTES | ERRORS,
    # reads a release's numbers, given as a string
    "rules": {"strtoul", "__isoc23_strtoul"} | {f"cpu_{cpu}" for cpu in CPUS},
    "flatten": MEMORY | BYTES | {"qsort"},
    "stack": MEMORY | BYTES | ERRORS,
    "auxv": set(),
    "observe_account": MEMORY | BYTES | PAGES | {
        "qsort", "account_reconcile", "faulted_find", "faulted_free", "faulted_make"},
    "observe_account_witness": MEMORY | BYTES | PAGES | {"qsort", "account_find_strip"},
}
ALLOWED.update({f"arch_{cpu}_rules": set() for cpu in CPUS})
SANITIZER = re.compile(r"^(__asan_|__ubsan_|__sanitizer_|__tsan_|__gcov|__llvm_|__sancov)")


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def undefined_symbols(nm, library):
    """{object: set of symbols} for the members of LIBRARY; the objects without any too."""
    found = {}
    member = None
    # "plan.c.o:" introduces a member; behind it a symbol each, "                 U calloc"
    for line in run(nm, library).splitlines():
        head = re.match(r"^(?:.*/)?(\w+)\.c\.o:$", line)
        if head:
            member = found.setdefault(head.group(1), set())
        elif member is not None and (symbol := re.match(r"^\s+[Uwv] (\S+)$", line)):
            member.add(symbol.group(1).split("@")[0])
    return found


def variables(objdump, library, wanted):
    """What member WANTED has in memory that can be written."""
    found, member = [], None
    for line in run(objdump, "-t", library).splitlines():
        if head := re.match(r"^(?:.*/)?(\w+)\.c\.o:\s+file format", line):
            member = head.group(1)
        elif member == wanted and (symbol := re.match(r"^[0-9a-f]+ .{6}O (\S+)\s+\S+ (.*)$", line)):
            section, name = symbol.groups()
            # a "" that C types force to be a char[] counts as a constant
            literal = re.match(r"(__compound_literal|\.compoundliteral)", name)
            if re.match(r"\.(data|bss|tdata|tbss)(?!\.rel\.ro)|\*COM\*", section) and not literal:
                found.append(f"{name} in {section}")
    return found


# A jump within the section, which some assemblers leave to the linker: there is no other code.
JUMP = re.compile(r"R_RISCV_(BRANCH|JAL|CALL_PLT|RVC_BRANCH|RVC_JUMP) ")


def stub_sections(objdump, library):
    """The sections of the stub's object that hold bytes, and those that have relocations."""
    sections, relocated, member, at = {}, set(), None, None
    for line in run(objdump, "-h", "-r", library).splitlines():
        if head := re.match(r"^(?:.*/)?(\w+)\.c\.o:\s+file format", line):
            member = head.group(1)
        elif member == "stub":
            if section := re.match(r"^\s*\d+ (\S+)\s+([0-9a-f]{8,})", line):
                sections[section.group(1)] = int(section.group(2), 16)
            elif relocation := re.match(r"^RELOCATION RECORDS FOR \[(\S+)\]", line):
                at = relocation.group(1)
            elif re.match(r"^[0-9a-f]{16} ", line) and not JUMP.match(line[17:]):
                relocated.add(at)
    return sections, relocated


def main():
    arguments = sys.argv[1:]
    sanitized = "--sanitized" in arguments
    nm, objdump, library = [a for a in arguments if a != "--sanitized"]
    results = []

    undefined = undefined_symbols(nm, library)
    for name, allowed in ALLOWED.items():
        wrong = undefined.get(name, {"(there is no such object)"}) - allowed - HARDENING
        if sanitized:
            wrong = {symbol for symbol in wrong if not SANITIZER.match(symbol)}
        results.append((f"{name}.c needs nothing impure", sorted(wrong)))
        state = [] if sanitized else variables(objdump, library, name)
        results.append((f"{name}.c has no variables", state))

    sections, relocated = stub_sections(objdump, library)
    own = undefined.get("stub", {"(there is no such object)"})
    results.append(("stub.c needs nothing", sorted(own)))
    results.append(
        ("segmap_stub is there", [] if sections.get("segmap_stub") else ["no such section"])
    )
    results.append(
        ("segmap_stub has no relocations", sorted(relocated & {"segmap_stub"}))
    )
    stray = [
        f"{name} ({size} bytes)"
        for name, size in sections.items()
        if size and re.match(r"\.(text|data|rodata|bss|tdata|tbss|got)", name)
    ]
    results.append(("stub.c has nothing outside segmap_stub", stray))

    print(f"1..{len(results)}")
    for number, (name, wrong) in enumerate(results, 1):
        print(f"{'not ok' if wrong else 'ok'} {number} - {name}")
        for item in wrong:
            print(f"# {item}")
    return 1 if any(wrong for _, wrong in results) else 0


if __name__ == "__main__":
    sys.exit(main())
