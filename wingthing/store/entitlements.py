"""What each user of the fleet may do, and as whom the nodes without a database know them."""

from __future__ import annotations

import sqlite3

from wingthing.store import passkeys, plans, usage
from wingthing.wire.internal import Entitlement, Tier
from wingthing.wire.limits import CAP_STEPS


def every(
    cursor: sqlite3.Cursor, *, now: float, cap: int | None = None, month: str = ""
) -> list[Entitlement]:
    """All users that have not been removed, by id.

    With a `cap` (bytes) also what those have been sent in `month` (UTC, YYYY-MM) who are on the free plan and
    have had half of it: rounded down to a CAP_STEPS-th, so that the answer is the same for as long as can be.
    """
    pro = plans.pro_users(cursor, now=now)
    used = usage.by_user(cursor, month, at_least=-(-cap // 2)) if cap is not None else {}
    keys = passkeys.keys_of_all(cursor)
    rows = cursor.execute(
        "SELECT id, display_name, email, provider, avatar_url FROM users WHERE removed_at IS NULL ORDER BY id"
    )
    return [
        Entitlement(
            user_id=row[0],
            display_name=row[1],
            email=row[2],
            provider=row[3],
            avatar_url=row[4],
            passkeys=keys.get(row[0], ()),
            tier=Tier.PRO if row[0] in pro else Tier.FREE,
            used_bytes=0 if cap is None or row[0] in pro else in_steps(used.get(row[0], 0), cap),
        )
        for row in rows.fetchall()
    ]


def in_steps(used: int, cap: int) -> int:
    """What was used, rounded down to a CAP_STEPS-th of the cap; no more than the cap."""
    return cap * min(CAP_STEPS, used * CAP_STEPS // cap) // CAP_STEPS if cap > 0 else 0
