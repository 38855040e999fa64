"""The emulated machines, one for each CPU."""

import dataclasses


@dataclasses.dataclass
class Machine:
    name: str  # as docs/kernels.md calls the CPU
    debian: str  # as Debian calls it
    qemu: str
    package: str  # where qemu is in
    options: tuple  # for qemu: the board, the CPU, and the second serial port: character device "results"
    memory: int  # MiB
    console: str  # the first serial port, for the kernel's command line
    results: str  # the second, as a file of /dev
    triplet: str  # the folder of its libraries
    append: str = ""  # more of the kernel's command line


# A new CPU is an entry here, and its kernels in packages.py. docs/kernels.md says why so.
MACHINES = {
    "x86_64": Machine(
        name="x86-64",
        debian="amd64",
        qemu="qemu-system-x86_64",
        package="qemu-system-x86",
        options=("-M", "q35", "-cpu", "max,cx16=off,pku=off,xsave=off",
                 "-serial", "chardev:results"),
        memory=6144,
        console="ttyS0",
        results="ttyS1",
        triplet="x86_64-linux-gnu",
    ),
    "aarch64": Machine(
        name="AArch64",
        debian="arm64",
        qemu="qemu-system-aarch64",
        package="qemu-system-arm",
        options=("-M", "virt", "-cpu", "max,pauth-impdef=on", "-device", "pci-serial,chardev=results"),
        memory=6144,
        console="ttyAMA0",
        results="ttyS0",
        triplet="aarch64-linux-gnu",
    ),
    "riscv64": Machine(
        name="riscv64",
        debian="riscv64",
        qemu="qemu-system-riscv64",
        package="qemu-system-misc opensbi",
        options=("-M", "virt", "-cpu", "rv64", "-device", "pci-serial,chardev=results"),
        memory=6144,
        console="ttyS0",
        results="ttyS1",
        triplet="riscv64-linux-gnu",
        append="no5lvl",
    ),
}
