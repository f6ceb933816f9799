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

    A report that comes twice, or late, adds nothing: totals only grow.
    """
    for report in reports:
        for user_id, total in report.totals:
            row = cursor.execute(
                "SELECT bytes FROM usage_reports WHERE machine = ? AND boot = ? AND user_id = ?",
                (report.machine, report.boot, user_id),
            ).fetchone()
            grown = total - (row[0] if row else 0)
            if grown <= 0:
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


def of_month(cursor: sqlite3.Cursor, user_id: str, month: str) -> int:
    """Bytes of a user in a month (UTC, YYYY-MM)."""
    row = cursor.execute(
        "SELECT COALESCE(SUM(bytes), 0) FROM usage_days WHERE user_id = ? AND day >= ? AND day <= ?",
        (user_id, f"{month}-01", f"{month}-31"),
    ).fetchone()
    return int(row[0])
