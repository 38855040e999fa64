#!/usr/bin/env python3
"""Libraries for building for another CPU, and how Meson is told of them.

usage: meson setup BUILD $(loader/arch/cross.py CPU)

The first time it fetches Debian's packages for that CPU and unpacks them below ~/.cache/segmap.
Debian's own compiler for it must be there: gcc-aarch64-linux-gnu for aarch64, gcc-riscv64-linux-gnu
for riscv64.
"""

import pathlib
import sys

import debian

# What Debian calls a CPU, and the suite with its libraries: the oldest from bookworm on that has
# them. A new one is a line here, and a cross.ini in its folder.
ARCHITECTURES = {
    "aarch64": ("arm64", "bookworm"),
    "riscv64": ("riscv64", "trixie"),
}

# What building takes, and what a machine that is booted to run it has besides.
PACKAGES = ("libc6-dev", "libcapstone-dev", "libdw-dev", "libelf-dev",
            "libjansson-dev", "libsmartcols-dev", "libstdc++6", "musl-dev", "zlib1g-dev",
            "bash-static", "busybox-static")

# What is otherwise for a CPU: from trixie on base-files has the links to /usr, and trixie's musl
# crashes bookworm's linker.
ALSO = {"riscv64": ("base-files",)}
MISSING = {"riscv64": ("musl-dev",)}


def sysroot(cpu):
    """The folder with the libraries for CPU."""
    root = debian.cache("sysroot")
    folder, stamp = root / cpu, root / cpu / ".packages"
    architecture, suite = ARCHITECTURES[cpu]
    names = [name for name in PACKAGES + ALSO.get(cpu, ()) if name not in MISSING.get(cpu, ())]
    wanted = "\n".join(names)
    if not stamp.exists() or stamp.read_text() != wanted:
        packages = debian.fetch_all(root / "apt", suite, architecture, names)
        debian.unpack(packages, folder)
        stamp.write_text(wanted)
    return folder


def options(cpu):
    """What Meson has to be told, for CPU."""
    folder = sysroot(cpu)
    constants = folder.with_suffix(".ini")
    constants.write_text(f"[constants]\nsysroot = '{folder}'\n")
    return [f"--cross-file={constants}",
            f"--cross-file={pathlib.Path(__file__).resolve().parent / cpu / 'cross.ini'}"]


def main():
    if len(sys.argv) != 2 or sys.argv[1] not in ARCHITECTURES:
        raise SystemExit(__doc__ + "\nCPU is one of: " + ", ".join(ARCHITECTURES))
    print(*options(sys.argv[1]))


if __name__ == "__main__":
    main()
