"""How late the reactor is: what keeps it from its work keeps every keystroke on this node waiting."""

from __future__ import annotations

from collections import deque
from typing import Final

from prometheus_client import Histogram
from twisted.application.service import Service
from twisted.internet.interfaces import IDelayedCall, IReactorTime

TICK_SECONDS: Final = 1.0
TICKS_KEPT: Final = 60
"""The worst of the last minute is told: whoever asks seldom must not miss it."""

BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Seconds."""


class ReactorLag(Service):
    """Asks for a call in a second, again and again, and sees how late it comes."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._due = 0.0
        self._call: IDelayedCall | None = None
        self._latest: deque[float] = deque(maxlen=TICKS_KEPT)
        self.histogram = Histogram(
            "wingthing_reactor_lag_histogram_seconds",
            "How late a call came that was asked for every second.",
            buckets=BUCKETS,
            registry=None,
        )

    @property
    def worst(self) -> float:
        """The longest delay of the last minute, in seconds."""
        return max(self._latest, default=0.0)

    def startService(self) -> None:
        super().startService()
        self._ask()

    def stopService(self) -> None:
        super().stopService()
        call, self._call = self._call, None
        if call is not None:
            call.cancel()

    def _ask(self) -> None:
        self._due = self._clock.seconds() + TICK_SECONDS
        self._call = self._clock.callLater(TICK_SECONDS, self._tick)

    def _tick(self) -> None:
        # A clock that was put back is no call that came early.
        late = max(0.0, self._clock.seconds() - self._due)
        self._latest.append(late)
        self.histogram.observe(late)
        self._ask()
