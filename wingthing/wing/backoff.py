"""How long to wait before the next try: protocol.md section 3."""

from __future__ import annotations

from collections.abc import Callable

from wingthing.wire.limits import RECONNECT_FIRST_SECONDS, RECONNECT_MOST_SECONDS


class Backoff:
    """1 s, doubling, at most 10 s; of each a random part of at least half, so that wings do not come in step.

    `random()` gives a number from 0 up to 1.
    """

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self._next = RECONNECT_FIRST_SECONDS

    def seconds(self) -> float:
        """The next waiting time."""
        whole = self._next
        self._next = min(whole * 2, RECONNECT_MOST_SECONDS)
        return whole * (0.5 + self._random() / 2)

    def reset(self) -> None:
        """It went well: begin again at 1 s."""
        self._next = RECONNECT_FIRST_SECONDS
