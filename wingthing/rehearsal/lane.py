"""One direction of one connection through the private network: a queue with a delay that can be frozen.

What waits here is what would be on the wire. A frozen lane is a network that loses every packet: nothing gets
through, no end of a connection is seen, and when packets get through again TCP goes on where it was. (What
the sockets' own buffers have taken already still arrives, as packets do that are past the cut.)
"""

from __future__ import annotations

from collections import deque
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IPushProducer
from zope.interface import implementer

from wingthing.rehearsal.facts import LANE_BYTES


@implementer(IPushProducer)
class Lane:
    """From `source` to `sink`, two TCP transports. Times are seconds of `clock`."""

    __slots__ = (
        "_clock",
        "_delay",
        "_ended",
        "_frozen",
        "_full",
        "_line",
        "_reading",
        "_sink",
        "_source",
        "_stopped",
        "_timer",
        "size",
    )

    def __init__(self, clock: Any, source: Any, sink: Any, delay: float) -> None:
        self._clock = clock
        self._source = source
        self._sink = sink
        self._delay = delay
        self._line: deque[tuple[float, bytes | None]] = deque()
        self._frozen = False
        self._full = False
        self._ended = False
        self._stopped = False
        self._reading = True
        self._timer: IDelayedCall | None = None
        self.size = 0
        """Bytes on the way."""

        sink.registerProducer(self, True)

    def take(self, data: bytes | None) -> None:
        """What has come from the source; None is its end (a FIN)."""
        if self._stopped or self._ended:
            return
        self._ended = data is None
        if data is not None and not (self._delay or self._line or self._frozen or self._full):
            self._sink.write(data)
            return
        due = self._clock.seconds() + self._delay
        if self._line:
            due = max(due, self._line[-1][0])
        self._line.append((due, data))
        self.size += len(data or b"")
        self._flush()

    def set_delay(self, seconds: float) -> None:
        """For what comes from now on; it never overtakes what is on the way."""
        self._delay = seconds

    def freeze(self) -> None:
        """Let nothing through and hear nothing, until `thaw`."""
        self._frozen = True
        self._steer()
        self._unschedule()

    def thaw(self) -> None:
        """Go on."""
        self._frozen = False
        self._flush()

    def pauseProducing(self) -> None:
        self._full = True
        self._steer()

    def resumeProducing(self) -> None:
        self._full = False
        self._flush()

    def stopProducing(self) -> None:
        """The sink is gone."""
        self._stopped = True
        self._line.clear()
        self.size = 0
        self._unschedule()

    def _flush(self) -> None:
        self._unschedule()
        while self._line and not (self._frozen or self._full or self._stopped):
            due, data = self._line[0]
            wait = due - self._clock.seconds()
            if wait > 0:
                self._timer = self._clock.callLater(wait, self._on_time)
                break
            self._line.popleft()
            if data is None:
                self._sink.unregisterProducer()
                self._sink.loseWriteConnection()
            else:
                self.size -= len(data)
                self._sink.write(data)
        self._steer()

    def _on_time(self) -> None:
        self._timer = None
        self._flush()

    def _unschedule(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _steer(self) -> None:
        """Read from the source exactly when there is room for it."""
        wanted = not (self._frozen or self._full or self._ended or self.size > LANE_BYTES)
        if wanted is self._reading:
            return
        self._reading = wanted
        if wanted:
            self._source.resumeProducing()
        else:
            self._source.pauseProducing()
