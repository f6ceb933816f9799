"""The loopback addresses of one rehearsal, out of 127.0.0.0/8, which is this machine's as a whole on Linux.

A rehearsal takes one block 127.A.0.0/16. In it, machine N is 127.A.0.N, and 127.A.S.T is where machine S
reaches machine T. Several rehearsals run side by side because each has another A.
"""

from __future__ import annotations

import errno
import socket
import sys

from wingthing.errors import OperatorError
from wingthing.names import FLEET_PORT

BLOCKS = range(1, 255)
CLAIM = "255.254"
"""The address in a block that says, by being listened on, that the block is taken."""


class Block:
    """A block that is this process's until `release`."""

    def __init__(self, number: int, claim: socket.socket) -> None:
        self.number = number
        self._claim = claim

    def machine(self, number: int) -> str:
        """The machine's own address."""
        return f"127.{self.number}.0.{number}"

    def way(self, source: int, target: int) -> str:
        """The address at which machine `source` finds machine `target`."""
        return self.machine(source) if source == target else f"127.{self.number}.{source}.{target}"

    def release(self) -> None:
        """Let others have the block."""
        self._claim.close()


def claim() -> Block:
    """The first block that nobody has.

    Raises OperatorError when this is not Linux, or when a program on this machine keeps the port of the nodes
    for itself on all addresses.
    """
    if sys.platform != "linux":
        raise OperatorError(
            "'wt fleet' needs Linux, where all of 127.0.0.0/8 is loopback: run it in a Linux container."
        )
    for number in BLOCKS:
        listening = socket.socket()
        try:
            # Without SO_REUSEADDR: the kernel then refuses a block that anybody listens in.
            listening.bind((f"127.{number}.{CLAIM}", FLEET_PORT))
            listening.listen(1)
        except OSError as why:
            listening.close()
            if why.errno != errno.EADDRINUSE:
                raise OperatorError(f"127.{number}.{CLAIM} cannot be listened on: {why.strerror}.") from why
        else:
            return Block(number, listening)
    raise OperatorError(
        f"Port {FLEET_PORT} is taken on all addresses, and every machine of a rehearsal needs it at its own: "
        f"stop the program that listens on 0.0.0.0:{FLEET_PORT} or [::]:{FLEET_PORT}."
    )
