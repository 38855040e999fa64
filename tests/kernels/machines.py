"""The emulated machines, one for each CPU."""

import dataclasses


@dataclasses.dataclass
class Machine:
    name: str  # as docs/kernels.md calls the CPU
    debian: str  # as Debian calls it
    qemu: str
    package: str  # where qemu is in
    options: tuple  # for qemu: the board, the CPU and two serial ports, console and results
    memory: int  # MiB
    console: str  # the first serial port, for the kernel's command line
    results: str  # the second, as a file of /dev


# A new CPU is an entry here, and its kernels in packages.py. docs/kernels.md says why so.
MACHINES = {
    "x86_64": Machine(
        name="x86-64",
        debian="amd64",
        qemu="qemu-system-x86_64",
        package="qemu-system-x86",
        options=("-M", "q35", "-cpu", "max,la57=off,cx16=off,pku=off,xsave=off"),
        memory=6144,
        console="ttyS0",
        results="ttyS1",
    ),
}
