"""Organisations as all nodes have them in memory, and which of them have changed since."""

from __future__ import annotations

import sqlite3

from wingthing.wire.records import OrgRecord


def changed(cursor: sqlite3.Cursor, org_id: str) -> None:
    """Note that an organisation, or who is in it, is not what it was."""
    cursor.execute("DELETE FROM org_changes WHERE org_id = ?", (org_id,))
    cursor.execute("INSERT INTO org_changes (org_id) VALUES (?)", (org_id,))


def latest(cursor: sqlite3.Cursor) -> int:
    """The number of the last change; 0 before the first."""
    row = cursor.execute("SELECT MAX(id) FROM org_changes").fetchone()
    return row[0] or 0


def since(cursor: sqlite3.Cursor, number: int) -> tuple[int, dict[str, OrgRecord | None]]:
    """The number of the last change, and the organisations that have changed after `number`, by id; None for
    one that has been deleted."""
    rows = cursor.execute("SELECT org_id FROM org_changes WHERE id > ? ORDER BY id", (number,)).fetchall()
    return latest(cursor), {org_id: record(cursor, org_id) for (org_id,) in rows}


def record(cursor: sqlite3.Cursor, org_id: str) -> OrgRecord | None:
    """One organisation; None when there is none of that id."""
    row = cursor.execute("SELECT slug, name FROM orgs WHERE id = ?", (org_id,)).fetchone()
    if row is None:
        return None
    members = cursor.execute(
        "SELECT user_id, role FROM org_members WHERE org_id = ? ORDER BY user_id", (org_id,)
    )
    return OrgRecord(id=org_id, slug=row[0], name=row[1], members=dict(members.fetchall()))


def every(cursor: sqlite3.Cursor) -> list[OrgRecord]:
    """All organisations, by id."""
    members: dict[str, dict[str, str]] = {}
    for org_id, user_id, role in cursor.execute(
        "SELECT org_id, user_id, role FROM org_members ORDER BY org_id, user_id"
    ):
        members.setdefault(org_id, {})[user_id] = role
    rows = cursor.execute("SELECT id, slug, name FROM orgs ORDER BY id").fetchall()
    return [OrgRecord(id=row[0], slug=row[1], name=row[2], members=members.get(row[0], {})) for row in rows]
