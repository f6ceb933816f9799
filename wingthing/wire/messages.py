"""Every message type of the protocol, one frozen type each, and the table of who sends what.

        wing                         node                          browser
         |  wing.register  ------->   |                              |
         |  <-------  registered      |                              |
         |                            |   <-------  pty.start        |
         |  <-------  pty.start       |   (gives session_id, identity)
         |  pty.started  --------------------------------------->    |
         |  <---------------------------------------  pty.input      |
         |  pty.output  ---------------------------------------->    |   and each spectator
         |  <---------------------------------------  tunnel.req     |   (gives sender_*)
         |  tunnel.res, tunnel.stream  ------------------------->    |
         |  pty.exited  ---------------------------------------->    |   ends the route

Types and fields are those of protocol.md sections 3 and 4, field for field. A peer ignores fields that it
does not know, so every type here takes unknown fields in silence; optional ones have a default and are
left out when they hold it. Binary values (`data`, `payload`, keys) are base64 text as on the wire.
"""

from __future__ import annotations

import enum
from typing import Annotated, Final

import msgspec
from msgspec import UNSET, UnsetType

from wingthing.wire.limits import MAX_COLS, MAX_ID_CHARS, MAX_ROWS

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_ID_CHARS)]
WING_ID_PATTERN: Final = r"^[0-9a-fA-F]{20,32}\Z"
WingId = Annotated[str, msgspec.Meta(pattern=WING_ID_PATTERN)]
Cols = Annotated[int, msgspec.Meta(ge=1, le=MAX_COLS)]
Rows = Annotated[int, msgspec.Meta(ge=1, le=MAX_ROWS)]


class Route(enum.Enum):
    """How a node finds the peer that gets a message."""

    NODE = "for the node itself"
    SESSION = "by session_id"
    REQUEST = "by request_id"


class From(enum.Flag):
    """Who may send a message."""

    WING = enum.auto()
    BROWSER = enum.auto()
    NODE = enum.auto()


class MessageType(msgspec.Struct, frozen=True):
    """A row of the table: who sends it, how a node routes it, and whether the bytes pass unchanged."""

    sender: From
    route: Route
    verbatim: bool = False
    controller_only: bool = False


MESSAGES: Final[dict[str, MessageType]] = {
    # wing -> node
    "wing.register": MessageType(From.WING, Route.NODE),
    "wing.heartbeat": MessageType(From.WING, Route.NODE),
    "wing.config": MessageType(From.WING | From.NODE, Route.NODE),
    "session.attention": MessageType(From.WING | From.NODE, Route.NODE),
    # wing -> browser
    "pty.started": MessageType(From.WING, Route.SESSION, verbatim=True),
    "pty.output": MessageType(From.WING, Route.SESSION, verbatim=True),
    "pty.exited": MessageType(From.WING, Route.SESSION, verbatim=True),
    "pty.preview": MessageType(From.WING, Route.SESSION, verbatim=True),
    "pty.browser_open": MessageType(From.WING, Route.SESSION, verbatim=True),
    "pty.migrated": MessageType(From.WING, Route.SESSION, verbatim=True),
    "pty.fallback": MessageType(From.WING, Route.SESSION, verbatim=True),
    "passkey.challenge": MessageType(From.WING, Route.SESSION, verbatim=True),
    "tunnel.res": MessageType(From.WING, Route.REQUEST, verbatim=True),
    "tunnel.stream": MessageType(From.WING, Route.REQUEST, verbatim=True),
    # browser -> node -> wing
    "pty.start": MessageType(From.BROWSER, Route.NODE),
    "pty.attach": MessageType(From.BROWSER, Route.NODE),
    "pty.detach": MessageType(From.BROWSER, Route.NODE),
    "tunnel.req": MessageType(From.BROWSER, Route.NODE),
    "pty.input": MessageType(From.BROWSER, Route.SESSION, verbatim=True, controller_only=True),
    "pty.resize": MessageType(From.BROWSER, Route.SESSION, verbatim=True, controller_only=True),
    "pty.kill": MessageType(From.BROWSER, Route.SESSION, verbatim=True, controller_only=True),
    "pty.attention_ack": MessageType(From.BROWSER, Route.SESSION, verbatim=True, controller_only=True),
    "pty.migrate": MessageType(From.BROWSER, Route.SESSION, verbatim=True, controller_only=True),
    "passkey.response": MessageType(From.BROWSER, Route.SESSION, verbatim=True, controller_only=True),
    # node -> wing
    "registered": MessageType(From.NODE, Route.NODE),
    "passkey.registered": MessageType(From.NODE, Route.NODE),
    # node -> browser
    "wing.online": MessageType(From.NODE, Route.NODE),
    "wing.offline": MessageType(From.NODE, Route.NODE),
    "org.changed": MessageType(From.NODE, Route.NODE),
    "bandwidth.exceeded": MessageType(From.NODE, Route.NODE),
    "bandwidth.notice": MessageType(From.NODE, Route.NODE),
    "pty.detached": MessageType(From.NODE, Route.SESSION),
    # node -> anyone; from a wing (an extension) to the browser that it names by session or request
    "error": MessageType(From.NODE | From.WING, Route.NODE),
    "relay.restart": MessageType(From.NODE, Route.NODE),
}


