"""Runs a command and writes what it took into a file.

    python3 -I -S measure.py FILE COMMAND…

The numbers are of the command with all its children. A process of its own for
each command, since the kernel keeps one peak of memory for all that a process
has waited for; small, since a command's peak counts from what its parent had
when it forked: 8 MB or so.
"""

import os
import resource
import sys
import time

file, command = sys.argv[1], sys.argv[2:]
begun = time.monotonic()
code = os.waitstatus_to_exitcode(os.waitpid(os.posix_spawnp(command[0], command, os.environ), 0)[1])
wall = time.monotonic() - begun
used = resource.getrusage(resource.RUSAGE_CHILDREN)
with open(file, "w") as out:
    out.write(f"{wall} {used.ru_utime + used.ru_stime} {used.ru_maxrss / 1024}\n")
sys.exit(code if code >= 0 else 128 - code)
