"""The numbered events of a node, as far back as somebody may still need them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import islice

from wingthing.wire.gossip import FleetEvent
from wingthing.wire.limits import MAX_GOSSIP_EVENTS


class EventLog:
    """Events 1, 2, 3 ... of one boot; at most `most` of them are kept."""

    def __init__(self, most: int = MAX_GOSSIP_EVENTS) -> None:
        self._events: deque[FleetEvent] = deque(maxlen=most)
        self.seq = 0
        """The number of the latest event; 0 before the first."""

        self.appended: Callable[[], None] = lambda: None
        """Called after each new event."""

    def append(self, event: FleetEvent) -> None:
        """Number one more event."""
        self._events.append(event)
        self.seq += 1
        self.appended()

    def since(self, seq: int) -> list[FleetEvent] | None:
        """The events after number `seq`; None when they are not all here, or `seq` is none of this log's."""
        wanted = self.seq - seq
        if not 0 <= wanted <= len(self._events):
            return None
        return list(islice(self._events, len(self._events) - wanted, None))

    def acknowledged(self, seq: int) -> None:
        """Nobody needs events up to `seq` any more."""
        while self._events and self.seq - len(self._events) < seq:
            self._events.popleft()
