"""Login sessions: random tokens in cookies, kept here as hashes only."""

from __future__ import annotations

import base64
import hmac
import sqlite3
from collections.abc import Callable

import attrs

from wingthing.crypto.digests import digest
from wingthing.errors import NotFound
from wingthing.store import revocations
from wingthing.wire.gossip import RevokedKind
from wingthing.wire.limits import LOGIN_SESSION_SECONDS, LOGIN_TOUCH_SECONDS, SESSION_CACHE_SECONDS

TOKEN_BYTES = 32
REMEMBER_ENDED_SECONDS = 2 * SESSION_CACHE_SECONDS
"""How long the end of a session has to be told: longer than any node believes what it was told of it."""


ID_CHARS = 32


@attrs.frozen
class LoginSession:
    """A session that counts, as its user sees it. Times are Unix seconds; `used_at`, `address` and `agent`
    are those of the latest use that was noted.

    `id` names it in the list and to `end_one`. It is made from the hash of the token, but not the other way
    round: it neither logs in nor is it what nodes know the session by.
    """

    id: str
    current: bool
    created_at: float
    used_at: float
    address: str
    agent: str


def create(
    cursor: sqlite3.Cursor,
    user_id: str,
    *,
    now: float,
    randomness: Callable[[int], bytes],
    address: str = "",
    agent: str = "",
) -> str:
    """A new session of a user; the token for its cookie. Sessions that have run out are cleared away."""
    token = base64.urlsafe_b64encode(randomness(TOKEN_BYTES)).decode().rstrip("=")
    clear(cursor, now=now)
    cursor.execute(
        "INSERT INTO login_sessions (token_hash, user_id, created_at, used_at, address, agent) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        (digest(token), user_id, now, now, address, agent),
    )
    return token


def clear(cursor: sqlite3.Cursor, *, now: float) -> None:
    """Clear away the sessions that have run out. Their Web Push subscriptions go with them, as with each
    session that ends."""
    cursor.execute("DELETE FROM login_sessions WHERE used_at < ?", (now - LOGIN_SESSION_SECONDS,))


def find(cursor: sqlite3.Cursor, token_hash: str, *, now: float) -> tuple[str, bool] | None:
    """The user id of a session that still counts, by the digest of its token, and whether its last use should
    be noted by `touch`.

    How long the search takes depends on the digest, of which nobody can choose more than a few bits: it
    tells nothing of any token.
    """
    row = cursor.execute(
        "SELECT user_id, used_at FROM login_sessions WHERE token_hash = ? AND used_at >= ?",
        (token_hash, now - LOGIN_SESSION_SECONDS),
    ).fetchone()
    return (row[0], now - row[1] >= LOGIN_TOUCH_SECONDS) if row else None


def touch(cursor: sqlite3.Cursor, token_hash: str, *, now: float, address: str = "", agent: str = "") -> None:
    """The session has been used: it counts for its full time again. What is not known is left as it was."""
    cursor.execute(
        "UPDATE login_sessions SET used_at = ?, address = COALESCE(NULLIF(?, ''), address), "
        "agent = COALESCE(NULLIF(?, ''), agent) WHERE token_hash = ?",
        (now, address, agent, token_hash),
    )


def of_user(cursor: sqlite3.Cursor, user_id: str, current: str, *, now: float) -> list[LoginSession]:
    """A user's sessions that count, the latest used first; `current` is the digest of the one that asks."""
    rows = cursor.execute(
        "SELECT token_hash, created_at, used_at, address, agent FROM login_sessions "
        "WHERE user_id = ? AND used_at >= ? ORDER BY used_at DESC, created_at DESC, token_hash",
        (user_id, now - LOGIN_SESSION_SECONDS),
    )
    return [LoginSession(public_id(row[0]), row[0] == current, *row[1:]) for row in rows.fetchall()]


def end(cursor: sqlite3.Cursor, token_hash: str, *, now: float) -> None:
    """Log out."""
    _end(cursor, [token_hash], now)


def end_one(cursor: sqlite3.Cursor, user_id: str, session_id: str, *, now: float) -> str:
    """End the session of a user with that id (of `LoginSession`); answers the hash of its token.

    Raises NotFound when there is none.
    """
    for token_hash in _hashes_of(cursor, user_id):
        if hmac.compare_digest(public_id(token_hash).encode(), session_id.encode()):
            _end(cursor, [token_hash], now)
            return token_hash
    raise NotFound("there is no such login session: it may have ended already")


def end_others(cursor: sqlite3.Cursor, user_id: str, current: str, *, now: float) -> int:
    """End all sessions of a user but the one with the digest `current`; how many those were."""
    others = [token_hash for token_hash in _hashes_of(cursor, user_id) if token_hash != current]
    _end(cursor, others, now)
    return len(others)


def end_all(cursor: sqlite3.Cursor, user_id: str, *, now: float) -> None:
    """Log a user out in every browser."""
    _end(cursor, _hashes_of(cursor, user_id), now)


def public_id(token_hash: str) -> str:
    """The id of a session, by the hash of its token."""
    return digest(token_hash)[:ID_CHARS]


def _hashes_of(cursor: sqlite3.Cursor, user_id: str) -> list[str]:
    rows = cursor.execute("SELECT token_hash FROM login_sessions WHERE user_id = ?", (user_id,))
    return [row[0] for row in rows.fetchall()]


def _end(cursor: sqlite3.Cursor, hashes: list[str], now: float) -> None:
    for token_hash in hashes:
        cursor.execute("DELETE FROM login_sessions WHERE token_hash = ?", (token_hash,))
        if cursor.rowcount:
            until = now + REMEMBER_ENDED_SECONDS
            revocations.note(cursor, RevokedKind.LOGIN, token_hash, at=now, until=until)