class Message(msgspec.Struct, tag_field="type", frozen=True, kw_only=True, omit_defaults=True):
    """The root of all messages; `type` is the class's tag."""


# -- wing -> node ----------------------------------------------------------------------------------------


class WingRegister(Message, tag="wing.register", frozen=True, omit_defaults=False):
    """The first message of a wing. A node keeps `wing_id`, `public_key`, the org and the lock."""

    wing_id: WingId
    hostname: str | UnsetType | None = UNSET
    platform: str | UnsetType | None = UNSET
    version: str | UnsetType | None = UNSET
    agents: list[str] | None = None
    skills: list[str] | None = None
    labels: list[str] | None = None
    identities: list[str] | None = None
    projects: list[object] | UnsetType | None = UNSET
    org_slug: str | UnsetType | None = UNSET
    root_dir: str | UnsetType | None = UNSET
    public_key: str | UnsetType | None = UNSET
    locked: bool | None = False
    allowed_count: int | UnsetType | None = UNSET
    features: list[str] | UnsetType | None = UNSET
    """Messages beyond the protocol that this wing understands (an extension)."""


class WingConfig(Message, tag="wing.config", frozen=True):
    """A wing's lock has changed."""

    wing_id: WingId
    locked: bool
    allowed_count: int | None = 0


class WingHeartbeat(Message, tag="wing.heartbeat", frozen=True):
    """Every 30 s."""

    wing_id: WingId


class SessionAttention(Message, tag="session.attention", frozen=True):
    """A terminal asks for its user. The same nonce is the same episode."""

    session_id: Id
    agent: str | None = None
    cwd: str | None = None
    nonce: str | None = None


# -- wing -> browser ---------------------------------------------------------------------------------------


class PtyStarted(Message, tag="pty.started", frozen=True):
    """A terminal runs (answer to `pty.start`), or a replay follows (answer to `pty.attach`)."""

    session_id: Id
    agent: str
    public_key: str
    cwd: str | None = None
    auth_token: str | None = None
    viewer_id: str | None = None
    sealed_token: str | None = None
    """In place of `auth_token` for who sends one (an extension): encrypted, domain `wt-passkey`."""


class PtyOutput(Message, tag="pty.output", frozen=True):
    """Encrypted output; with `compressed` the plaintext is one complete gzip stream."""

    session_id: Id
    data: str
    compressed: bool = False
    viewer_id: str | None = None


class PtyExited(Message, tag="pty.exited", frozen=True):
    """The terminal is over, or could not be started (`error` says why)."""

    session_id: Id
    exit_code: int
    error: str | None = None
    viewer_id: str | None = None


