"""The users of this server."""

from __future__ import annotations

import sqlite3

import attrs

from wingthing.errors import NotFound, PeerError
from wingthing.store import revocations, tokens
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
    """The user with that address."""
    row = cursor.execute(
        f"SELECT {_COLUMNS} FROM users WHERE email = ? AND removed_at IS NULL",  # noqa: S608
        (email.strip().lower(),),
    ).fetchone()
    return User(*row) if row and email.strip() else None


def every(cursor: sqlite3.Cursor) -> list[User]:
    """All users that have not been removed, oldest first."""
    rows = cursor.execute(
        f"SELECT {_COLUMNS} FROM users WHERE removed_at IS NULL ORDER BY created_at, id"  # noqa: S608
    )
    return [User(*row) for row in rows.fetchall()]


def add(
    cursor: sqlite3.Cursor, user_id: str, *, name: str, email: str = "", provider: str, now: float
) -> User:
    """Add a user. Raises PeerError when the id or the address is taken, by a removed user too."""
    try:
        cursor.execute(
            "INSERT INTO users (id, display_name, email, provider, created_at) VALUES (?, ?, ?, ?, ?)",
            (user_id, name, email.strip().lower(), provider, now),
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


def remove(cursor: sqlite3.Cursor, user_id: str, *, now: float) -> None:
    """Remove a user: all logins and tokens end. The id stays taken: no old token may find a new owner.

    Raises NotFound when there is none of that id.
    """
    cursor.execute(
        "UPDATE users SET removed_at = ?, email = '' WHERE id = ? AND removed_at IS NULL", (now, user_id)
    )
    if cursor.rowcount == 0:
        raise NotFound("there is no user of this id")
    tokens.revoke_everything(cursor, user_id, now=now)
    revocations.note(cursor, RevokedKind.USER, user_id, at=now, until=now + TOKEN_LIFETIME_SECONDS)
    cursor.execute("DELETE FROM device_codes WHERE user_id = ?", (user_id,))
    cursor.execute("DELETE FROM labels WHERE user_id = ?", (user_id,))
