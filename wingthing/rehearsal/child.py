"""Starts a program that cannot outlive the rehearsal: `python child.py PARENT PROGRAM [ARGUMENT ...]`.

The kernel kills the program when process PARENT is gone, however that ended (prctl(2), PR_SET_PDEATHSIG; the
setting stays with the process through exec). The program gets a session of its own, so that a Ctrl-C in the
terminal of the rehearsal reaches the rehearsal alone, which then stops its machines in its own order.

Run as a file, without the package: this is on the way of every start of a machine.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Become the program. Ends with 1 when the parent is gone already, and with prctl's error otherwise."""
    parent, program = int(arguments[0]), arguments[1:]
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    if os.getppid() != parent:
        sys.exit(1)
    os.setsid()
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        os.execvp(program[0], program)  # noqa: S606 - that is what it is for
    except OSError as why:
        sys.exit(f"wt: {program[0]} cannot be started: {why.strerror}.")


if __name__ == "__main__":
    main(sys.argv[1:])
