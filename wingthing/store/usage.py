"""What each user's browsers have been sent, by day, from the reports of all nodes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

import attrs

FORGET_SECONDS = 7 * 24 * 3600
"""A run of a node that has not reported for so long, while a later one of that machine has, is over: its
totals are cleared away."""


@attrs.frozen
class Report:
    """What one run (`boot`) of a node has sent to each user's browsers since its start, in bytes."""

    machine: str
    boot: str
    totals: tuple[tuple[str, int], ...]


def record(cursor: sqlite3.Cursor, reports: Iterable[Report], *, day: str, now: float) -> None:
    """Add what has grown since each run's last report to `day` (UTC, YYYY-MM-DD).

    A report that comes twice, or late, adds nothing: totals only grow. Of users who have been removed nothing
    is kept.
    """
    for report in reports:
        for user_id, total in report.totals:
            row = cursor.execute(
                "SELECT bytes FROM usage_reports WHERE machine = ? AND boot = ? AND user_id = ?",
                (report.machine, report.boot, user_id),
            ).fetchone()
            grown = total - (row[0] if row else 0)
            if grown <= 0 or _is_removed(cursor, user_id):
                continue
            cursor.execute(
                "INSERT INTO usage_reports (machine, boot, user_id, bytes, reported_at) "
                "VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT (machine, boot, user_id) DO UPDATE "
                "SET bytes = excluded.bytes, reported_at = excluded.reported_at",
                (report.machine, report.boot, user_id, total, now),
            )
            cursor.execute(
                "INSERT INTO usage_days (user_id, day, bytes) VALUES (?, ?, ?) "
                "ON CONFLICT (user_id, day) DO UPDATE SET bytes = bytes + excluded.bytes",
                (user_id, day, grown),
            )
    # A run that is only quiet is not over: without its last total, the next one would count from nothing.
    cursor.execute(
        "DELETE FROM usage_reports WHERE (machine, boot) IN (SELECT machine, boot FROM ("
        "SELECT machine, boot, MAX(reported_at) AS last, "
        "MAX(MAX(reported_at)) OVER (PARTITION BY machine) AS latest "
        "FROM usage_reports GROUP BY machine, boot) WHERE last < ? AND last < latest)",
        (now - FORGET_SECONDS,),
    )


def _is_removed(cursor: sqlite3.Cursor, user_id: str) -> bool:
    row = cursor.execute("SELECT removed_at FROM users WHERE id = ?", (user_id,)).fetchone()
    return row is not None and row[0] is not None


def by_user(cursor: sqlite3.Cursor, month: str, *, at_least: int = 1) -> dict[str, int]:
    """Bytes in a month (UTC, YYYY-MM) of every user who has had so many."""
    rows = cursor.execute(
        "SELECT user_id, SUM(bytes) FROM usage_days WHERE day >= ? AND day <= ? "
        "GROUP BY user_id HAVING SUM(bytes) >= ?",
        (f"{month}-01", f"{month}-31", at_least),
    )
    return dict(rows.fetchall())


def days_of_month(cursor: sqlite3.Cursor, user_id: str, month: str) -> dict[str, int]:
    """Bytes of a user by day (YYYY-MM-DD), of the days of a month (UTC, YYYY-MM) that have any."""
    rows = cursor.execute(
        "SELECT day, bytes FROM usage_days WHERE user_id = ? AND day >= ? AND day <= ? ORDER BY day",
        (user_id, f"{month}-01", f"{month}-31"),
    )
    return dict(rows.fetchall())
