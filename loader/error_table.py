"""Prints the names and the words of all error numbers as rows of a table in C: those of the libc
that the rest of the system has, whatever segload is linked with."""

import errno
import os

for number, name in sorted(errno.errorcode.items()):
    print(f'[{name}] = {{"{name}", "{os.strerror(number)}"}},')
