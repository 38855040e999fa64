"""Debian's packages for other CPUs and kernels: fetched and unpacked, never installed."""

import os
import pathlib
import re
import shutil
import subprocess

MIRROR = "http://deb.debian.org/debian"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


def cache(name, given=None):
    """The folder in which packages for the purpose NAME are kept between runs."""
    path = pathlib.Path(given or pathlib.Path.home() / ".cache/segmap" / name)
    path.mkdir(parents=True, exist_ok=True)
    return path.resolve()


class Unreachable(Exception):
    """The packages cannot be had."""


def apt(root, suite, architecture, *command, **options):
    """What COMMAND, one of apt's, prints. Its lists and sources are its own, below ROOT: what this
    machine has set up is neither asked nor touched, and nothing counts as installed."""
    root = root / f"{suite}-{architecture}"
    for folder in ("lists/partial", "cache/archives/partial"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    sources, installed = root / "sources.list", root / "status"
    sources.write_text(f"deb [arch={architecture} signed-by={KEYRING}] {MIRROR} {suite} main\n")
    installed.write_text("")
    settings = [f"APT::Architecture={architecture}", f"APT::Architectures={architecture}",
                f"Dir::Etc::SourceList={sources}", "Dir::Etc::SourceParts=/dev/null",
                f"Dir::State::Lists={root / 'lists'}", f"Dir::State::Status={installed}",
                f"Dir::Cache={root / 'cache'}", "APT::Sandbox::User=root",
                "Acquire::Check-Valid-Until=false", "APT::Update::Error-Mode=any",
                "Acquire::Languages=none", "APT::Default-Release="]
    done = subprocess.run([command[0], *(a for s in settings for a in ("-o", s)), *command[1:]],
                          text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
    if done.returncode:
        raise Unreachable(f"{MIRROR} ({suite}): {' '.join(command)} has failed: "
                          + " ".join(done.stderr.split()))
    return done.stdout


def fetch_all(root, suite, architecture, names):
    """The paths of the packages NAMES and of all that they depend on."""
    install = ("apt-get", "-q", "-y", "--no-install-recommends", "install", *names)
    apt(root, suite, architecture, "apt-get", "-q", "update")
    apt(root, suite, architecture, *install, "--download-only")
    told = apt(root, suite, architecture, *install, "--simulate")
    archives = root / f"{suite}-{architecture}/cache/archives"  # older ones stay there, too
    return [archives / f"{name}_{version.replace(':', '%3a')}_{kind}.deb" for name, version, kind
            in re.findall(r"^Inst (\S+) \((\S+) .*\[(\w+)\]\)", told, re.M)]


def unpack(packages, folder, keep=lambda partial: None):
    """Puts what is in PACKAGES into FOLDER, which is there as a whole or not at all. KEEP may
    remove what is not needed."""
    partial = folder.with_name(f"{folder.name}.partial-{os.getpid()}")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for package in packages:
        subprocess.run(["dpkg-deb", "-x", package, partial], check=True)
    keep(partial)
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)
