"""The wing tokens that this server has given out, by `jti`, so that one can be revoked."""

from __future__ import annotations

import sqlite3

from wingthing.crypto.tokens import WingToken


def issued(cursor: sqlite3.Cursor, token: WingToken) -> None:
    """Note a new token."""
    cursor.execute(
        "INSERT INTO tokens (jti, user_id, wing_id, issued_at, expires_at) VALUES (?, ?, ?, ?, ?)",
        (token.jti, token.user_id, token.wing, token.issued_at, token.expires_at),
    )


def revoked(cursor: sqlite3.Cursor, jti: str) -> bool:
    """Whether a token has been revoked. One that this server does not know has not."""
    row = cursor.execute("SELECT 1 FROM tokens WHERE jti = ? AND revoked_at IS NOT NULL", (jti,)).fetchone()
    return row is not None


def revoke(cursor: sqlite3.Cursor, jti: str, *, now: float) -> None:
    """Revoke one token."""
    cursor.execute("UPDATE tokens SET revoked_at = ? WHERE jti = ? AND revoked_at IS NULL", (now, jti))
