"""When a terminal rings for its user: bells that come close together."""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime

from wingthing.wire.wing_limits import BELL_BURST_SECONDS, BELLS_FOR_ATTENTION


class AttentionWatch:
    """Turns bells into episodes. One bell is a typing error; a burst is a call.

    `call(nonce)` is called once per episode; the next begins only after `acknowledge`.
    """

    def __init__(self, clock: IReactorTime, call: Callable[[str], None]) -> None:
        self._clock = clock
        self._call = call
        self._bells: deque[float] = deque(maxlen=BELLS_FOR_ATTENTION)
        self.nonce: str | None = None
        """The episode that nobody has answered yet."""

    def bell(self) -> None:
        """A BEL was heard that is not part of an escape sequence."""
        if self.nonce is not None:
            return
        now = self._clock.seconds()
        self._bells.append(now)
        if len(self._bells) == BELLS_FOR_ATTENTION and now - self._bells[0] <= BELL_BURST_SECONDS:
            self.nonce = secrets.token_hex(8)
            self._call(self.nonce)

    def acknowledge(self) -> None:
        """The user has seen it, or has typed."""
        self.nonce = None
        self._bells.clear()
