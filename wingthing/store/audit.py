"""The audit log: who did what, when, from where."""

from __future__ import annotations

import sqlite3

import attrs


@attrs.frozen
class Entry:
    """A row of the log; `at` is Unix seconds, `address` the client's, empty for the command line."""

    at: float
    user_id: str
    action: str
    subject: str
    address: str


def note(
    cursor: sqlite3.Cursor, *, at: float, user_id: str, action: str, subject: str = "", address: str = ""
) -> None:
    """Add an entry. Never with a secret in it."""
    cursor.execute(
        "INSERT INTO audit_log (at, user_id, action, subject, address) VALUES (?, ?, ?, ?, ?)",
        (at, user_id, action, subject, address),
    )


def of_user(cursor: sqlite3.Cursor, user_id: str, *, most: int) -> list[Entry]:
    """The latest entries of a user, newest first."""
    rows = cursor.execute(
        "SELECT at, user_id, action, subject, address FROM audit_log WHERE user_id = ? "
        "ORDER BY at DESC, id DESC LIMIT ?",
        (user_id, most),
    )
    return [Entry(*row) for row in rows.fetchall()]
