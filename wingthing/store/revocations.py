"""What does not count any more, in the order in which it was revoked: for sockets that are open, and for
nodes that have no database."""

from __future__ import annotations

import sqlite3

from wingthing.wire.gossip import Revoked, RevokedKind


def note(cursor: sqlite3.Cursor, kind: RevokedKind, subject: str, *, at: float, until: float) -> None:
    """Add one; those that nobody needs to remember any more are cleared away."""
    cursor.execute("DELETE FROM revocations WHERE until < ?", (at,))
    cursor.execute(
        "INSERT INTO revocations (kind, subject, at, until) VALUES (?, ?, ?, ?)",
        (str(kind), subject, at, until),
    )


def latest(cursor: sqlite3.Cursor) -> int:
    """The number of the last one; 0 before the first."""
    row = cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = 'revocations'").fetchone()
    return row[0] if row else 0


def since(cursor: sqlite3.Cursor, number: int, *, now: float) -> tuple[int, list[Revoked]]:
    """The number of the last one, and those after `number` that still matter, the oldest first."""
    rows = cursor.execute(
        "SELECT kind, subject, at, until FROM revocations WHERE id > ? AND until >= ? ORDER BY id",
        (number, now),
    ).fetchall()
    return latest(cursor), [
        Revoked(kind=RevokedKind(kind), subject=subject, at=at, until=until)
        for kind, subject, at, until in rows
    ]


def token_revoked(cursor: sqlite3.Cursor, jti: str) -> bool:
    """Whether this one token was revoked, as long as that has to be remembered."""
    row = cursor.execute(
        "SELECT 1 FROM revocations WHERE kind = ? AND subject = ? AND subject <> ''",
        (str(RevokedKind.TOKEN), jti),
    ).fetchone()
    return row is not None


def tokens_revoked_at(cursor: sqlite3.Cursor, user_id: str) -> float | None:
    """When all of a user's tokens were revoked for the last time; None for never."""
    row = cursor.execute(
        "SELECT MAX(at) FROM revocations WHERE kind = ? AND subject = ?", (str(RevokedKind.TOKENS), user_id)
    ).fetchone()
    at: float | None = row[0]
    return at
