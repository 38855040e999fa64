"""Kernels to boot: Debian packages, fetched and unpacked but never installed, or a path."""

import os
import pathlib
import re
import shutil
import sys

import machines

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "loader/arch"))
import debian  # noqa: E402

# A new kernel is one line: its name, the suite that has it, and the package it hangs on.
KERNELS = {
    "x86_64": {
        "5.10": ("bullseye", "linux-image-cloud-amd64"),
        "6.1": ("bookworm", "linux-image-cloud-amd64"),
        "6.12": ("bookworm-backports", "linux-image-cloud-amd64"),
    },
    "aarch64": {
        "6.1": ("bookworm", "linux-image-cloud-arm64"),
        "6.12-16k": ("trixie", "linux-image-arm64-16k"),  # pages of 16 KiB
    },
    "riscv64": {
        "6.12": ("trixie", "linux-image-riscv64"),
    },
}


def cache():
    """Where packages are kept between runs."""
    return debian.cache("kernels", os.environ.get("SEGMAP_KERNEL_CACHE"))


def without_modules(unpacked):
    shutil.rmtree(unpacked / "lib", ignore_errors=True)


def fetch(cpu, name):
    """The package of the kernel NAME, downloaded if it is not there; its image."""
    (suite, meta), lists = KERNELS[cpu][name], cache() / "apt"
    where = lists, suite, machines.MACHINES[cpu].debian
    unpacked = cache() / cpu / name
    if not list(unpacked.glob("boot/vmlinu*-*")):
        debian.apt(*where, "apt-get", "-q", "update")
        shown = debian.apt(*where, "apt-cache", "show", "--no-all-versions", meta)
        package = re.search(r"^Depends: (linux-image-\S+)", shown, re.M).group(1)
        debian.apt(*where, "apt-get", "-q", "download", package, cwd=cache())
        deb = max(cache().glob(package + "_*.deb"), key=lambda path: path.stat().st_mtime)
        debian.unpack([deb], unpacked, without_modules)
        deb.unlink()
    return next(unpacked.glob("boot/vmlinu*-*"))


def image(cpu, name):
    """The image of a kernel of the table, or of a path."""
    if name in KERNELS[cpu]:
        return fetch(cpu, name)
    if "/" in name and os.path.isfile(name):
        return pathlib.Path(name)
    raise SystemExit(f"kernels: '{name}' is neither a file nor one of {', '.join(KERNELS[cpu])}")
