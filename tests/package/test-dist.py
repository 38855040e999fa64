#!/usr/bin/env python3
"""The tarball of meson dist: it builds where there is no git, and passes its unit tests. TAP.

usage: test-dist.py MESON BUILD

It has what is committed. Everything is built anew, so this takes minutes.
"""

import pathlib
import sys
import tarfile
import tempfile

import tap

meson, build = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()


def check_tests(tree):
    """Those of the stages; that some were run is in the sum."""
    out = tap.check("the unit tests pass", [meson, "test", "-C", tree / "build", "--no-rebuild",
                                            "--suite", "unit", "--print-errorlogs"])
    passed = [line.split()[-1] for line in out.splitlines() if line.startswith("Ok:")]
    tap.report("there were some", None if passed and int(passed[0]) > 5 else out)


for old in (build / "meson-dist").glob("*"):
    old.unlink()
tap.check("meson dist", [meson, "dist", "-C", build, "--no-tests", "--formats", "gztar",
                         "--allow-dirty"])
archives = list((build / "meson-dist").glob("segmap-*.tar.gz"))
tap.report("there is one tarball", None if len(archives) == 1 else archives or "none")
with tempfile.TemporaryDirectory() as place:
    with tarfile.open(archives[0]) as archive:
        archive.extractall(place)
    trees = list(pathlib.Path(place).iterdir())
    tap.report("it has one folder, named as itself", None if len(trees) == 1
               and archives[0].name == trees[0].name + ".tar.gz" else trees)
    tap.check("meson setup", [meson, "setup", trees[0] / "build", trees[0]])
    tap.check("meson compile", [meson, "compile", "-C", trees[0] / "build"])
    check_tests(trees[0])
tap.finish()
