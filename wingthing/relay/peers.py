"""The two kinds of peer as the relay sees them, and the small interface that a socket offers it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, Protocol

import attrs

from wingthing.wire.gossip import Revoked, RevokedKind

if TYPE_CHECKING:
    from wingthing.relay.routes import Terminal
    from wingthing.relay.wings import Wing

FEATURE_DETACHED: Final = "pty.detached"
"""A peer that names this feature (a wing in `wing.register`, a browser in the query) understands the
message of that name. Others never get it: what is in the field sees the protocol and nothing more."""

FEATURE_NOTICE: Final = "bandwidth.notice"
"""A browser that names this feature is told when most of its user's monthly traffic is used."""

FEATURE_ERROR: Final = "error"
"""A node that names this feature in `registered` passes a wing's `error` on to the browser it is about."""


NEVER: Final = sys.maxsize
"""More bytes than any connection is sent."""


class Peer(Protocol):
    """One open WebSocket. None of the methods waits or raises."""

    @property
    def full(self) -> bool:
        """Whether more waits for this peer than its outbox may hold."""

    @property
    def waiting(self) -> int:
        """Bytes that wait for this peer to read."""

    def send(self, message: bytes) -> None:
        """Queue one text message."""

    def send_all(self, messages: Sequence[bytes], size: int) -> None:
        """Queue text messages of `size` bytes in all."""

    def close(self, code: int, reason: str) -> None:
        """Close after what is queued. `code` is a CloseCode, `reason` a short sentence."""

    def pause_reading(self) -> None:
        """Stop taking bytes from the peer until `resume_reading`."""

    def resume_reading(self) -> None:
        """Take bytes again."""


@attrs.frozen
class Identity:
    """Who is behind a socket or a request, as the node has established it. Never the peer's own word."""

    user_id: str
    display_name: str = ""
    email: str = ""
    provider: str = ""
    avatar_url: str = ""
    login: str = ""
    """The login session, as the hash of its cookie; empty behind a token."""

    token: str = ""
    """The `jti` of the token; empty behind a cookie, and of a token without one."""

    token_issued_at: int | None = None
    """When the token was issued, Unix seconds; None behind a cookie."""

    passkeys: tuple[str, ...] = ()
    """Base64 of the raw P-256 public keys that the user has registered."""

    def stands_on(self, event: Revoked) -> bool:
        """Whether this identity does not count any more because of `event`."""
        if not event.subject:
            return False
        match event.kind:
            case RevokedKind.USER:
                return event.subject == self.user_id
            case RevokedKind.LOGIN:
                return event.subject == self.login
            case RevokedKind.TOKEN:
                return event.subject == self.token
            case RevokedKind.TOKENS:
                issued = self.token_issued_at
                return event.subject == self.user_id and issued is not None and issued <= event.at

    @property
    def name(self) -> str:
        """How a person calls this user."""
        return self.display_name or self.email or self.user_id


@attrs.define(eq=False)
class WingLink:
    """One connection of a wing, from its upgrade to its end."""

    identity: Identity
    peer: Peer
    token_pub: str = ""
    """`pub` of the token: wins over `public_key` of the registration."""

    token_wing: str = ""
    """`wing` of the token: the only machine id that this connection may register."""

    connection_id: str = ""
    wing: Wing | None = None
    """Set by the registration."""

    features: frozenset[str] = frozenset()
    messages_sent: int = 0
    bytes_sent: int = 0

    def deliver(self, message: bytes) -> None:
        """Queue one message of a browser and count it."""
        self.messages_sent += 1
        self.bytes_sent += len(message)
        self.peer.send(message)

    def deliver_all(self, messages: Sequence[bytes], size: int) -> None:
        """Queue messages of `size` bytes in all and count them."""
        self.messages_sent += len(messages)
        self.bytes_sent += size
        self.peer.send_all(messages, size)


@attrs.define(eq=False)
class Viewer:
    """One connection of a browser on `/ws/pty` or `/ws/relay`."""

    identity: Identity
    peer: Peer
    wing_id: str = ""
    """From the query: the wing that is meant when a message names none."""

    features: frozenset[str] = frozenset()
    controls: dict[str, Terminal] = attrs.field(factory=dict)
    """session_id -> the terminals that this connection may type into."""

    watches: dict[str, tuple[Terminal, str]] = attrs.field(factory=dict)
    """session_id -> the terminal that this connection sees, and its viewer_id there."""

    attaching: dict[str, Terminal] = attrs.field(factory=dict)
    """session_id -> the terminals that this connection has asked to control, without an answer yet."""

    pending: dict[str, Wing] = attrs.field(factory=dict)
    """request_id -> the wing that owes an answer; oldest first."""

    held_by: set[Wing] = attrs.field(factory=set)
    """The wings whose full outbox keeps this connection from being read."""

    ended: dict[str, None] = attrs.field(factory=dict)
    """Sessions that ended or left this connection: keystrokes on their way are no fault. Oldest first."""

    messages_sent: int = 0
    bytes_sent: int = 0
    alarm_at: int = NEVER
    """When `bytes_sent` has come to this, `alarm` is called, once for each message or run of messages, until
    it is set anew."""

    alarm: Callable[[Viewer], None] = attrs.field(default=lambda viewer: None, repr=False)

    def bound_to(self, session_id: str) -> Terminal | None:
        """The terminal of that id which this connection controls, watches or has asked for."""
        watched = self.watches.get(session_id)
        return (
            self.controls.get(session_id)
            or self.attaching.get(session_id)
            or (watched[0] if watched is not None else None)
        )

    def wings(self) -> set[Wing]:
        """The wings on which this connection has something open."""
        watched = (terminal for terminal, _viewer_id in self.watches.values())
        terminals = (*self.controls.values(), *self.attaching.values(), *watched)
        return {*(terminal.wing for terminal in terminals), *self.pending.values()}

    def sessions_on(self, wing: Wing) -> list[tuple[str, str | None]]:
        """The terminals of a wing that this connection has open, each with its viewer_id where it only
        watches."""
        bound = {**self.attaching, **self.controls}
        typed = [(session_id, None) for session_id, terminal in bound.items() if terminal.wing is wing]
        watched = [
            (session_id, viewer_id)
            for session_id, (terminal, viewer_id) in self.watches.items()
            if terminal.wing is wing and session_id not in bound
        ]
        return [*typed, *watched]

    def concerns(self, wing_id: str) -> bool:
        """Whether this connection was opened for a wing, or has something open there."""
        return self.wing_id == wing_id or any(wing.record.wing_id == wing_id for wing in self.wings())

    def deliver(self, message: bytes) -> None:
        """Queue one message and count it as this user's traffic."""
        self.messages_sent += 1
        self.bytes_sent += len(message)
        if self.bytes_sent >= self.alarm_at:
            self.alarm(self)
        self.peer.send(message)

    def deliver_all(self, messages: Sequence[bytes], size: int) -> None:
        """Queue messages of `size` bytes in all and count them."""
        self.messages_sent += len(messages)
        self.bytes_sent += size
        if self.bytes_sent >= self.alarm_at:
            self.alarm(self)
        self.peer.send_all(messages, size)


def parse_features(value: str | None) -> frozenset[str]:
    """The features in a query parameter, separated by commas."""
    return frozenset(part for part in (value or "").split(",") if part)
