"""The users of this server."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable

import attrs

from wingthing.errors import InvalidMessage, NotFound, PeerError
from wingthing.store import notifications, orgs, plans, revocations, tokens
from wingthing.wire.email_address import normal
from wingthing.wire.gossip import RevokedKind
from wingthing.wire.limits import TOKEN_LIFETIME_SECONDS


@attrs.frozen
class User:
    """A row of `users`. Times are Unix seconds."""

    id: str
    display_name: str
    email: str
    provider: str
    avatar_url: str
    created_at: float
    removed_at: float | None


_COLUMNS = "id, display_name, email, provider, avatar_url, created_at, removed_at"


def find(cursor: sqlite3.Cursor, user_id: str) -> User | None:
    """The user of that id, removed or not."""
    row = cursor.execute(f"SELECT {_COLUMNS} FROM users WHERE id = ?", (user_id,)).fetchone()  # noqa: S608
    return User(*row) if row else None


def by_email(cursor: sqlite3.Cursor, email: str) -> User | None:
    """The user with that address, however its case and its domain are written."""
    try:
        address = normal(email)
    except InvalidMessage:
        return None
    row = cursor.execute(
        f"SELECT {_COLUMNS} FROM users WHERE email = ? AND removed_at IS NULL",  # noqa: S608
        (address,),
    ).fetchone()
    return User(*row) if row else None


def every(cursor: sqlite3.Cursor) -> list[User]:
    """All users that have not been removed, oldest first."""
    rows = cursor.execute(
        f"SELECT {_COLUMNS} FROM users WHERE removed_at IS NULL ORDER BY created_at, id"  # noqa: S608
    )
    return [User(*row) for row in rows.fetchall()]


def names(cursor: sqlite3.Cursor, user_ids: Iterable[str]) -> dict[str, str]:
    """How people call these users: display name or e-mail address. Who has neither is left out."""
    rows = cursor.execute(
        "SELECT id, coalesce(nullif(display_name, ''), email) AS name FROM users "
        "WHERE id IN (SELECT value FROM json_each(?)) AND name != ''",
        (json.dumps(list(user_ids)),),
    )
    return dict(rows.fetchall())


def add(
    cursor: sqlite3.Cursor, user_id: str, *, name: str, email: str = "", provider: str, now: float
) -> User:
    """Add a user. Raises PeerError when the id or the address is taken, by a removed user too, InvalidMessage
    when that is no address."""
    address = normal(email) if email.strip() else ""
    try:
        cursor.execute(
            "INSERT INTO users (id, display_name, email, provider, created_at) VALUES (?, ?, ?, ?, ?)",
            (user_id, name, address, provider, now),
        )
    except sqlite3.IntegrityError as why:
        taken = "email address" if "email" in str(why) else "id"
        same = find(cursor, user_id)
        if taken == "id" and same is not None and same.removed_at is not None:
            raise PeerError(
                "this id was a removed user's, and ids are not used again: choose another",
                status=409,
            ) from why
        raise PeerError(f"a user with this {taken} exists already", status=409) from why
    user = find(cursor, user_id)
    assert user is not None
    return user


def ensure(cursor: sqlite3.Cursor, user_id: str, *, name: str, provider: str, now: float) -> None:
    """Make sure that a user exists."""
    cursor.execute(
        "INSERT INTO users (id, display_name, provider, created_at) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (id) DO NOTHING",
        (user_id, name, provider, now),
    )


def rename(cursor: sqlite3.Cursor, user_id: str, name: str) -> None:
    """Change what a user is called. Raises NotFound when there is none of that id."""
    cursor.execute("UPDATE users SET display_name = ? WHERE id = ? AND removed_at IS NULL", (name, user_id))
    if cursor.rowcount == 0:
        raise NotFound("there is no user of this id")


def remove(cursor: sqlite3.Cursor, user_id: str, *, now: float) -> None:
    """Remove a user: all logins and tokens end, and what is stored about them goes. `deletion.delete` looks
    after their organisations first.

    The id stays taken, with nothing but the time beside it: no old token may find a new owner. The audit log
    stays too, until its entries are old. Raises NotFound when there is none of that id.
    """
    cursor.execute(
        "DELETE FROM org_invites WHERE email = (SELECT NULLIF(email, '') FROM users WHERE id = ?)", (user_id,)
    )
    cursor.execute(
        "UPDATE users SET removed_at = ?, email = '', display_name = '', avatar_url = '', provider = '' "
        "WHERE id = ? AND removed_at IS NULL",
        (now, user_id),
    )
    if cursor.rowcount == 0:
        raise NotFound("there is no user of this id")
    tokens.revoke_everything(cursor, user_id, now=now)
    revocations.note(cursor, RevokedKind.USER, user_id, at=now, until=now + TOKEN_LIFETIME_SECONDS)
    cursor.execute("DELETE FROM device_codes WHERE user_id = ?", (user_id,))
    cursor.execute("DELETE FROM labels WHERE user_id = ?", (user_id,))
    cursor.execute("DELETE FROM passkeys WHERE user_id = ?", (user_id,))
    orgs.forget_user(cursor, user_id)
    notifications.forget_user(cursor, user_id)
    cursor.execute("DELETE FROM sign_in_methods WHERE user_id = ?", (user_id,))
    cursor.execute("DELETE FROM mail_links WHERE user_id = ?", (user_id,))
    cursor.execute("DELETE FROM tokens WHERE user_id = ?", (user_id,))
    plans.forget(cursor, plans.Kind.USER, user_id)
    cursor.execute("DELETE FROM usage_days WHERE user_id = ?", (user_id,))
    cursor.execute("DELETE FROM usage_reports WHERE user_id = ?", (user_id,))
