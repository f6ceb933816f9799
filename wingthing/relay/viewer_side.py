"""What a browser may say to a node: protocol.md section 4.

What it says of itself is replaced by what the node knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wingthing.errors import InvalidMessage, NotFound, PeerError
from wingthing.relay import routes, tunnels
from wingthing.relay.access import role_at
from wingthing.relay.peers import Viewer
from wingthing.relay.router import Router
from wingthing.relay.wings import Wing
from wingthing.wire import codec
from wingthing.wire.messages import (
    MESSAGES,
    From,
    PtyAttach,
    PtyDetach,
    PtyResize,
    PtyStart,
    Route,
    TunnelReq,
)

NODE_FIELDS = frozenset(
    [
        "user_id",
        "email",
        "display_name",
        "org_role",
        "passkeys",
        "viewer_id",
        "sender_user_id",
        "sender_email",
        "sender_org_role",
        "sender_passkeys",
    ]
)
"""Fields of `pty.start`, `pty.attach` and `tunnel.req` that only a node may set."""

_SPELT = NODE_FIELDS.union(
    ["type"], PtyStart.__struct_fields__, PtyAttach.__struct_fields__, TunnelReq.__struct_fields__
)


def receive(router: Router, viewer: Viewer, message: bytes) -> None:
    """One message of a browser.

    Raises PeerError (to be answered with `error`) for what the browser may not say.
    """
    head = codec.read_head(message)
    terminal = viewer.controls.get(head.session_id or "")
    kind = MESSAGES.get(head.type)
    if kind is None or From.BROWSER not in kind.sender:
        raise InvalidMessage(f"unknown message type: {head.type[:64]}")
    if kind.route is Route.SESSION:
        if terminal is None:
            _not_controlled(router, viewer, head, message)
            return
        if head.type != "pty.input":
            _check_spelling(message)
        if head.type == "pty.resize":
            codec.read(message, PtyResize)
        if head.type == "pty.kill" and head.session_id in viewer.attaching:
            # It is bound already because nobody else was, but the wing has yet to let it in.
            routes.hold(terminal, viewer, message)
            return
        router.to_wing(terminal.wing, message, viewer)
    elif head.type == "pty.start":
        _start(router, viewer, message)
    elif head.type == "pty.attach":
        _attach(router, viewer, message)
    elif head.type == "pty.detach":
        router.detach(viewer, codec.read(message, PtyDetach).session_id)
    else:
        _request(router, viewer, message)


def pass_on(router: Router, viewer: Viewer, messages: Sequence[bytes], at: int) -> int:
    """Pass on the keystrokes that begin with message number `at`, for as long as they go to one terminal.

    Answers how many messages that were; 0 when the first is something else, or is not to be passed on as it
    is, and `receive` has to look.
    """
    session_id = _session_of_input(messages[at])
    terminal = viewer.controls.get(session_id or "")
    if terminal is None or terminal.wing.link is None:
        return 0
    end, count = at + 1, len(messages)
    while end < count and _session_of_input(messages[end]) == session_id:
        end += 1
    run = messages if end - at == count else messages[at:end]
    router.all_to_wing(terminal.wing, run, sum(map(len, run)), viewer)
    return end - at


def _session_of_input(message: bytes) -> str | None:
    """The session of a `pty.input`; None for everything else.

    The whole message is read, however long it is: what is no JSON must not reach a wing, which others use.
    """
    try:
        head = codec.read_head(message)
    except InvalidMessage:
        return None
    return head.session_id if head.type == "pty.input" else None


def _not_controlled(router: Router, viewer: Viewer, head: codec.Head, message: bytes) -> None:
    session_id = head.session_id
    if not session_id:
        raise InvalidMessage("invalid message: `session_id` is missing")
    attaching = viewer.attaching.get(session_id)
    if attaching is not None:
        _check_spelling(message)
        if head.type == "passkey.response":
            # The wing asks for it before it lets anybody in.
            router.to_wing(attaching.wing, message, viewer)
        else:
            routes.hold(attaching, viewer, message)
        return
    if session_id in viewer.watches:
        raise PeerError("a spectator can only watch")
    if session_id not in viewer.ended:
        raise NotFound("this session is not open on this connection: attach to it first")


def _start(router: Router, viewer: Viewer, message: bytes) -> None:
    start = codec.read(message, PtyStart)
    router.allowance.admit(viewer)
    wing = _meant(router, viewer, start.wing_id)
    if wing is None:
        raise NotFound("no wing connected")
    session_id = router.new_session_id()
    while session_id in wing.terminals or session_id in viewer.controls or session_id in viewer.watches:
        session_id = router.new_session_id()
    identity = viewer.identity
    routes.control(wing, session_id, viewer)
    wing.started(session_id, start.agent, start.cwd or "")
    _forward(
        router,
        viewer,
        wing,
        message,
        session_id=session_id,
        user_id=identity.user_id,
        email=identity.email,
        display_name=identity.display_name,
        org_role=role_at(router.roster, identity.user_id, wing.record),
        passkeys=list(identity.passkeys),
    )


def _attach(router: Router, viewer: Viewer, message: bytes) -> None:
    attach = codec.read(message, PtyAttach)
    router.allowance.admit(viewer)
    session_id = attach.session_id
    user_id = viewer.identity.user_id
    # The last two are an extension: a wing's list of who may come in names people by address, too.
    email, passkeys = viewer.identity.email, list(viewer.identity.passkeys)
    wing = _meant(router, viewer, attach.wing_id)
    if wing is None and not (attach.wing_id or viewer.wing_id):
        wing = router.wings.with_terminal(session_id, user_id)
    if wing is None:
        raise NotFound("wing not found")
    if attach.spectate:
        viewer_id = router.new_session_id()
        before = routes.watch(wing, session_id, viewer, viewer_id)
        if before is not None:
            router.spectator_left(wing, session_id, before)
        _forward(
            router,
            viewer,
            wing,
            message,
            user_id=user_id,
            viewer_id=viewer_id,
            email=email,
            passkeys=passkeys,
        )
        return
    routes.ask_for_control(wing, session_id, viewer)
    _forward(router, viewer, wing, message, user_id=user_id, email=email, passkeys=passkeys)


def _request(router: Router, viewer: Viewer, message: bytes) -> None:
    request = codec.read(message, TunnelReq)
    router.allowance.admit(viewer)
    wing = router.wings.find(request.wing_id, viewer.identity.user_id)
    if wing is None:
        raise NotFound("wing not found")
    tunnels.expect(wing, request.request_id, viewer)
    identity = viewer.identity
    _forward(
        router,
        viewer,
        wing,
        message,
        sender_user_id=identity.user_id,
        sender_email=identity.email,
        sender_org_role=role_at(router.roster, identity.user_id, wing.record),
        sender_passkeys=list(identity.passkeys),
    )


def _meant(router: Router, viewer: Viewer, named: str | None) -> Wing | None:
    """The wing of a message: the one it names, else the one of the address, else the only reachable one."""
    wing_id = named or viewer.wing_id
    if wing_id:
        return router.wings.find(wing_id, viewer.identity.user_id)
    return router.wings.only(viewer.identity.user_id)


def _forward(router: Router, viewer: Viewer, wing: Wing, message: bytes, **fields: Any) -> None:
    """Pass on a message with the node's fields in it, and the fields that the node does not know."""
    said = {name: value for name, value in codec.read_object(message).items() if _may_say(name)}
    router.to_wing(wing, codec.write(said | fields), viewer)


def _check_spelling(message: bytes) -> None:
    """Some JSON readers (Go's) ignore the case of names: for them the last of `session_id` and `Session_ID`
    wins, and the session that a message is let through for must be the one that it is about.

    Raises InvalidMessage. Keystrokes need no such look: they are under the session's own key.
    """
    for name in codec.read_object(message):
        if name not in _ROUTING and name.casefold() in _ROUTING:
            raise InvalidMessage(f"invalid message: `{name[:64]}` must be written in lower case")


_ROUTING = frozenset(["type", "session_id", "viewer_id"])


def _may_say(name: str) -> bool:
    # Some JSON readers (Go's) ignore the case of names: for them `User_ID` is `user_id`, and the last wins.
    return name not in NODE_FIELDS and (name in _SPELT or name.casefold() not in _SPELT)
