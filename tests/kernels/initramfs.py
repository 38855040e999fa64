"""An initramfs (cpio, newc) of files at the paths that they have on this machine, or below a folder
with the files of another."""

import os
import re
import stat
import subprocess

BUSYBOX = "/bin/busybox"
SPARSE = 64 << 20  # bytes from which on a file is written by its extents


class Archive:
    def __init__(self, path, root="", libraries=()):
        self.root = str(root)  # what is below it is the other machine's
        self.libraries = libraries  # folders of that, for what ldd cannot be asked
        self.file = open(path, "wb")
        self.seen = set()
        self.sparse = []  # shell commands that make the files with holes

    def entry(self, path, mode, data=b"", device=(0, 0)):
        if path in self.seen:
            return
        self.seen.add(path)
        parent = os.path.dirname(path)
        if parent != "/":
            self.directory(parent)
        name = path.lstrip("/").encode() + b"\0"
        fields = [len(self.seen), mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(name), 0]
        self.file.write(b"070701" + b"".join(b"%08X" % field for field in fields))
        self.padded(name, 110)
        self.padded(data, 0)

    def padded(self, data, before):
        self.file.write(data + b"\0" * (-(before + len(data)) % 4))

    def inside(self, path):
        """Where the file PATH goes."""
        return path[len(self.root):] if self.root and path.startswith(self.root + "/") else path

    def directory(self, path, mode=0o755):
        if path != "/" and os.path.islink(self.root + path):
            self.add(self.root + path)
        else:
            self.entry(path, stat.S_IFDIR | mode)

    def text(self, path, text, mode=0o644):
        self.entry(path, stat.S_IFREG | mode, text.encode())

    def add(self, path):
        """One file, link or folder of this machine, and what a link leads to."""
        info, name = os.lstat(path), self.inside(path)
        if stat.S_ISLNK(info.st_mode):
            target = os.readlink(path)
            self.entry(name, info.st_mode, target.encode())
            target = os.path.normpath(os.path.join(os.path.dirname(name), target))
            self.add(path.removesuffix(name) + target)
        elif stat.S_ISDIR(info.st_mode):
            self.directory(name)
        elif info.st_size >= SPARSE and info.st_blocks * 512 < info.st_size:
            self.add_sparse(path, info)
        elif stat.S_ISREG(info.st_mode):
            with open(path, "rb") as file:
                self.entry(name, info.st_mode, file.read())

    def add_sparse(self, path, info):
        """The extents are files of their own, which init puts together."""
        fd, at = os.open(path, os.O_RDONLY), 0
        self.sparse.append(f": >{path}; chmod {info.st_mode & 0o7777:o} {path}")
        while at < info.st_size:
            try:
                start = os.lseek(fd, at, os.SEEK_DATA)
            except OSError:  # nothing but a hole is left
                break
            at = min(os.lseek(fd, start, os.SEEK_HOLE), info.st_size)
            piece = f"{path}.at-{start}"
            self.entry(piece, stat.S_IFREG | 0o644, os.pread(fd, at - start, start))
            self.sparse.append(f"dd if={piece} of={path} bs=4096 seek={start // 4096} "
                               f"conv=notrunc 2>/dev/null; rm {piece}")
        self.sparse.append(f"truncate -s {info.st_size} {path}")
        os.close(fd)

    def tree(self, folder, wanted=lambda path: True):
        for where, folders, names in os.walk(folder):
            folders[:] = [name for name in folders if not name.endswith(".p")]
            for name in names:
                path = os.path.join(where, name)
                if wanted(path):
                    self.add(path)

    def program(self, path):
        """With its interpreter and the libraries that it says it needs."""
        self.add(path)
        shown = subprocess.run(["readelf", "-lW", path], capture_output=True, text=True).stdout
        interp = re.search(r"interpreter: ([^\]]+)\]", shown)
        if not interp:
            return
        if os.path.exists(self.root + interp.group(1)):
            self.add(self.root + interp.group(1))
        elif os.path.exists(interp.group(1)):  # one of testdata's own
            self.add(interp.group(1))
        if "musl" in interp.group(1):  # whose interpreter is its library
            return
        if self.root:
            self.needed(path)
        else:
            done = subprocess.run(["ldd", path], capture_output=True, text=True)
            for library in re.findall(r"(/\S+) \(0x", done.stdout):
                self.add(library)

    def needed(self, path):
        """The libraries of a program that this machine cannot run, and theirs."""
        shown = subprocess.run(["readelf", "-dW", path], capture_output=True, text=True).stdout
        for name in re.findall(r"\(NEEDED\).*\[([^\]]+)\]", shown):
            found = [f"{folder}/{name}" for folder in self.libraries
                     if os.path.exists(f"{folder}/{name}")]
            if not found:
                raise SystemExit(f"kernels: {path} needs {name}, which is not in "
                                 + ", ".join(self.libraries))
            if self.inside(found[0]) not in self.seen:
                self.add(found[0])
                self.needed(found[0])

    def busybox(self):
        self.add(self.root + BUSYBOX)
        names = subprocess.run([BUSYBOX, "--list-full"], capture_output=True, text=True).stdout
        for name in names.split():
            folder, applet = os.path.split("/" + name)
            if not self.root:
                folder = os.path.realpath(folder)  # /bin is a link to usr/bin
            if os.path.join(folder, applet) != self.inside(os.path.realpath(self.root + BUSYBOX)):
                self.entry(os.path.join(folder, applet), stat.S_IFLNK | 0o777, BUSYBOX.encode())

    def close(self):
        self.entry("/TRAILER!!!", 0)
        self.file.close()
