"""What a node itself says, to wings and to browsers: protocol.md sections 3 and 4. See messages.py."""

from __future__ import annotations

from wingthing.wire.messages import Message


class Registered(Message, tag="registered", frozen=True):
    """The ack of `wing.register`. `wing_id` is the connection id; `relay_pub_key` base64 of SPKI DER."""

    wing_id: str
    relay_pub_key: str
    features: list[str] | None = None
    """Messages beyond the protocol that this node takes from a wing (an extension)."""


class PasskeyRegistered(Message, tag="passkey.registered", frozen=True):
    """A user of this wing has registered a passkey."""

    user_id: str
    email: str | None = None


class Error(Message, tag="error", frozen=True):
    """One sentence for the peer. The ids say what it was about, where that is known (an extension)."""

    message: str
    session_id: str | None = None
    request_id: str | None = None


class RelayRestart(Message, tag="relay.restart", frozen=True):
    """The node is shutting down: connect again."""


class BandwidthExceeded(Message, tag="bandwidth.exceeded", frozen=True):
    """The user's monthly traffic is used up: nothing is open any more. With one of the ids (extensions) it
    answers what the browser has asked for. `resets_at` (an extension) is when there is traffic again."""

    message: str
    session_id: str | None = None
    request_id: str | None = None
    resets_at: float | None = None


class BandwidthNotice(Message, tag="bandwidth.notice", frozen=True):
    """Most of the user's monthly traffic is used. An extension, sent only to browsers that name the feature
    `bandwidth.notice`."""

    message: str
    used_bytes: int
    cap_bytes: int
    resets_at: float


class PtyDetached(Message, tag="pty.detached", frozen=True):
    """To a browser: another one has become the session's controller. To a wing, with `viewer_id`: that
    spectator has left. An extension, sent only to peers that name the feature `pty.detached`."""

    session_id: str
    reason: str
    viewer_id: str | None = None


class WingOnline(Message, tag="wing.online", frozen=True):
    """A dashboard event: the wing has connected."""

    wing_id: str
    public_key: str
    locked: bool
    allowed_count: int
    user_id: str
    owner: str
    org_id: str
    """An extension: as in `/api/app/wings`."""


class WingConfigured(Message, tag="wing.config", frozen=True):
    """A dashboard event: the wing's lock has changed."""

    wing_id: str
    public_key: str
    locked: bool
    allowed_count: int
    user_id: str
    owner: str
    org_id: str


class WingOffline(Message, tag="wing.offline", frozen=True):
    """To a dashboard with `wing_id`; to a browser whose session's wing is gone."""

    wing_id: str | None = None


class AttentionEvent(Message, tag="session.attention", frozen=True):
    """A dashboard event: a terminal asks for its user."""

    wing_id: str
    session_id: str


class OrgChanged(Message, tag="org.changed", frozen=True):
    """A dashboard event: the organisations of the user are not what they were."""
