#!/usr/bin/env python3
"""The Debian packages: built, installed in a clean folder, used, and removed without a rest. TAP.

usage: test-deb.py SOURCE

As root. dpkg is told of what is installed here, so that dependencies count, and installs into a
folder that has nothing else. The packages are built anew, so this takes minutes.
"""

import pathlib
import shutil
import sys
import tempfile

import installed
import tap

source = pathlib.Path(sys.argv[1]).resolve()
PACKAGES = ("segmap", "libsegmap0", "libsegmap-dev")


def expected():
    """What meson installs, where Debian has it, and what each package has of its own."""
    files = set()
    for place, name in installed.expected(source):
        if place == "share/zsh/site-functions":
            place = "share/zsh/vendor-completions"
        if place.startswith("share/man/"):
            name += ".gz"
        files.add((place, name))
    for package in PACKAGES:
        files |= {(f"share/doc/{package}", "copyright"),
                  (f"share/doc/{package}", "changelog.Debian.gz")}
    return files


def dpkg(root, *arguments):
    return ["dpkg", f"--root={root}", "--force-script-chrootless", "--log=/dev/null", *arguments]


def check_packages(debs):
    report = {}
    for deb in debs:
        done = tap.run("dpkg-deb", "--show", "--showformat=${Package}\t${Depends}", deb)
        name, _, depends = done.stdout.partition("\t")
        report[name] = {d.split()[0] for d in depends.split(",")}
    tap.report("the packages are those three", None if set(report) == set(PACKAGES) else report)
    for name, wanted in (("segmap", {"libc6", "libdw1", "libelf1", "libjansson4", "libsmartcols1"}),
                         ("libsegmap0", {"libc6", "libdw1", "libelf1"}),
                         ("libsegmap-dev", {"libsegmap0", "libdw-dev", "libelf-dev"})):
        missing = wanted - report.get(name, set())
        tap.report(f"{name} depends on what it needs", f"not on {missing}" if missing else None)


def check_whole(root):
    """Each file is in one package, and as the package has it."""
    owned = []
    for package in PACKAGES:
        listed = tap.run(*dpkg(root, "--listfiles", package)).stdout.splitlines()
        owned += [f for f in listed if not (root / f[1:]).is_dir()]
        tap.check(f"{package} is as it was packed", dpkg(root, "--verify", package))
    twice = {f for f in owned if owned.count(f) > 1}
    tap.report("no file is in two packages", "\n".join(sorted(twice)))
    there = {"/" + str(p.relative_to(root)) for p in (root / "usr").rglob("*")
             if p.is_symlink() or p.is_file()}
    tap.report("each file is in a package", "\n".join(sorted(there ^ set(owned))))


def check_removal(root):
    tap.check("dpkg --purge", dpkg(root, "--purge", *PACKAGES))
    rest = [str(p.relative_to(root)) for p in root.rglob("*")]
    rest = [p for p in rest if p.split("/")[0] != "var"]
    tap.report("nothing is left", "\n".join(rest))
    left = [p.name for p in (root / "var/lib/dpkg/info").glob("*segmap*")]
    tap.report("dpkg knows of none of them", "\n".join(left))


with tempfile.TemporaryDirectory() as place:
    folder = pathlib.Path(place)
    root, elsewhere = folder / "root", folder / "elsewhere"
    for part in ("root/var/lib/dpkg/info", "root/var/lib/dpkg/updates", "elsewhere"):
        (folder / part).mkdir(parents=True)
    shutil.copy("/var/lib/dpkg/status", root / "var/lib/dpkg/status")
    tap.check("the packages are built", [source / "docs/packaging/build-deb", folder / "debs"])
    debs = sorted((folder / "debs").glob("*.deb"))
    check_packages(debs)
    tap.check("dpkg --install", dpkg(root, "--install", *debs))
    copy = installed.Installed(root, elsewhere)
    copy.check_files(expected())
    check_whole(root)
    copy.check_library()
    copy.check_programs()
    copy.check_building()
    check_removal(root)
tap.finish()
