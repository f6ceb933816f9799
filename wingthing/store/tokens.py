"""The wing tokens that this server has given out, by `jti`, so that one can be revoked."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

import attrs

from wingthing.crypto.tokens import WingToken
from wingthing.errors import NotFound
from wingthing.store import login_sessions, revocations
from wingthing.wire.gossip import RevokedKind
from wingthing.wire.limits import DEVICE_TOUCH_SECONDS, TOKEN_LIFETIME_SECONDS


@attrs.frozen
class IssuedToken:
    """A token that counts. Times are Unix seconds; `wing_id` is empty when it is for no machine alone, and
    `used_at` 0 when no use has been noted."""

    jti: str
    wing_id: str
    issued_at: float
    expires_at: float
    used_at: float = 0.0


def issued(cursor: sqlite3.Cursor, token: WingToken) -> None:
    """Note a new token."""
    cursor.execute(
        "INSERT INTO tokens (jti, user_id, wing_id, issued_at, expires_at) VALUES (?, ?, ?, ?, ?)",
        (token.jti, token.user_id, token.wing, token.issued_at, token.expires_at),
    )


def of_user(cursor: sqlite3.Cursor, user_id: str, *, now: float) -> list[IssuedToken]:
    """A user's tokens that count, the newest first."""
    rows = cursor.execute(
        "SELECT jti, wing_id, issued_at, expires_at, used_at FROM tokens "
        "WHERE user_id = ? AND revoked_at IS NULL AND expires_at > ? ORDER BY issued_at DESC, jti",
        (user_id, now),
    )
    return [IssuedToken(*row) for row in rows.fetchall()]


def revoked(cursor: sqlite3.Cursor, token: WingToken) -> bool:
    """Whether a token has been revoked: by its name, or with all that its user had before some moment.

    The latter alone counts for one that this server did not note.
    """
    row = cursor.execute("SELECT revoked_at FROM tokens WHERE jti = ?", (token.jti,)).fetchone()
    if row is not None:
        return row[0] is not None
    if revocations.token_revoked(cursor, token.jti):
        # It was noted, and has gone with its user.
        return True
    at = revocations.tokens_revoked_at(cursor, token.user_id)
    return at is not None and token.issued_at <= at


def stale(cursor: sqlite3.Cursor, token: WingToken, *, now: float) -> bool:
    """Whether the use of a token that was noted should be noted again, by `touch`."""
    row = cursor.execute("SELECT used_at FROM tokens WHERE jti = ?", (token.jti,)).fetchone()
    return row is not None and now - row[0] >= DEVICE_TOUCH_SECONDS


def touch(cursor: sqlite3.Cursor, jti: str, *, now: float) -> None:
    """The token has been used."""
    cursor.execute("UPDATE tokens SET used_at = MAX(used_at, ?) WHERE jti = ?", (now, jti))


def touch_online(cursor: sqlite3.Cursor, online: Iterable[tuple[str, str]], *, now: float) -> None:
    """These wings (user id, wing id) are connected: note it as the use of the newest token of each.

    Which token a wing has shown is known only to the node that it is connected to.
    """
    cursor.executemany(
        "UPDATE tokens SET used_at = MAX(used_at, ?) WHERE jti = (SELECT jti FROM tokens "
        "WHERE user_id = ? AND wing_id = ? AND revoked_at IS NULL ORDER BY issued_at DESC LIMIT 1)",
        ((now, user_id, wing_id) for user_id, wing_id in online),
    )


def revoke(cursor: sqlite3.Cursor, user_id: str, jti: str, *, now: float) -> None:
    """Revoke one token of a user. Raises NotFound when there is none of that name that counts."""
    row = cursor.execute(
        "UPDATE tokens SET revoked_at = ? WHERE jti = ? AND user_id = ? AND revoked_at IS NULL "
        "RETURNING expires_at",
        (now, jti, user_id),
    ).fetchone()
    if row is None:
        raise NotFound("there is no such token")
    revocations.note(cursor, RevokedKind.TOKEN, jti, at=now, until=row[0])


def revoke_all(cursor: sqlite3.Cursor, user_id: str, *, now: float) -> int:
    """Revoke every token that a user has, noted or not; how many of them were noted."""
    noted = of_user(cursor, user_id, now=now)
    for token in noted:
        revoke(cursor, user_id, token.jti, now=now)
    # A token's time has whole seconds: one that is made in this very second, after this, must count.
    before = float(int(now)) - 1
    revocations.note(cursor, RevokedKind.TOKENS, user_id, at=before, until=now + TOKEN_LIFETIME_SECONDS)
    return len(noted)


def revoke_everything(cursor: sqlite3.Cursor, user_id: str, *, now: float) -> None:
    """Log a user out everywhere: every machine and every browser."""
    revoke_all(cursor, user_id, now=now)
    login_sessions.end_all(cursor, user_id, now=now)
