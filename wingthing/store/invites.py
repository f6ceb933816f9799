"""Invites into organisations: a link for one address, kept as its hash, that counts once and for a week."""

from __future__ import annotations

import base64
import sqlite3
from collections.abc import Callable
from typing import Final

import attrs

from wingthing.crypto.digests import digest
from wingthing.errors import Forbidden, InvalidMessage, NotFound, PeerError
from wingthing.store import orgs
from wingthing.wire import email_address
from wingthing.wire.limits import INVITE_KEEP_SECONDS, INVITE_SECONDS, MAX_ORG_MEMBERS

TOKEN_BYTES = 32
ID_BYTES = 8
MAX_TOKEN_CHARS = 100
"""A longer one is none of ours."""

WAITING: Final = ""
ACCEPTED: Final = "accepted"
WITHDRAWN: Final = "withdrawn"
EXPIRED: Final = "expired"
"""How it stands with an invite."""


@attrs.frozen
class Created:
    """A new invite. The token is nowhere else."""

    id: str
    email: str
    token: str


@attrs.frozen
class Waiting:
    """An invite that has not been accepted, for those who may see it."""

    id: str
    email: str
    role: str
    created_at: float
    expires_at: float
    invited_by: str


@attrs.frozen
class Invite:
    """An invite, for who has its token. `state` is one of the four above. `inviter` is a name of their own
    choice; `inviter_email` is not, and empty where they have none."""

    id: str
    org_id: str
    org_name: str
    email: str
    role: str
    inviter: str
    inviter_email: str
    state: str


def create(
    cursor: sqlite3.Cursor,
    org_id: str,
    actor: str,
    email: str,
    role: str,
    *,
    now: float,
    randomness: Callable[[int], bytes],
) -> Created:
    """Invite an address. One that was invited before and has not answered gets a new link; the old one ends.

    Raises InvalidMessage for an address that is none, Forbidden for a role above the actor's, PeerError (409)
    for who is a member already, or when the organisation is full.
    """
    orgs.check_role(role)
    own = orgs.must_be(cursor, org_id, actor, orgs.ADMIN, "invite people")
    if orgs.RANK[role] > orgs.RANK[own]:
        raise Forbidden("only an owner makes somebody an owner")
    address = email_address.normal(email)
    cursor.execute("DELETE FROM org_invites WHERE expires_at < ?", (now - INVITE_KEEP_SECONDS,))
    if _is_members(cursor, org_id, address):
        raise PeerError(f"{address} is a member already", status=409)
    waiting = cursor.execute(
        "SELECT count(*) FROM org_invites WHERE org_id = ? AND ended = '' AND expires_at > ? AND email <> ?",
        (org_id, now, address),
    ).fetchone()[0]
    if orgs.count(cursor, org_id) + waiting >= MAX_ORG_MEMBERS:
        raise PeerError(
            "this organisation has as many members and invites as it may have: withdraw some invites first",
            status=409,
        )
    cursor.execute(
        "UPDATE org_invites SET ended = 'withdrawn' WHERE org_id = ? AND email = ? AND ended = ''",
        (org_id, address),
    )
    token = base64.urlsafe_b64encode(randomness(TOKEN_BYTES)).decode().rstrip("=")
    made = Created(randomness(ID_BYTES).hex(), address, token)
    cursor.execute(
        "INSERT INTO org_invites (id, token_hash, org_id, email, role, invited_by, created_at, expires_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (made.id, digest(token), org_id, address, role, actor, now, now + INVITE_SECONDS),
    )
    return made


