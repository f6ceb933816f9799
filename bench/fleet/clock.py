"""A reactor's time without the reactor: as cheap with a thousand calls as Twisted's own, which the clock that
tests use is not (it sorts all of them for each new one)."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any

from twisted.internet.base import DelayedCall
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer


@implementer(IReactorTime)
class HeapClock:
    """Stands still until it is told to go on."""

    def __init__(self, now: float) -> None:
        self._now = now
        self._calls: list[DelayedCall] = []

    def seconds(self) -> float:
        return self._now

    def callLater(self, delay: float, callable: Callable[..., object], *args: object, **kw: object) -> Any:
        call = DelayedCall(
            self._now + delay, callable, args, kw, lambda _call: None, self._moved, self.seconds
        )
        heapq.heappush(self._calls, call)
        return call

    def getDelayedCalls(self) -> list[Any]:
        return [call for call in self._calls if call.active()]

    def advance(self, seconds: float) -> None:
        """Make the calls that are due until then, those that they make due included."""
        until = self._now + seconds
        while self._calls and self._calls[0].time <= until:
            call = heapq.heappop(self._calls)
            if call.cancelled:
                continue
            if call.delayed_time > 0:
                call.activate_delay()
                heapq.heappush(self._calls, call)
                continue
            self._now = max(self._now, call.time)
            call.called = 1
            call.func(*call.args, **call.kw)
        self._now = until

    def _moved(self, _call: DelayedCall) -> None:
        heapq.heapify(self._calls)
