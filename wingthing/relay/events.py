"""What happens to wings, and who hears of it: the `/ws/app` connections of this node, by user."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from wingthing.relay.access import as_it_is, audience, audience_in
from wingthing.relay.calls import ATTENTION, Call
from wingthing.relay.orgs import Roster, RosterChange
from wingthing.relay.peers import Identity, Peer
from wingthing.wire import codec
from wingthing.wire.messages import Message
from wingthing.wire.node_messages import AttentionEvent, OrgChanged, WingConfigured, WingOffline, WingOnline
from wingthing.wire.records import WingRecord


class WingEvents(Protocol):
    """Who is told what happens to the wings of this node."""

    def admit(self, record: WingRecord) -> None:
        """A wing is about to register. Raises Forbidden when it must not."""

    def online(self, record: WingRecord, before: WingRecord | None = None) -> None:
        """A connection speaks for a wing from now on; `before` is what the wing was, if it was online."""

    def configured(self, record: WingRecord) -> None:
        """Its lock has changed."""

    def offline(self, record: WingRecord) -> None:
        """That connection has ended."""

    def attention(self, record: WingRecord, call: Call) -> None:
        """A terminal of the wing asks for its user, or has ended."""

    def org_changed(self, change: RosterChange) -> None:
        """An organisation is not what it was."""


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
    """Tells the dashboards of this node: the WingEvents of a node that is alone.

    `of_org(org_id)` has the online wings that have registered for an organisation.
    """

    def __init__(
        self, dashboards: Dashboards, roster: Roster, of_org: Callable[[str], Iterable[WingRecord]]
    ) -> None:
        self._dashboards = dashboards
        self._roster = roster
        self._of_org = of_org

    def admit(self, record: WingRecord) -> None:
        """Nobody else knows of any wing."""

    def online(self, record: WingRecord, before: WingRecord | None = None) -> None:
        hear = audience(self._roster, record)
        if before is not None:
            # It has come back under another organisation, or another owner.
            gone = audience(self._roster, before) - hear
            self._dashboards.publish(gone, WingOffline(wing_id=record.wing_id))
        self._dashboards.publish(hear, self._described(WingOnline, record))

    def configured(self, record: WingRecord) -> None:
        self._dashboards.publish(audience(self._roster, record), self._described(WingConfigured, record))

    def offline(self, record: WingRecord) -> None:
        self._dashboards.publish(audience(self._roster, record), WingOffline(wing_id=record.wing_id))

    def attention(self, record: WingRecord, call: Call) -> None:
        if call.kind != ATTENTION:
            return
        event = AttentionEvent(wing_id=record.wing_id, session_id=call.session_id)
        self._dashboards.publish(audience(self._roster, record), event)

    def org_changed(self, change: RosterChange) -> None:
        """Whoever was or is in it hears so, and of the wings that this puts into or out of their reach."""
        self._dashboards.publish(change.users, OrgChanged())
        for record in self._of_org(change.org_id):
            before, after = audience_in(change.before, record), audience_in(change.after, record)
            self._dashboards.publish(before - after, WingOffline(wing_id=record.wing_id))
            self._dashboards.publish(after - before, self._described(WingOnline, record))

    def _described(
        self, kind: type[WingOnline] | type[WingConfigured], record: WingRecord
    ) -> WingOnline | WingConfigured:
        return kind(
            wing_id=record.wing_id,
            public_key=record.public_key,
            locked=record.locked,
            allowed_count=record.allowed_count,
            user_id=record.user_id,
            owner=record.owner,
            org_id=as_it_is(self._roster, record).org_id,
        )
