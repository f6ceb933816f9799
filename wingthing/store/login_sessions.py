"""Login sessions: random tokens in cookies, kept here as hashes only."""

from __future__ import annotations

import base64
import hashlib
import sqlite3
from collections.abc import Callable

from wingthing.wire.limits import LOGIN_SESSION_SECONDS, LOGIN_TOUCH_SECONDS

TOKEN_BYTES = 32


def digest(secret: str) -> str:
    """What is stored of a secret: its SHA-256. The secrets are random and long, so no salt is needed."""
    return hashlib.sha256(secret.encode()).hexdigest()


def create(cursor: sqlite3.Cursor, user_id: str, *, now: float, randomness: Callable[[int], bytes]) -> str:
    """A new session of a user; the token for its cookie. Sessions that have run out are cleared away."""
    token = base64.urlsafe_b64encode(randomness(TOKEN_BYTES)).decode().rstrip("=")
    cursor.execute("DELETE FROM login_sessions WHERE used_at < ?", (now - LOGIN_SESSION_SECONDS,))
    cursor.execute(
        "INSERT INTO login_sessions (token_hash, user_id, created_at, used_at) VALUES (?, ?, ?, ?)",
        (digest(token), user_id, now, now),
    )
    return token


def find(cursor: sqlite3.Cursor, token: str, *, now: float) -> tuple[str, bool] | None:
    """The user id of a session that still counts, and whether its last use should be noted by `touch`."""
    row = cursor.execute(
        "SELECT user_id, used_at FROM login_sessions WHERE token_hash = ? AND used_at >= ?",
        (digest(token), now - LOGIN_SESSION_SECONDS),
    ).fetchone()
    return (row[0], now - row[1] >= LOGIN_TOUCH_SECONDS) if row else None


def touch(cursor: sqlite3.Cursor, token: str, *, now: float) -> None:
    """The session has been used: it counts for its full time again."""
    cursor.execute("UPDATE login_sessions SET used_at = ? WHERE token_hash = ?", (now, digest(token)))


def end(cursor: sqlite3.Cursor, token: str) -> None:
    """Log out."""
    cursor.execute("DELETE FROM login_sessions WHERE token_hash = ?", (digest(token),))
