"""Dashboard events: `/ws/app` connections by user, and who hears of what."""

from __future__ import annotations

from collections.abc import Iterable

from wingthing.relay.peers import Identity, Peer
from wingthing.wire import codec
from wingthing.wire.messages import Message


class Dashboards:
    """The open `/ws/app` connections of this node."""

    def __init__(self) -> None:
        self._by_user: dict[str, dict[Peer, Identity]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._by_user.values()))

    def peers(self) -> list[Peer]:
        """Every open connection."""
        return [peer for peers in self._by_user.values() for peer in peers]

    def of_login(self, login: str) -> list[Peer]:
        """The open connections of one login session."""
        everybody = (item for peers in self._by_user.values() for item in peers.items())
        return [peer for peer, identity in everybody if identity.login == login]

    def users(self) -> set[str]:
        """The users who have a dashboard open."""
        return set(self._by_user)

    def of_user(self, user_id: str) -> list[Peer]:
        """The open connections of one user."""
        return list(self._by_user.get(user_id, ()))

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
