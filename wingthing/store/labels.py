"""What users call the wings they see."""

from __future__ import annotations

import sqlite3


def of_user(cursor: sqlite3.Cursor, user_id: str) -> dict[str, str]:
    """wing_id -> label."""
    rows = cursor.execute("SELECT wing_id, label FROM labels WHERE user_id = ?", (user_id,))
    return dict(rows.fetchall())


def put(cursor: sqlite3.Cursor, user_id: str, wing_id: str, label: str) -> None:
    """Name a wing."""
    cursor.execute(
        "INSERT INTO labels (user_id, wing_id, label) VALUES (?, ?, ?) "
        "ON CONFLICT (user_id, wing_id) DO UPDATE SET label = excluded.label",
        (user_id, wing_id, label),
    )


def delete(cursor: sqlite3.Cursor, user_id: str, wing_id: str) -> None:
    """Forget the name."""
    cursor.execute("DELETE FROM labels WHERE user_id = ? AND wing_id = ?", (user_id, wing_id))
