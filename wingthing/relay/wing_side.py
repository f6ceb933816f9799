"""What a wing may say to a node: protocol.md section 3."""

from __future__ import annotations

import msgspec

from wingthing.errors import InvalidMessage, PeerError
from wingthing.relay import routes, tunnels
from wingthing.relay.access import audience
from wingthing.relay.peers import WingLink
from wingthing.relay.router import Router
from wingthing.relay.wings import Wing
from wingthing.wire import codec
from wingthing.wire.limits import MAX_SESSIONS_PER_VIEWER
from wingthing.wire.messages import (
    MESSAGES,
    AttentionEvent,
    From,
    Registered,
    Route,
    SessionAttention,
    WingConfig,
    WingConfigured,
    WingHeartbeat,
    WingOnline,
    WingRegister,
)
from wingthing.wire.records import WingRecord


def receive(router: Router, link: WingLink, message: bytes) -> None:
    """One message of a registered wing.

    Raises PeerError (to be answered with `error`) for what the wing may not say.
    """
    head = codec.read_head(message)
    kind = MESSAGES.get(head.type)
    if kind is None or From.WING not in kind.sender:
        raise InvalidMessage(f"unknown message type: {head.type[:64]}")
    wing = link.wing
    if wing is None:
        raise PeerError("the first message must be wing.register")
    if kind.route is Route.REQUEST:
        _to_requester(wing, head, message)
    elif wing.link is not link:
        # A newer connection speaks for this wing; two writers would mix frames of two keys.
        return
    elif kind.route is Route.SESSION:
        _to_viewers(router, wing, head, message)
    else:
        _for_the_node(router, link, wing, head.type, message)


def register(router: Router, link: WingLink, message: bytes) -> None:
    """The first message of a wing.

    Raises PeerError when it is not a `wing.register` that this connection may send; the connection is then
    to be closed.
    """
    if codec.read_head(message).type != "wing.register":
        raise PeerError("the first message must be wing.register")
    said = codec.read(message, WingRegister)
    if said.org_slug:
        raise PeerError("you are not a member of this organisation")
    if link.token_wing and link.token_wing != said.wing_id:
        raise PeerError("this token belongs to another wing_id: run 'wt login' on this machine")
    link.connection_id = router.new_connection_id()
    link.features = frozenset(said.features or ())
    record = WingRecord(
        wing_id=said.wing_id,
        connection_id=link.connection_id,
        user_id=link.identity.user_id,
        owner=link.identity.name,
        public_key=link.token_pub or said.public_key or "",
        locked=bool(said.locked),
        allowed_count=said.allowed_count or 0,
    )
    wing, replaced = router.wings.register(link, record, router.abandon)
    if replaced is not None:
        # The outbox that held them belongs to a connection that gets no more of their messages.
        router.release_held(wing)
    ack = Registered(wing_id=link.connection_id, relay_pub_key=router.relay_pub_key)
    link.peer.send(codec.write(ack))
    router.dashboards.publish(audience(record), _described(WingOnline, record))


def _to_requester(wing: Wing, head: codec.Head, message: bytes) -> None:
    viewer = wing.pending.get(head.request_id or "")
    if viewer is None:
        return
    if head.type == "tunnel.res" or head.done:
        tunnels.settle(wing, head.request_id or "")
    viewer.deliver(message)


def _to_viewers(router: Router, wing: Wing, head: codec.Head, message: bytes) -> None:
    terminal = wing.terminals.get(head.session_id or "")
    if terminal is None:
        return
    if head.viewer_id:
        spectator = terminal.spectators.get(head.viewer_id)
        if spectator is not None:
            if head.type == "pty.exited":
                routes.end_spectator(terminal, head.viewer_id)
            spectator.deliver(message)
    elif head.type == "pty.exited":
        for viewer in routes.end(terminal):
            viewer.deliver(message)
        wing.episodes.pop(terminal.session_id, None)
    elif terminal.controller is not None:
        terminal.controller.deliver(message)


def _for_the_node(router: Router, link: WingLink, wing: Wing, kind: str, message: bytes) -> None:
    if kind == "wing.register":
        raise PeerError("this connection has registered already")
    if kind == "wing.heartbeat":
        _own_id(wing, codec.read(message, WingHeartbeat).wing_id)
    elif kind == "wing.config":
        config = codec.read(message, WingConfig)
        _own_id(wing, config.wing_id)
        wing.record = msgspec.structs.replace(
            wing.record, locked=config.locked, allowed_count=config.allowed_count or 0
        )
        router.dashboards.publish(audience(wing.record), _described(WingConfigured, wing.record))
    else:
        _attention(router, wing, codec.read(message, SessionAttention))


def _attention(router: Router, wing: Wing, attention: SessionAttention) -> None:
    """Announce an episode once: its nonce tells whether it is new."""
    nonce = attention.nonce
    if nonce:
        if wing.episodes.pop(attention.session_id, None) == nonce:
            wing.episodes[attention.session_id] = nonce
            return
        wing.episodes[attention.session_id] = nonce
        if len(wing.episodes) > MAX_SESSIONS_PER_VIEWER:
            del wing.episodes[next(iter(wing.episodes))]
    event = AttentionEvent(wing_id=wing.record.wing_id, session_id=attention.session_id)
    router.dashboards.publish(audience(wing.record), event)


def _own_id(wing: Wing, wing_id: str) -> None:
    if wing_id != wing.record.wing_id:
        raise InvalidMessage("this connection is registered under another wing_id")


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
