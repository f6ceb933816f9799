"""Which peer gets a message: the whole decision of a node, synchronous and without I/O.

`Router` holds the state (wings, dashboards, meter) and the life of connections. What a wing may say is in
`wing_side`, what a browser may say in `viewer_side`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import attrs

from wingthing.errors import CapReached, InvalidMessage, PeerError
from wingthing.relay import routes, tunnels
from wingthing.relay.access import may_reach
from wingthing.relay.allowance import Allowance
from wingthing.relay.calls import Call, Hearer
from wingthing.relay.events import Announcer, Dashboards, WingEvents
from wingthing.relay.meter import Meter
from wingthing.relay.orgs import Roster, RosterChange
from wingthing.relay.peers import FEATURE_DETACHED, Identity, Peer, Viewer, WingLink
from wingthing.relay.wings import Wing, Wings
from wingthing.wire import codec
from wingthing.wire.closing import CloseCode
from wingthing.wire.gossip import PasskeysChanged, Revoked, RevokedKind
from wingthing.wire.messages import PtyExited
from wingthing.wire.node_messages import (
    BandwidthExceeded,
    Error,
    PasskeyRegistered,
    PtyDetached,
    RelayRestart,
    WingOffline,
)
from wingthing.wire.records import WingRecord

NO_ACCESS: Final = "you have no access to this wing any more"
"""What a browser is told of what it has open on the wing of an organisation that its user has left."""


class Router:
    """The relay of one node.

    `relay_pub_key` goes into every `registered`; `new_session_id` gives 8 random hex digits and
    `new_connection_id` a uuid.
    """

    def __init__(
        self,
        *,
        relay_pub_key: str,
        new_session_id: Callable[[], str],
        new_connection_id: Callable[[], str],
    ) -> None:
        self.relay_pub_key = relay_pub_key
        self.new_session_id = new_session_id
        self.new_connection_id = new_connection_id
        self.roster = Roster()
        self.roster.listeners.append(self._org_changed)
        self.wings = Wings(self.roster)
        self.dashboards = Dashboards()
        self.events: WingEvents = Announcer(self.dashboards, self.roster, self.wings.of_org)
        """Who is told what happens to wings; a node of a fleet puts its own here."""

        self.hearers: list[Hearer] = []
        """Who is told when a terminal calls for its user, on whichever node its wing is."""

        self.meter = Meter()
        self.allowance = Allowance(self.meter)
        self._links: set[WingLink] = set()
        self._viewers: set[Viewer] = set()

    # -- the life of connections ---------------------------------------------------------------------------

    def wing_connected(self, link: WingLink) -> None:
        """A wing's socket is open; it has yet to register."""
        self._links.add(link)
        self.meter.wing_opened(link)

    def wing_gone(self, link: WingLink) -> None:
        """A wing's socket is closed. Unless a newer one speaks for the wing, it is offline now."""
        self._links.discard(link)
        self.meter.wing_closed(link)
        wing = self.wings.release(link)
        if wing is None:
            return
        self.release_held(wing)
        message = codec.write(WingOffline(wing_id=wing.record.wing_id))
        for viewer in {viewer for terminal in wing.terminals.values() for viewer in terminal.viewers()}:
            viewer.deliver(message)
        routes.forget_attaching(wing)
        for request_id, viewer in tunnels.abandon_wing(wing):
            viewer.deliver(codec.write(Error(message="the wing went offline", request_id=request_id)))
        self.events.offline(wing.record)
        self.wings.forget_if_idle(wing)

    def viewer_connected(self, viewer: Viewer) -> None:
        """A browser's socket is open."""
        self._viewers.add(viewer)
        self.meter.opened(viewer)
        self.allowance.opened(viewer)

    def viewer_gone(self, viewer: Viewer) -> None:
        """A browser's socket is closed: its bindings go, the terminals live on."""
        self._viewers.discard(viewer)
        self.meter.closed(viewer)
        self.allowance.closed(viewer)
        tunnels.abandon_viewer(viewer)
        for wing in viewer.held_by:
            wing.held.discard(viewer)
        viewer.held_by.clear()
        for session_id in {*viewer.controls, *viewer.watches, *viewer.attaching}:
            self.detach(viewer, session_id)

    def dashboard_connected(self, identity: Identity, peer: Peer) -> None:
        """A dashboard's socket is open."""
        self.dashboards.add(identity, peer)

    def dashboard_gone(self, identity: Identity, peer: Peer) -> None:
        """A dashboard's socket is closed."""
        self.dashboards.remove(identity, peer)

    def heard(self, record: WingRecord, call: Call) -> None:
        """A terminal calls for its user."""
        for hearer in self.hearers:
            hearer(record, call)

    def revoke(self, event: Revoked) -> None:
        """Close the sockets that stand on what does not count any more, wings' as well as browsers'."""
        reason = "this account has been removed" if event.kind is RevokedKind.USER else "logged out"
        everybody = [(link.identity, link.peer) for link in self._links]
        everybody += [(viewer.identity, viewer.peer) for viewer in self._viewers]
        everybody += self.dashboards.everybody()
        for identity, peer in everybody:
            if identity.stands_on(event):
                peer.close(CloseCode.LOGIN_ENDED, reason)

    def passkeys_changed(self, event: PasskeysChanged) -> None:
        """A user has other passkeys: what their browsers do from now on says so, and of a new one the wings
        here that they may reach are told."""
        for viewer in self._viewers:
            if viewer.identity.user_id == event.user_id:
                viewer.identity = attrs.evolve(viewer.identity, passkeys=tuple(event.keys))
        if not event.registered:
            return
        message = codec.write(PasskeyRegistered(user_id=event.user_id, email=event.email or None))
        for record in self.wings.reachable(event.user_id):
            wing = self.wings.find(record.wing_id, event.user_id)
            if wing is not None and wing.link is not None:
                wing.link.peer.send(message)

    # -- what becomes of open terminals when access changes --------------------------------------------------

    def _org_changed(self, change: RosterChange) -> None:
        for viewer in list(self._viewers):
            if viewer.identity.user_id in change.users:
                self._cut(viewer, viewer.wings())
        self.events.org_changed(change)

    def recheck(self, wing: Wing) -> None:
        """A wing may have come back under another organisation: who may not reach it now loses what they
        have open on it."""
        viewers = {viewer for terminal in wing.terminals.values() for viewer in terminal.viewers()}
        for viewer in viewers.union(wing.pending.values()):
            self._cut(viewer, [wing])

    def _cut(self, viewer: Viewer, wings: Iterable[Wing]) -> None:
        """Take from a browser what it has open on those of some wings that it may not reach any more.

        The terminals go on. `pty.exited` is what every web app in the field takes for the end of a terminal,
        and after which it does not try again; a closed socket would take the terminals on other wings along.
        """
        for wing in wings:
            if may_reach(self.roster, viewer.identity.user_id, wing.record):
                continue
            for session_id, viewer_id in viewer.sessions_on(wing):
                self.detach(viewer, session_id)
                ended = PtyExited(session_id=session_id, exit_code=-1, error=NO_ACCESS, viewer_id=viewer_id)
                viewer.deliver(codec.write(ended))
            for request_id in [each for each, asked in viewer.pending.items() if asked is wing]:
                tunnels.settle(wing, request_id)
                viewer.deliver(codec.write(Error(message=NO_ACCESS, request_id=request_id)))

    # -- what both sides use -------------------------------------------------------------------------------

    def detach(self, viewer: Viewer, session_id: str) -> None:
        """Undo a binding. A wing that understands it hears that one of its spectators has left."""
        detached = routes.detach(viewer, session_id)
        if detached is None:
            return
        wing, viewer_id = detached
        if viewer_id is not None:
            self.spectator_left(wing, session_id, viewer_id)
        self.wings.forget_if_idle(wing)

    def spectator_left(self, wing: Wing, session_id: str, viewer_id: str) -> None:
        """Spare a wing the work for a spectator that is not there any more."""
        if wing.link is not None and FEATURE_DETACHED in wing.link.features:
            message = PtyDetached(session_id=session_id, viewer_id=viewer_id, reason="the spectator has left")
            wing.link.peer.send(codec.write(message))

    def to_wing(self, wing: Wing, message: bytes, viewer: Viewer) -> None:
        """Send a browser's message to a wing; a browser that fills the wing's outbox is held."""
        link = wing.link
        if link is None:
            viewer.deliver(codec.write(WingOffline(wing_id=wing.record.wing_id)))
            return
        link.deliver(message)
        self._hold_if_full(wing, link, viewer)

    def _hold_if_full(self, wing: Wing, link: WingLink, viewer: Viewer) -> None:
        if link.peer.full and viewer not in wing.held:
            if not viewer.held_by:
                viewer.peer.pause_reading()
            wing.held.add(viewer)
            viewer.held_by.add(wing)

    def all_to_wing(self, wing: Wing, messages: Sequence[bytes], size: int, viewer: Viewer) -> None:
        """The same with messages of `size` bytes in all, to a wing that is connected."""
        link = wing.link
        assert link is not None
        link.deliver_all(messages, size)
        self._hold_if_full(wing, link, viewer)

    def wing_has_room(self, link: WingLink) -> None:
        """A wing's outbox that was full has drained: the browsers that filled it are read again."""
        if link.wing is not None and link.wing.link is link:
            self.release_held(link.wing)

    def release_held(self, wing: Wing) -> None:
        """Read the browsers again that were held because of this wing."""
        for viewer in wing.held:
            viewer.held_by.discard(wing)
            if not viewer.held_by:
                viewer.peer.resume_reading()
        wing.held.clear()

    def abandon(self, wing: Wing) -> None:
        """Take away all routes of an offline wing whose id another owner has registered."""
        for terminal in list(wing.terminals.values()):
            routes.end(terminal)

    # -- a wing that has moved to another node --------------------------------------------------------------

    def moved_away(self, wing_id: str) -> None:
        """The wing is connected to another node now: its browsers here have to come in anew.

        A connection of it that has not ended here is the wing no longer; should the other one end first, it
        is again (`moved_back`).
        """
        self.wings.supersede(wing_id)
        for viewer in [viewer for viewer in self._viewers if viewer.concerns(wing_id)]:
            viewer.peer.close(CloseCode.MOVED, "the wing is connected to another node: connect again")

    def moved_back(self, wing_id: str) -> None:
        """The connection of the wing at this node is the wing."""
        self.wings.restore(wing_id)

    # -- the end of the node -------------------------------------------------------------------------------

    def announce_restart(self) -> None:
        """Tell everybody that this node is going."""
        message = codec.write(RelayRestart())
        for peer in self._peers():
            peer.send(message)

    def close_all(self) -> None:
        """Close what is still open."""
        for peer in self._peers():
            peer.close(CloseCode.GOING_AWAY, "the server is shutting down")

    @property
    def open_sockets(self) -> int:
        """How many sockets of all three kinds are open."""
        return len(self._links) + len(self._viewers) + len(self.dashboards)

    @property
    def waiting_bytes(self) -> int:
        """How much waits in all outboxes together."""
        return sum(peer.waiting for peer in self._peers())

    @property
    def browser_count(self) -> int:
        """How many browsers have a socket for terminals open."""
        return len(self._viewers)

    @property
    def terminal_count(self) -> int:
        """How many terminals are open in browsers."""
        return sum(len(viewer.controls) for viewer in self._viewers)

    @property
    def route_count(self) -> int:
        """How many terminals and requests the tables hold (a leak shows here)."""
        return sum(
            len(viewer.controls) + len(viewer.watches) + len(viewer.attaching) + len(viewer.pending)
            for viewer in self._viewers
        )

    def _peers(self) -> list[Peer]:
        links = [link.peer for link in self._links]
        return links + [viewer.peer for viewer in self._viewers] + self.dashboards.peers()


def refusal(message: bytes, why: PeerError) -> bytes:
    """The `error` message that tells a peer what was wrong with `message`, and which session or request it
    was about when that can be read."""
    kind = BandwidthExceeded if isinstance(why, CapReached) else Error
    try:
        head = codec.read_head(message)
    except InvalidMessage:
        return codec.write(kind(message=str(why)))
    return codec.write(kind(message=str(why), session_id=head.session_id, request_id=head.request_id))