class PtyPreview(Message, tag="pty.preview", frozen=True):
    """Encrypted JSON that describes something to show beside the terminal."""

    session_id: Id
    data: str
    viewer_id: str | None = None


class PtyBrowserOpen(Message, tag="pty.browser_open", frozen=True):
    """A program in the terminal asks to open a link."""

    session_id: Id
    url: str


class PasskeyChallenge(Message, tag="passkey.challenge", frozen=True):
    """Show a passkey before this terminal opens. `challenge` and `nonce` are base64url; `keys` are the public
    keys that count. `nonce` (an extension, with `sealed_token`) tells a browser whom the question is for."""

    session_id: Id
    challenge: str
    keys: list[str] | None = None
    nonce: str | None = None


class TunnelRes(Message, tag="tunnel.res", frozen=True):
    """The encrypted answer to a `tunnel.req`; ends the request."""

    request_id: Id
    payload: str


class TunnelStream(Message, tag="tunnel.stream", frozen=True):
    """One encrypted part of a long answer; `done` ends the request."""

    request_id: Id
    payload: str
    done: bool = False


# -- browser -> node -> wing -----------------------------------------------------------------------------


class PtyStart(Message, tag="pty.start", frozen=True):
    """Open a terminal. The node sets `session_id` and the identity fields, whatever the browser said."""

    agent: Annotated[str, msgspec.Meta(max_length=256)]
    cols: Cols
    rows: Rows
    public_key: str
    cwd: str | None = None
    wing_id: str | None = None
    auth_token: str | None = None
    sealed_token: str | None = None
    """In place of `auth_token` (an extension): encrypted, domain `wt-passkey`; empty without one."""

    passkey_credential_id: str | None = None
    session_id: str | None = None
    user_id: str | None = None
    email: str | None = None
    display_name: str | None = None
    org_role: str | None = None
    passkeys: list[str] | None = None


class PtyAttach(Message, tag="pty.attach", frozen=True):
    """Come back to a terminal, or watch it (`spectate`; the node then sets `viewer_id` and `email`)."""

    session_id: Id
    public_key: str
    wing_id: str | None = None
    auth_token: str | None = None
    sealed_token: str | None = None
    cols: Cols | None = None
    rows: Rows | None = None
    spectate: bool | None = False
    user_id: str | None = None
    email: str | None = None
    viewer_id: str | None = None
    org_role: str | None = None
    passkeys: list[str] | None = None


class PtyInput(Message, tag="pty.input", frozen=True):
    """Encrypted keystrokes."""

    session_id: Id
    data: str


class PtyResize(Message, tag="pty.resize", frozen=True):
    """The controller's window has a new size in cells."""

    session_id: Id
    cols: Cols
    rows: Rows


class PtyKill(Message, tag="pty.kill", frozen=True):
    """End the terminal."""

    session_id: Id


class PtyDetach(Message, tag="pty.detach", frozen=True):
    """The node forgets the binding; the terminal lives on."""

    session_id: Id


class PtyAttentionAck(Message, tag="pty.attention_ack", frozen=True):
    """The user has seen that the terminal asked for attention."""

    session_id: Id


class PasskeyResponse(Message, tag="passkey.response", frozen=True):
    """The answer to `passkey.challenge`: what an authenticator has made, in base64 or base64url. An empty
    signature says that there will be none (an extension)."""

    session_id: Id
    authenticator_data: str
    client_data_json: str
    signature: str
    credential_id: str | None = None


class TunnelReq(Message, tag="tunnel.req", frozen=True):
    """An encrypted request to the wing. The node sets the `sender_*` fields, whatever the browser said."""

    wing_id: Id
    request_id: Id
    sender_pub: str
    payload: str
    sender_user_id: str | None = None
    sender_email: str | None = None
    sender_org_role: str | None = None
    sender_passkeys: list[str] | None = None
