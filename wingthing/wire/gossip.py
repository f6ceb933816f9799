"""What nodes of a fleet tell each other: rounds, their answers, and the events in them. JSON, like all else.

        login                                              edge
          |  Round: what is new since the edge's last ack    |
          |  ------------- POST /internal/gossip -------->   |   applies it
          |  <-----------------  Answer  -----------------   |   its own news since login's last ack
          |  applies it                                      |

Events of a node are numbered from 1 since its start (its *boot*). Who is new, has restarted, or is too far
behind gets a snapshot in place of events. A snapshot comes in parts, one with each round, so that none takes
long to send or to take; it is the state at one moment, and the events since then follow it.

Times are Unix seconds of the node that says them; nothing compares two nodes' clocks: `now` beside them turns
them into ages.
"""

from __future__ import annotations

import enum

import msgspec

from wingthing.wire.records import OrgRecord, WingRecord

# Not tracked by the garbage collector (`gc=False`): a node has a hundred thousand of them, none of which can
# be part of a cycle, and each full collection would walk through all, for a quarter of a second.


class WingUp(msgspec.Struct, tag_field="event", tag="up", frozen=True, kw_only=True, gc=False):
    """A wing is connected to `machine`; said again when its record has changed.

    `version` counts the places of this wing: the node that takes its registration gives it one more than the
    highest that it knows, so that of two connections the newer can be told without a common clock.
    """

    record: WingRecord
    machine: str
    version: int
    since: float


class WingDown(msgspec.Struct, tag_field="event", tag="down", frozen=True, kw_only=True, gc=False):
    """That connection of a wing has ended. It names the connection: a newer one is not meant."""

    wing_id: str
    connection_id: str


class Attention(
    msgspec.Struct,
    tag_field="event",
    tag="attention",
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    gc=False,
):
    """A terminal on a wing at `machine` asks for its user, or has ended (`kind`).

    An edge tells login all that is known, for notifications. Login tells edges that it asks, and no more.
    """

    wing_id: str
    session_id: str
    machine: str
    kind: str = "attention"
    agent: str = ""
    cwd: str = ""
    """The folder's name, and not its path."""

    nonce: str = ""
    controller: str = ""
    """The user who has it open."""


class RevokedKind(enum.StrEnum):
    """What has been revoked."""

    TOKEN = "token"  # noqa: S105 - a kind
    """One wing token; the subject is its `jti`."""

    TOKENS = "tokens"
    """All of a user's tokens that were issued until then; the subject is the user id."""

    LOGIN = "login"
    """One login session; the subject is the hash of its cookie."""

    USER = "user"
    """A user has been removed; the subject is the user id."""


class Revoked(msgspec.Struct, tag_field="event", tag="revoked", frozen=True, kw_only=True, gc=False):
    """Something does not count any more from `at` on. Nobody needs to remember it after `until`."""

    kind: RevokedKind
    subject: str
    at: float
    until: float


class PasskeysChanged(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A user has other passkeys than before: these, as base64 of raw public keys."""

    user_id: str
    keys: list[str]
    email: str = ""
    registered: bool = False
    """Whether there is a new one among them."""


class OrgChanged(msgspec.Struct, tag_field="event", tag="org", frozen=True, kw_only=True):
    """The organisations of these users are not what they were: those who were in `org_id`, or are now."""

    user_ids: list[str]
    org_id: str = ""
    """Empty from a login that does not say: it has to be asked."""

    org: OrgRecord | None = None
    """The organisation as it is now; None for one that is not there any more."""

    passkeys: PasskeysChanged | None = None
    """When it is there, this is about passkeys and not about organisations. A kind of its own would be more
    than a node of an older release can read; it takes this for a reason to have the user's pages ask anew."""


FleetEvent = WingUp | WingDown | Attention | Revoked | OrgChanged


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """All that login knows, or the part of it with that number. Not `whole` while login has not heard of
    every edge since its own start: what is missing in it may still be true."""

    wings: list[WingUp]
    revoked: list[Revoked]
    """All of it comes with the first part."""

    whole: bool
    part: int = 0
    last: bool = True


class Taking(msgspec.Struct, frozen=True, kw_only=True):
    """How far a node has come with a snapshot: it has taken that many parts, and not all, of the one of
    `boot` at `seq`."""

    boot: str
    seq: int
    parts: int
    whole: bool = True


class Round(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Login -> edge. `events` are those up to `seq`; a snapshot is the state at `seq`.

    `edge_boot`, `edge_seq` and `usage_seq` acknowledge what login has taken of the edge (written down, for
    the usage); `taking` asks for the next part of the edge's snapshot.
    """

    machine: str
    boot: str
    seq: int
    events: list[FleetEvent]
    snapshot: Snapshot | None = None
    edge_boot: str = ""
    edge_seq: int = 0
    usage_seq: int = 0
    taking: Taking | None = None


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Edge -> login. `login_boot`, `login_seq` and `whole` say what the edge has of login, `taking` how far
    it has come with what it does not have yet. `seq` is for `events` or `snapshot` what it is in a round.

    `usage` has, of the users whose traffic has grown since the acknowledged report, the bytes sent to their
    browsers since the edge's start: totals, so that a report that is lost or comes twice does no harm.
    """

    machine: str
    region: str
    boot: str
    now: float
    login_boot: str
    login_seq: int
    whole: bool
    seq: int
    events: list[FleetEvent]
    snapshot: list[WingUp] | None = None
    """All connections of the edge, or the part of them with the number `part`."""

    part: int = 0
    last: bool = True
    more: bool = False
    """Whether there are more events, or parts, than these."""

    taking: Taking | None = None
    usage: list[tuple[str, int]] = []
    usage_seq: int = 0
    browsers: int = 0
    sessions: int = 0
    version: str = ""
    uptime: float = 0.0
    """Seconds since the edge's start."""
