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

    def reaches(self, seq: int) -> bool:
        """Whether the events after number `seq` are all here; not if `seq` is none of this log's."""
        return 0 <= self.seq - seq <= len(self._events)

    def since(self, seq: int, most: int | None = None) -> list[FleetEvent] | None:
        """The events after number `seq`, the first `most` of them; None when they are not all here."""
        if not self.reaches(seq):
            return None
        # From the end: who asks has most of them, and a deque is slow to walk through from its beginning.
        events = list(islice(reversed(self._events), self.seq - seq))
        events.reverse()
        return events if most is None else events[:most]

    def acknowledged(self, seq: int) -> None:
        """Nobody needs events up to `seq` any more."""
        while self._events and self.seq - len(self._events) < seq:
            self._events.popleft()
