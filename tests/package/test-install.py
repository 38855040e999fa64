#!/usr/bin/env python3
"""What meson install gives: every file, programs that run there, a library to build with. TAP.

usage: test-install.py MESON BUILD SOURCE

Everything is installed below a folder of its own, and used from another one.
"""

import pathlib
import sys
import tempfile

import installed
import tap

meson = sys.argv[1]
build, source = (pathlib.Path(a).resolve() for a in sys.argv[2:])
with tempfile.TemporaryDirectory() as place:
    root = pathlib.Path(place) / "root"
    elsewhere = pathlib.Path(place) / "elsewhere"
    elsewhere.mkdir()
    tap.check("meson install", [meson, "install", "-C", build, "--no-rebuild", "--destdir", root])
    copy = installed.Installed(root, elsewhere)
    copy.check_files(installed.expected(source, manuals=(build / "docs/segmap.1").exists()))
    copy.check_library()
    copy.check_programs()
    copy.check_headers()
    copy.check_building()
tap.finish()
