"""An installed segmap: which files it has, and what can be done with it."""

import os
import re

from tap import check, report, run

WARNINGS = ["-std=gnu17", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror"]


def expected(source, manuals=True):
    """Every file, by what is in the tree: (place, name). MANUALS: whether they were made."""
    files = {("bin", "segload"), ("bin", "segmap"), ("share/doc/segmap", "example.c"),
             ("lib", "libsegmap.a"), ("lib", "libsegmap.so"), ("lib", "libsegmap.so.0"),
             ("lib", "libsegmap.so.0.1.0"), ("lib/pkgconfig", "segmap.pc"),
             ("share/bash-completion/completions", "segmap"),
             ("share/bash-completion/completions", "segload"),
             ("share/fish/vendor_completions.d", "segmap.fish"),
             ("share/fish/vendor_completions.d", "segload.fish"),
             ("share/zsh/site-functions", "_segmap")}
    files |= {("include/segmap", h.name) for h in (source / "include/segmap").glob("*.h")}
    files.add(("include/segmap", "registers.h"))  # of loader/arch, which the CPU decides
    files |= {("share/segmap/schemas", s.name)
              for s in (source / "docs/schemas").glob("*.schema.json")}
    if manuals:
        for page in (source / "docs").glob("*.scd"):
            files.add((f"share/man/man{page.suffixes[-2][1:]}", page.stem))
    return files


class Installed:
    """Below the folder ROOT; to be used from the folder ELSEWHERE, which is not in it."""

    def __init__(self, root, elsewhere):
        self.root = root
        self.elsewhere = elsewhere
        pc = next(root.rglob("segmap.pc"))
        prefix = re.search(r"^prefix=/(.*)$", pc.read_text(), re.M).group(1)
        self.prefix = root / prefix
        self.libdir = pc.parent.parent
        # The folder of the programs is neither in PATH nor the current one.
        self.how = {"cwd": elsewhere, "env": {"PATH": "/usr/bin:/bin",
                                              "LD_LIBRARY_PATH": str(self.libdir)}}

    def files(self):
        """As expected(); the library's folder differs from system to system."""
        found = set()
        library = str(self.libdir.relative_to(self.prefix))
        for path in self.prefix.rglob("*"):
            if path.is_symlink() or path.is_file():
                place = str(path.parent.relative_to(self.prefix))
                if place == library or place.startswith(library + "/"):
                    place = "lib" + place[len(library):]
                found.add((place, path.name))
        return found

    def check_files(self, wanted):
        found = self.files()
        report("every file is installed, and no other",
               "\n".join([f"missing: {'/'.join(f)}" for f in sorted(wanted - found)]
                         + [f"too many: {'/'.join(f)}" for f in sorted(found - wanted)]))
        broken = [str(p) for p in self.prefix.rglob("*") if p.is_symlink() and not p.exists()]
        report("no link leads nowhere", "\n".join(broken))

    def check_library(self):
        dynamic = run("readelf", "-dW", self.libdir / "libsegmap.so").stdout
        report("the shared library's soname",
               None if re.search(r"SONAME.*\[libsegmap\.so\.0\]", dynamic) else dynamic)
        report("programs have no path of the build in them", "\n".join(
            line for program in ("segload", "segmap")
            for line in run("readelf", "-dW", self.prefix / "bin" / program).stdout.splitlines()
            if "PATH" in line))
        table = run("nm", "-D", "--defined-only", self.libdir / "libsegmap.so").stdout
        exported = {line.split()[-1] for line in table.splitlines()}
        text = "".join(h.read_text() for h in (self.prefix / "include/segmap").glob("*.h"))
        text = re.sub(r"/\*.*?\*/|^typedef .*?;", "", text, flags=re.S | re.M)
        declared = set(re.findall(r"\b(segmap_\w+)\(", text))
        report("the library has each function of its headers",
               "\n".join(sorted(declared - exported)) if declared else "no function found")

    def check_programs(self):
        segload, segmap = self.prefix / "bin/segload", self.prefix / "bin/segmap"
        check("segload runs a program", [segload, "/bin/echo", "loaded"], "loaded\n", **self.how)
        check("segmap run finds the segload beside it", [segmap, "run", "/bin/echo", "loaded"],
              "loaded\n", **self.how)
        check("segmap maps starts a program by it", [segmap, "maps", "/bin/true"],
              "file-private", **self.how)
        check("segmap plan", [segmap, "plan", "/bin/true"], "file-private", **self.how)

    def package(self, *arguments):
        """What pkg-config says."""
        environment = dict(os.environ, PKG_CONFIG_SYSROOT_DIR=str(self.root),
                           PKG_CONFIG_PATH=str(self.libdir / "pkgconfig"))
        return check(f"pkg-config {' '.join(arguments)}", ["pkg-config", *arguments],
                     env=environment).split()

    def check_headers(self):
        """Each alone, as C and as C++."""
        flags = self.package("--cflags", "segmap")
        bad = []
        for header in sorted((self.prefix / "include/segmap").glob("*.h")):
            unit = self.elsewhere / "unit.c"
            unit.write_text(f"#include <segmap/{header.name}>\nint unit;\n")
            for compiler in (["cc", *WARNINGS],
                             ["c++", "-x", "c++", "-Wall", "-Wextra", "-Werror"]):
                done = run(*compiler, "-fsyntax-only", *flags, unit)
                if done.returncode:
                    bad.append(f"{header.name}: {done.stdout}")
        report("each header can be included alone, in C and C++", "\n".join(bad))

    def check_example(self, name, *libraries):
        """docs/api/example.c, linked with LIBRARIES."""
        example = self.prefix / "share/doc/segmap/example.c"
        program = self.elsewhere / name
        check(f"{name}: example.c is compiled", ["cc", *WARNINGS, example, "-o", program,
                                                 *self.package("--cflags", "segmap"), *libraries])
        out = check(f"{name}: it loads a program", [program, "/bin/echo", "loaded"], "loaded\n",
                    **self.how)
        report(f"{name}: it tells what is mapped", None if "MAP_PRIVATE" in out else out)
        none = self.elsewhere / "no-program"
        none.write_text("no ELF\n")
        none.chmod(0o755)
        refused = run(program, none, **self.how)
        report(f"{name}: it says why one is refused", None if refused.returncode == 126
               and refused.stdout.startswith("refused: ") and "hint: " in refused.stdout
               else f"{refused.stdout}\nstatus {refused.returncode}")
        return program

    def check_building(self):
        """With the shared library, and with the static one."""
        made = self.check_example("shared", *self.package("--libs", "segmap"))
        needed = run("readelf", "-dW", made).stdout
        report("the shared library is used", None if "[libsegmap.so.0]" in needed else needed)
        private = self.package("--print-requires-private", "segmap")
        report("segmap.pc says what a static library takes",
               None if {"libelf", "libdw", "capstone"} <= set(private) else f"only {private}")
        if private:
            self.check_example("static", self.libdir / "libsegmap.a",
                               *self.package("--libs", *private))
