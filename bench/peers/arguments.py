"""What the minimal relays share: how they are started, and nothing of how they relay."""

from __future__ import annotations

from wingthing.wire.limits import MAX_MESSAGE_BYTES

HOST = "127.0.0.1"
MAX_SIZE = MAX_MESSAGE_BYTES


def announce(port: int) -> None:
    """Tell the benchmark on stdout where this relay listens."""
    print(port, flush=True)
