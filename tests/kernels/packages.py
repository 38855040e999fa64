"""Kernels to boot: Debian packages, fetched and unpacked but never installed, or a path."""

import os
import pathlib
import re
import shutil
import subprocess

# A new kernel is one line: its name, the suite that has it, and the package it hangs on.
KERNELS = {
    "6.1": ("bookworm", "linux-image-cloud-amd64"),
    "6.12": ("bookworm-backports", "linux-image-cloud-amd64"),
    "5.10": ("bullseye", "linux-image-cloud-amd64"),
}

MIRROR = "http://deb.debian.org/debian"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


def cache():
    """Where packages are kept between runs."""
    given = os.environ.get("SEGMAP_KERNEL_CACHE")
    path = pathlib.Path(given or pathlib.Path.home() / ".cache/segmap/kernels")
    path.mkdir(parents=True, exist_ok=True)
    return path.resolve()


def apt(suite, *command, **options):
    """apt with lists and sources of its own: what this machine has set up is not touched."""
    root = cache() / "apt" / suite
    for folder in ("lists/partial", "cache/archives/partial"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    sources = root / "sources.list"
    sources.write_text(f"deb [arch=amd64 signed-by={KEYRING}] {MIRROR} {suite} main\n")
    settings = [f"Dir::Etc::SourceList={sources}", "Dir::Etc::SourceParts=/dev/null",
                f"Dir::State::Lists={root / 'lists'}", f"Dir::Cache={root / 'cache'}",
                "APT::Sandbox::User=root", "Acquire::Check-Valid-Until=false",
                "Acquire::Languages=none", "APT::Default-Release="]
    return subprocess.run([command[0], *(a for s in settings for a in ("-o", s)), *command[1:]],
                          check=True, text=True, **options)


def fetch(name):
    """The package of the kernel NAME, downloaded if it is not there; its bzImage."""
    suite, meta = KERNELS[name]
    unpacked = cache() / name
    if not list(unpacked.glob("boot/vmlinuz-*")):
        apt(suite, "apt-get", "-q", "update", stdout=subprocess.DEVNULL)
        shown = apt(suite, "apt-cache", "show", "--no-all-versions", meta, stdout=subprocess.PIPE).stdout
        package = re.search(r"^Depends: (linux-image-\S+)", shown, re.M).group(1)
        apt(suite, "apt-get", "-q", "download", package, cwd=cache(), stdout=subprocess.DEVNULL)
        deb = max(cache().glob(package + "_*.deb"), key=lambda path: path.stat().st_mtime)
        partial = unpacked.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        subprocess.run(["dpkg-deb", "-x", deb, partial], check=True)
        shutil.rmtree(partial / "lib", ignore_errors=True)  # modules: not needed
        shutil.rmtree(unpacked, ignore_errors=True)
        partial.rename(unpacked)
        deb.unlink()
    return next(unpacked.glob("boot/vmlinuz-*"))


def image(name):
    """The bzImage of a kernel of the table, or of a path."""
    if name in KERNELS:
        return fetch(name)
    if "/" in name and os.path.isfile(name):
        return pathlib.Path(name)
    raise SystemExit(f"kernels: '{name}' is neither a file nor one of {', '.join(KERNELS)}")
