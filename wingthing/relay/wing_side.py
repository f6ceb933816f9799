"""What a wing may say to a node: protocol.md section 3."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from wingthing.errors import InvalidMessage, PeerError, TemporarilyUnavailable
from wingthing.relay import routes, tunnels
from wingthing.relay.calls import EXIT, Call
from wingthing.relay.peers import FEATURE_DETACHED, FEATURE_ERROR, WingLink
from wingthing.relay.router import Router
from wingthing.relay.routes import Terminal
from wingthing.relay.wings import Wing
from wingthing.wire import codec
from wingthing.wire.limits import MAX_SESSIONS_PER_VIEWER
from wingthing.wire.messages import (
    MESSAGES,
    From,
    Route,
    SessionAttention,
    WingConfig,
    WingHeartbeat,
    WingRegister,
)
from wingthing.wire.node_messages import Error, PtyDetached, Registered, WingOffline
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


def pass_on(link: WingLink, messages: Sequence[bytes], at: int) -> int:
    """Pass on the output that begins with message number `at`, for as long as it goes to one viewer.

    Answers how many messages that were; 0 when the first is something else, or is not to be passed on as it
    is, and `receive` has to look. What is passed on changes nothing at the node, so that nothing which
    `receive` would do between two of them is left out.
    """
    wing = link.wing
    if wing is None or wing.link is not link:
        return 0
    head = _head_of_output(messages[at])
    if head is None:
        return 0
    session_id, viewer_id = head
    terminal = wing.terminals.get(session_id)
    if terminal is None:
        return 0
    viewer = terminal.spectators.get(viewer_id) if viewer_id else terminal.controller
    if viewer is None:
        return 0
    count = len(messages)
    if count == 1:
        viewer.deliver_all(messages, len(messages[0]))
        return 1
    end = at + 1
    while end < count and _head_of_output(messages[end]) == head:
        end += 1
    run = messages if end - at == count else messages[at:end]
    viewer.deliver_all(run, sum(map(len, run)))
    return end - at


def _head_of_output(message: bytes) -> tuple[str, str | None] | None:
    """The session and viewer of a `pty.output`; None for everything else."""
    session_id = codec.session_of_plain_output(message) if len(message) >= PLAIN_BYTES else None
    if session_id is not None:
        return session_id, None
    try:
        head = codec.read_head(message)
    except InvalidMessage:
        return None
    if head.type != "pty.output" or not head.session_id:
        return None
    return head.session_id, head.viewer_id


PLAIN_BYTES = 2048
"""Up to here reading the whole message costs no more than a look at its shape."""


def register(router: Router, link: WingLink, message: bytes) -> None:
    """The first message of a wing.

    Raises InvalidMessage when it is no `wing.register`, another PeerError when this connection may not send
    it; the connection is then to be closed. TemporarilyUnavailable among these: the same may be taken when
    the wing comes again, so it must not be told of an error, after which it might not.
    """
    if codec.read_head(message).type != "wing.register":
        raise InvalidMessage("the first message must be wing.register")
    said = codec.read(message, WingRegister)
    org_id = _org_of(router, link, said.org_slug or "")
    if link.token_wing and link.token_wing != said.wing_id:
        raise PeerError("this token belongs to another wing_id: run 'wt login' on this machine")
    link.connection_id = router.new_connection_id()
    if said.features:
        link.features = frozenset(said.features)
    record = WingRecord(
        wing_id=said.wing_id,
        connection_id=link.connection_id,
        user_id=link.identity.user_id,
        owner=link.identity.name,
        org_id=org_id,
        public_key=link.token_pub or said.public_key or "",
        locked=bool(said.locked),
        allowed_count=said.allowed_count or 0,
    )
    router.events.admit(record)
    before = router.wings.current(said.wing_id)
    wing, replaced = router.wings.register(link, record, router.abandon)
    router.recheck(wing)
    if replaced is not None:
        # The outbox that held them belongs to a connection that gets no more of their messages.
        router.release_held(wing)
        # And an attach that went to it will not be answered.
        for viewer in routes.forget_attaching(wing):
            viewer.deliver(codec.write(WingOffline(wing_id=record.wing_id)))
    ack = Registered(wing_id=link.connection_id, relay_pub_key=router.relay_pub_key, features=[FEATURE_ERROR])
    link.peer.send(codec.write(ack))
    router.events.online(record, before)


def _org_of(router: Router, link: WingLink, named: str) -> str:
    """The id of the organisation that a wing names, by its slug or id, if its user is in that.

    Raises PeerError when not: the same for an organisation that there is not.
    """
    if not named:
        return ""
    org_id = router.roster.find(named)
    if org_id is not None and router.roster.role(link.identity.user_id, org_id):
        return org_id
    if not router.roster.complete:
        raise TemporarilyUnavailable("this node does not know the organisations yet: connect again")
    raise PeerError("you are not a member of this organisation")


def _to_requester(wing: Wing, head: codec.Head, message: bytes) -> None:
    if not head.request_id:
        raise InvalidMessage("invalid message: `request_id` is missing")
    viewer = wing.pending.get(head.request_id)
    if viewer is None:
        return
    if head.type == "tunnel.res" or head.done:
        tunnels.settle(wing, head.request_id)
    viewer.deliver(message)


def _to_viewers(router: Router, wing: Wing, head: codec.Head, message: bytes) -> None:
    if not head.session_id:
        raise InvalidMessage("invalid message: `session_id` is missing")
    terminal = wing.terminals.get(head.session_id)
    if terminal is None:
        if head.type == "pty.exited" and not head.viewer_id:
            _ended(router, wing, head.session_id, message)
        return
    if head.viewer_id:
        spectator = terminal.spectators.get(head.viewer_id)
        if spectator is not None:
            if head.type == "pty.exited":
                routes.end_spectator(terminal, head.viewer_id)
            spectator.deliver(message)
    elif terminal.attaching and head.type in ATTACH_ANSWERS:
        _to_attaching(router, wing, terminal, head.type, message)
    elif head.type == "pty.exited":
        _end(router, wing, terminal, message)
    elif terminal.controller is not None:
        terminal.controller.deliver(message)


ATTACH_ANSWERS = frozenset(["pty.started", "pty.exited", "passkey.challenge"])
"""What a wing may answer to a `pty.attach`."""


def _to_attaching(router: Router, wing: Wing, terminal: Terminal, kind: str, message: bytes) -> None:
    if kind == "pty.started":
        viewer, displaced, held = routes.let_in(terminal)
        if displaced is not None and FEATURE_DETACHED in displaced.features:
            taken = PtyDetached(session_id=terminal.session_id, reason="opened in another window")
            displaced.deliver(codec.write(taken))
        if viewer is not None:
            viewer.deliver(message)
            for said in held:
                router.to_wing(wing, said, viewer)
    elif kind == "passkey.challenge":
        viewer = terminal.attaching[0].viewer
        if viewer is not None:
            viewer.deliver(message)
    elif codec.read_object(message).get("error"):
        # A refusal, and the terminal goes on for everybody else. Should it have ended in this moment, with an
        # error of its own, the wing's answer to the attach follows, and that is for everybody.
        viewer = routes.turn_away(terminal)
        if viewer is not None:
            viewer.deliver(message)
    else:
        _end(router, wing, terminal, message)


def _end(router: Router, wing: Wing, terminal: Terminal, message: bytes) -> None:
    controller = terminal.controller
    for viewer in routes.end(terminal):
        viewer.deliver(message)
    user_id = controller.identity.user_id if controller is not None else ""
    _ended(router, wing, terminal.session_id, message, user_id)


def _ended(router: Router, wing: Wing, session_id: str, message: bytes, controller: str = "") -> None:
    """A terminal is over, whether or not a browser has it open."""
    wing.episodes.pop(session_id, None)
    agent, folder = wing.programs.pop(session_id, ("", ""))
    if not codec.read_object(message).get("error"):
        # With an error it has not begun, and whoever wanted it to has been told.
        call = Call(session_id, EXIT, agent=agent, folder=folder, controller=controller)
        _tell(router, wing, call)


def _tell(router: Router, wing: Wing, call: Call) -> None:
    router.events.attention(wing.record, call)
    router.heard(wing.record, call)


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
        router.events.configured(wing.record)
    elif kind == "error":
        _complaint(wing, codec.read(message, Error))
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
    session_id = attention.session_id
    if attention.agent or attention.cwd:
        wing.started(session_id, attention.agent or "", attention.cwd or "")
    agent, folder = wing.programs.get(session_id, ("", ""))
    terminal = wing.terminals.get(session_id)
    controller = terminal.controller if terminal is not None else None
    call = Call(
        session_id,
        agent=agent,
        folder=folder,
        nonce=nonce or "",
        controller=controller.identity.user_id if controller is not None else "",
    )
    _tell(router, wing, call)


def _complaint(wing: Wing, error: Error) -> None:
    """Pass on what a wing cannot take to the browser that sent it."""
    if error.request_id:
        asked = wing.pending.get(error.request_id)
        tunnels.settle(wing, error.request_id)
        if asked is not None:
            asked.deliver(codec.write(error))
    else:
        terminal = wing.terminals.get(error.session_id or "")
        if terminal is not None and terminal.controller is not None:
            terminal.controller.deliver(codec.write(error))


def _own_id(wing: Wing, wing_id: str) -> None:
    if wing_id != wing.record.wing_id:
        raise InvalidMessage("this connection is registered under another wing_id")
