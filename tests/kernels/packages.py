"""Kernels to boot: Debian packages, fetched and unpacked but never installed, or a path."""

import os
import pathlib
import re
import shutil
import subprocess

import machines

# A new kernel is one line: its name, the suite that has it, and the package it hangs on.
KERNELS = {
    "x86_64": {
        "5.10": ("bullseye", "linux-image-cloud-amd64"),
        "6.1": ("bookworm", "linux-image-cloud-amd64"),
        "6.12": ("bookworm-backports", "linux-image-cloud-amd64"),
    },
}

MIRROR = "http://deb.debian.org/debian"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


def cache():
    """Where packages are kept between runs."""
    given = os.environ.get("SEGMAP_KERNEL_CACHE")
    path = pathlib.Path(given or pathlib.Path.home() / ".cache/segmap/kernels")
    path.mkdir(parents=True, exist_ok=True)
    return path.resolve()


class Unreachable(Exception):
    """The packages cannot be had."""


def apt(debian, suite, *command, **options):
    """apt with lists and sources of its own: what this machine has set up is not touched."""
    root = cache() / "apt" / f"{suite}-{debian}"
    for folder in ("lists/partial", "cache/archives/partial"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    sources = root / "sources.list"
    sources.write_text(f"deb [arch={debian} signed-by={KEYRING}] {MIRROR} {suite} main\n")
    settings = [f"Dir::Etc::SourceList={sources}", "Dir::Etc::SourceParts=/dev/null",
                f"Dir::State::Lists={root / 'lists'}", f"Dir::Cache={root / 'cache'}",
                f"APT::Architecture={debian}", f"APT::Architectures={debian}",
                "APT::Sandbox::User=root", "Acquire::Check-Valid-Until=false",
                "APT::Update::Error-Mode=any", "Acquire::Languages=none", "APT::Default-Release="]
    done = subprocess.run([command[0], *(a for s in settings for a in ("-o", s)), *command[1:]],
                          text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
    if done.returncode:
        raise Unreachable(f"{MIRROR} ({suite}): {' '.join(command)} has failed: "
                          + " ".join(done.stderr.split()))
    return done.stdout


def fetch(cpu, name):
    """The package of the kernel NAME, downloaded if it is not there; its image."""
    debian, (suite, meta) = machines.MACHINES[cpu].debian, KERNELS[cpu][name]
    unpacked = cache() / cpu / name
    if not list(unpacked.glob("boot/vmlinu*-*")):
        apt(debian, suite, "apt-get", "-q", "update")
        shown = apt(debian, suite, "apt-cache", "show", "--no-all-versions", meta)
        package = re.search(r"^Depends: (linux-image-\S+)", shown, re.M).group(1)
        apt(debian, suite, "apt-get", "-q", "download", f"{package}:{debian}", cwd=cache())
        deb = max(cache().glob(package + "_*.deb"), key=lambda path: path.stat().st_mtime)
        partial = unpacked.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        subprocess.run(["dpkg-deb", "-x", deb, partial], check=True)
        shutil.rmtree(partial / "lib", ignore_errors=True)  # modules: not needed
        shutil.rmtree(unpacked, ignore_errors=True)
        partial.rename(unpacked)
        deb.unlink()
    return next(unpacked.glob("boot/vmlinu*-*"))


def image(cpu, name):
    """The image of a kernel of the table, or of a path."""
    if name in KERNELS[cpu]:
        return fetch(cpu, name)
    if "/" in name and os.path.isfile(name):
        return pathlib.Path(name)
    raise SystemExit(f"kernels: '{name}' is neither a file nor one of {', '.join(KERNELS[cpu])}")