def waiting(cursor: sqlite3.Cursor, org_id: str, actor: str, *, now: float) -> list[Waiting]:
    """The invites that can still be accepted, the newest first."""
    orgs.must_be(cursor, org_id, actor, orgs.ADMIN, "see invites")
    rows = cursor.execute(
        "SELECT org_invites.id, org_invites.email, role, org_invites.created_at, expires_at, "
        "COALESCE(NULLIF(display_name, ''), NULLIF(users.email, ''), invited_by) "
        "FROM org_invites JOIN users ON users.id = invited_by "
        "WHERE org_id = ? AND ended = '' AND expires_at > ? "
        "ORDER BY org_invites.created_at DESC, org_invites.id",
        (org_id, now),
    )
    return [Waiting(*row) for row in rows.fetchall()]


def withdraw(cursor: sqlite3.Cursor, org_id: str, actor: str, token_or_id: str) -> str:
    """End an invite, named by its token or its id; the address that it was for.

    Raises NotFound when there is none that waits, Forbidden for one to a role above the actor's.
    """
    own = orgs.must_be(cursor, org_id, actor, orgs.ADMIN, "withdraw invites")
    row = cursor.execute(
        "SELECT id, email, role FROM org_invites WHERE org_id = ? AND ended = '' "
        "AND (id = ? OR token_hash = ?)",
        (org_id, token_or_id, digest(token_or_id)),
    ).fetchone()
    if row is None:
        raise NotFound("there is no such invite")
    if orgs.RANK[row[2]] > orgs.RANK[own]:
        raise Forbidden("only an owner withdraws the invite of an owner")
    cursor.execute("UPDATE org_invites SET ended = 'withdrawn' WHERE id = ?", (row[0],))
    email: str = row[1]
    return email


def find(cursor: sqlite3.Cursor, token: str, *, now: float) -> Invite | None:
    """The invite of a token; None when there is none. Looked for by the token's hash: how long that takes
    says nothing of any token."""
    if len(token) > MAX_TOKEN_CHARS:
        return None
    row = cursor.execute(
        "SELECT org_invites.id, org_id, name, org_invites.email, role, "
        "COALESCE(NULLIF(display_name, ''), NULLIF(users.email, ''), invited_by), users.email, "
        "CASE WHEN ended = '' AND expires_at <= ? THEN 'expired' ELSE ended END "
        "FROM org_invites JOIN orgs ON orgs.id = org_id JOIN users ON users.id = invited_by "
        "WHERE token_hash = ?",
        (now, digest(token)),
    ).fetchone()
    return Invite(*row) if row else None


def accept(cursor: sqlite3.Cursor, token: str, user_id: str, *, now: float) -> Invite:
    """A user accepts. Who is a member already stays what they are; the invite is spent all the same.

    Raises NotFound for a token that is none, PeerError (410) for one that counts no more, Forbidden for a
    user whose address it was not sent to.
    """
    invite = find(cursor, token, now=now)
    if invite is None:
        raise NotFound("there is no such invite")
    if not is_for(cursor, invite, user_id):
        raise Forbidden("this invite is for another address")
    if invite.state != WAITING:
        raise PeerError("this invite counts no more", status=410)
    cursor.execute("UPDATE org_invites SET ended = 'accepted' WHERE id = ?", (invite.id,))
    if not orgs.is_member(cursor, invite.org_id, user_id):
        orgs.add_member(cursor, invite.org_id, user_id, invite.role, now=now)
    return invite


def is_for(cursor: sqlite3.Cursor, invite: Invite, user_id: str) -> bool:
    """Whether a user's own address is the one that was invited."""
    row = cursor.execute("SELECT email FROM users WHERE id = ? AND removed_at IS NULL", (user_id,)).fetchone()
    try:
        return row is not None and email_address.normal(row[0]) == invite.email
    except InvalidMessage:
        return False


def _is_members(cursor: sqlite3.Cursor, org_id: str, address: str) -> bool:
    rows = cursor.execute(
        "SELECT email FROM users JOIN org_members ON user_id = users.id WHERE org_id = ? AND email <> ''",
        (org_id,),
    )
    return any(_same(row[0], address) for row in rows.fetchall())


def _same(email: str, address: str) -> bool:
    try:
        return email_address.normal(email) == address
    except InvalidMessage:
        return False
