"""Login sessions: random tokens in cookies, kept here as hashes only."""

from __future__ import annotations

import base64
import sqlite3
from collections.abc import Callable

from wingthing.crypto.digests import digest
from wingthing.store import revocations
from wingthing.wire.gossip import RevokedKind
from wingthing.wire.limits import LOGIN_SESSION_SECONDS, LOGIN_TOUCH_SECONDS, SESSION_CACHE_SECONDS

TOKEN_BYTES = 32
REMEMBER_ENDED_SECONDS = 2 * SESSION_CACHE_SECONDS
"""How long the end of a session has to be told: longer than any node believes what it was told of it."""


def create(cursor: sqlite3.Cursor, user_id: str, *, now: float, randomness: Callable[[int], bytes]) -> str:
    """A new session of a user; the token for its cookie. Sessions that have run out are cleared away."""
    token = base64.urlsafe_b64encode(randomness(TOKEN_BYTES)).decode().rstrip("=")
    cursor.execute("DELETE FROM login_sessions WHERE used_at < ?", (now - LOGIN_SESSION_SECONDS,))
    cursor.execute(
        "INSERT INTO login_sessions (token_hash, user_id, created_at, used_at) VALUES (?, ?, ?, ?)",
        (digest(token), user_id, now, now),
    )
    return token


def find(cursor: sqlite3.Cursor, token_hash: str, *, now: float) -> tuple[str, bool] | None:
    """The user id of a session that still counts, by the digest of its token, and whether its last use should
    be noted by `touch`."""
    row = cursor.execute(
        "SELECT user_id, used_at FROM login_sessions WHERE token_hash = ? AND used_at >= ?",
        (token_hash, now - LOGIN_SESSION_SECONDS),
    ).fetchone()
    return (row[0], now - row[1] >= LOGIN_TOUCH_SECONDS) if row else None


def touch(cursor: sqlite3.Cursor, token_hash: str, *, now: float) -> None:
    """The session has been used: it counts for its full time again."""
    cursor.execute("UPDATE login_sessions SET used_at = ? WHERE token_hash = ?", (now, token_hash))


def end(cursor: sqlite3.Cursor, token_hash: str, *, now: float) -> None:
    """Log out."""
    _end(cursor, [token_hash], now)


def end_all(cursor: sqlite3.Cursor, user_id: str, *, now: float) -> None:
    """Log a user out in every browser."""
    rows = cursor.execute("SELECT token_hash FROM login_sessions WHERE user_id = ?", (user_id,)).fetchall()
    _end(cursor, [row[0] for row in rows], now)


def _end(cursor: sqlite3.Cursor, hashes: list[str], now: float) -> None:
    for token_hash in hashes:
        cursor.execute("DELETE FROM login_sessions WHERE token_hash = ?", (token_hash,))
        if cursor.rowcount:
            until = now + REMEMBER_ENDED_SECONDS
            revocations.note(cursor, RevokedKind.LOGIN, token_hash, at=now, until=until)
