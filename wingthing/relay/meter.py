"""What each user has been sent: bytes relayed from a node to that user's browsers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from wingthing.relay.peers import Viewer


class Meter:
    """Totals by user since this node started. A connection counts for itself; its end adds it up here."""

    def __init__(self) -> None:
        self._total: Counter[str] = Counter()
        self._open: dict[str, set[Viewer]] = {}

    def opened(self, viewer: Viewer) -> None:
        """A browser's connection begins to count."""
        self._open.setdefault(viewer.identity.user_id, set()).add(viewer)

    def closed(self, viewer: Viewer) -> None:
        """A browser's connection has ended."""
        user_id = viewer.identity.user_id
        self._total[user_id] += viewer.bytes_sent
        viewers = self._open.get(user_id, set())
        viewers.discard(viewer)
        if not viewers:
            self._open.pop(user_id, None)

    def usage_bytes(self, user_id: str) -> int:
        """Bytes sent to a user's browsers, open connections included."""
        viewers: Iterable[Viewer] = self._open.get(user_id, ())
        return self._total[user_id] + sum(viewer.bytes_sent for viewer in viewers)
