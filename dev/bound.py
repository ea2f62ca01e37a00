"""Become another program that gets a signal when its parent ends, however it ends.

Run as `python -I -S bound.py SIGNAL PARENT_PID COMMAND …`, on Linux. The kernel keeps the wish
over the change of program.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1

if __name__ == "__main__":
    number, parent = int(sys.argv[1]), int(sys.argv[2])
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number, 0, 0, 0)
    if os.getppid() != parent:  # it ended in between
        sys.exit(128 + number)
    try:
        os.execvp(sys.argv[3], sys.argv[3:])  # noqa: S606 - the very purpose; no shell is wanted
    except OSError as problem:
        sys.exit(f"{sys.argv[3]}: {problem}")
