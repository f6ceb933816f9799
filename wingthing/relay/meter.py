"""What each user has been sent: bytes relayed from a node to that user's browsers; and all traffic."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

import attrs

from wingthing.relay.peers import Viewer, WingLink


@attrs.frozen
class Traffic:
    """What has been relayed one way: messages, and their bytes."""

    messages: int = 0
    bytes: int = 0

    def plus(self, peers: Iterable[Viewer | WingLink]) -> Traffic:
        """With what these connections have been sent."""
        messages, size = self.messages, self.bytes
        for peer in peers:
            messages += peer.messages_sent
            size += peer.bytes_sent
        return Traffic(messages, size)


class Meter:
    """Totals by user since this node started. A connection counts for itself; its end adds it up here."""

    def __init__(self) -> None:
        self._total: Counter[str] = Counter()
        self._open: dict[str, set[Viewer]] = {}
        self._wings: set[WingLink] = set()
        self._to_browsers = Traffic()
        self._to_wings = Traffic()

    def opened(self, viewer: Viewer) -> None:
        """A browser's connection begins to count."""
        self._open.setdefault(viewer.identity.user_id, set()).add(viewer)

    def closed(self, viewer: Viewer) -> None:
        """A browser's connection has ended."""
        user_id = viewer.identity.user_id
        self._total[user_id] += viewer.bytes_sent
        self._to_browsers = self._to_browsers.plus([viewer])
        viewers = self._open.get(user_id, set())
        viewers.discard(viewer)
        if not viewers:
            self._open.pop(user_id, None)

    def viewers(self, user_id: str) -> list[Viewer]:
        """The open connections of a user's browsers."""
        return list(self._open.get(user_id, ()))

    def open_users(self) -> list[str]:
        """The users who have any."""
        return list(self._open)

    def wing_opened(self, link: WingLink) -> None:
        """A wing's connection begins to count."""
        self._wings.add(link)

    def wing_closed(self, link: WingLink) -> None:
        """A wing's connection has ended."""
        if link in self._wings:
            self._wings.remove(link)
            self._to_wings = self._to_wings.plus([link])

    def to_browsers(self) -> Traffic:
        """All that has been relayed to browsers since this node started."""
        return self._to_browsers.plus(viewer for viewers in self._open.values() for viewer in viewers)

    def to_wings(self) -> Traffic:
        """All that has been relayed to wings since this node started."""
        return self._to_wings.plus(self._wings)

    def totals(self) -> Iterator[tuple[str, int]]:
        """User id and bytes of everybody who has been sent something, open connections included."""
        for user_id in self._total.keys() | self._open.keys():
            if total := self.usage_bytes(user_id):
                yield user_id, total

    def usage_bytes(self, user_id: str) -> int:
        """Bytes sent to a user's browsers, open connections included."""
        viewers: Iterable[Viewer] = self._open.get(user_id, ())
        return self._total[user_id] + sum(viewer.bytes_sent for viewer in viewers)
