"""What each user of the fleet may do, and as whom the nodes without a database know them."""

from __future__ import annotations

import sqlite3

from wingthing.wire.internal import Entitlement, Tier


def grant(cursor: sqlite3.Cursor, user_id: str, tier: Tier, *, now: float) -> None:
    """Give a user a tier."""
    cursor.execute(
        "INSERT INTO entitlements (user_id, tier, changed_at) VALUES (?, ?, ?) "
        "ON CONFLICT (user_id) DO UPDATE SET tier = excluded.tier, changed_at = excluded.changed_at",
        (user_id, str(tier), now),
    )


def every(cursor: sqlite3.Cursor) -> list[Entitlement]:
    """All users that have not been removed, by id; free where nothing was granted."""
    rows = cursor.execute(
        "SELECT id, display_name, email, provider, avatar_url, COALESCE(tier, 'free') "
        "FROM users LEFT JOIN entitlements ON user_id = id WHERE removed_at IS NULL ORDER BY id"
    )
    return [
        Entitlement(
            user_id=row[0],
            display_name=row[1],
            email=row[2],
            provider=row[3],
            avatar_url=row[4],
            tier=Tier(row[5]),
        )
        for row in rows.fetchall()
    ]
