"""What happens to wings, and who hears of it: the `/ws/app` connections of this node, by user."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from wingthing.relay.access import audience
from wingthing.relay.peers import Identity, Peer
from wingthing.wire import codec
from wingthing.wire.messages import AttentionEvent, Message, WingConfigured, WingOffline, WingOnline
from wingthing.wire.records import WingRecord


class WingEvents(Protocol):
    """Who is told what happens to the wings of this node."""

    def admit(self, record: WingRecord) -> None:
        """A wing is about to register. Raises Forbidden when it must not."""

    def online(self, record: WingRecord) -> None:
        """A connection speaks for a wing from now on."""

    def configured(self, record: WingRecord) -> None:
        """Its lock has changed."""

    def offline(self, record: WingRecord) -> None:
        """That connection has ended."""

    def attention(self, record: WingRecord, session_id: str) -> None:
        """A terminal of the wing asks for its user."""


class Dashboards:
    """The open `/ws/app` connections of this node."""

    def __init__(self) -> None:
        self._by_user: dict[str, dict[Peer, Identity]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._by_user.values()))

    def peers(self) -> list[Peer]:
        """Every open connection."""
        return [peer for peers in self._by_user.values() for peer in peers]

    def everybody(self) -> list[tuple[Identity, Peer]]:
        """Every open connection, with who is behind it."""
        return [(identity, peer) for peers in self._by_user.values() for peer, identity in peers.items()]

    def add(self, identity: Identity, peer: Peer) -> None:
        """A dashboard has been opened."""
        self._by_user.setdefault(identity.user_id, {})[peer] = identity

    def remove(self, identity: Identity, peer: Peer) -> None:
        """A dashboard is gone."""
        peers = self._by_user.get(identity.user_id)
        if peers is not None:
            peers.pop(peer, None)
            if not peers:
                del self._by_user[identity.user_id]

    def publish(self, users: Iterable[str], event: Message) -> None:
        """Send one event to every dashboard of these users."""
        message: bytes | None = None
        for user_id in users:
            for peer in self._by_user.get(user_id, ()):
                if message is None:
                    message = codec.write(event)
                peer.send(message)


class Announcer:
    """Tells the dashboards of this node: the WingEvents of a node that is alone."""

    def __init__(self, dashboards: Dashboards) -> None:
        self._dashboards = dashboards

    def admit(self, record: WingRecord) -> None:
        """Nobody else knows of any wing."""

    def online(self, record: WingRecord) -> None:
        self._dashboards.publish(audience(record), _described(WingOnline, record))

    def configured(self, record: WingRecord) -> None:
        self._dashboards.publish(audience(record), _described(WingConfigured, record))

    def offline(self, record: WingRecord) -> None:
        self._dashboards.publish(audience(record), WingOffline(wing_id=record.wing_id))

    def attention(self, record: WingRecord, session_id: str) -> None:
        event = AttentionEvent(wing_id=record.wing_id, session_id=session_id)
        self._dashboards.publish(audience(record), event)


def _described(
    kind: type[WingOnline] | type[WingConfigured], record: WingRecord
) -> WingOnline | WingConfigured:
    return kind(
        wing_id=record.wing_id,
        public_key=record.public_key,
        locked=record.locked,
        allowed_count=record.allowed_count,
        user_id=record.user_id,
        owner=record.owner,
    )
