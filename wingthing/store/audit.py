"""The audit log: who did what to which account or organisation, when, from where."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

import attrs

from wingthing.wire.limits import AUDIT_LOG_SECONDS

P = ParamSpec("P")
T = TypeVar("T")

OPERATOR = "operator:"
"""The actor of what is done on the command line. It has a character that no user id has."""


@attrs.frozen(kw_only=True)
class Draft:
    """What `note` takes, for `recorded`."""

    at: float
    user_id: str
    action: str
    subject: str = ""
    address: str = ""
    org_id: str = ""
    by: str = ""


@attrs.frozen
class Entry:
    """A row of the log; `at` is Unix seconds, `address` the client's, empty for the command line.

    `user_id` is whose account it is about, `actor` who did it: that user, another, or OPERATOR. `who` and
    `account_name` are what these two are called; empty for a user who has been removed.
    """

    id: int
    at: float
    user_id: str
    account_name: str
    actor: str
    who: str
    action: str
    subject: str
    address: str
    org_id: str


def note(
    cursor: sqlite3.Cursor,
    *,
    at: float,
    user_id: str,
    action: str,
    subject: str = "",
    address: str = "",
    org_id: str = "",
    by: str = "",
) -> None:
    """Add an entry, never with a secret in it; those older than AUDIT_LOG_SECONDS are cleared away.

    Without `by`, `user_id` did it. With it, `by` (a user id, or OPERATOR) did it to the account of `user_id`:
    the entry is in the logs of both. With `org_id` it is in that organisation's log too.
    """
    cursor.execute("DELETE FROM audit_log WHERE at < ?", (at - AUDIT_LOG_SECONDS,))
    cursor.execute(
        "INSERT INTO audit_log (at, user_id, actor, action, subject, address, org_id) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        (at, user_id, "" if by == user_id else by, action, subject, address, org_id),
    )


def recorded(
    cursor: sqlite3.Cursor,
    entry: Draft,
    query: Callable[Concatenate[sqlite3.Cursor, P], T],
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    """The answer of a query that changes something, which is noted in the same transaction: both or none."""
    answer = query(cursor, *args, **kwargs)
    note(cursor, **attrs.asdict(entry))
    return answer


# Names are looked up at reading: the log keeps none, so that those of removed users are forgotten.
_COLUMNS = (
    "log.id, at, user_id, COALESCE(NULLIF(account.display_name, ''), account.email, ''), "
    "COALESCE(NULLIF(actor, ''), user_id), COALESCE(NULLIF(doer.display_name, ''), doer.email, ''), "
    "action, subject"
)
_LOG = (
    "audit_log AS log "
    "LEFT JOIN users AS account ON account.id = user_id AND account.removed_at IS NULL "
    "LEFT JOIN users AS doer ON doer.id = COALESCE(NULLIF(actor, ''), user_id) AND doer.removed_at IS NULL"
)


def of_user(cursor: sqlite3.Cursor, user_id: str, *, most: int, before: int | None = None) -> list[Entry]:
    """The latest entries about a user, and of what they did to others, newest first; of those before the
    entry with the id `before`.

    From where others did it is not theirs to know: `address` is empty then.
    """
    # Each half reads no more than it answers, through an index of its own.
    rows = cursor.execute(
        f"SELECT {_COLUMNS}, CASE WHEN actor IN ('', :user) THEN address ELSE '' END, org_id "  # noqa: S608
        f"FROM {_LOG} WHERE log.id IN ("
        "SELECT id FROM (SELECT id FROM audit_log WHERE user_id = :user AND id < :end "
        "ORDER BY id DESC LIMIT :most) UNION ALL "
        "SELECT id FROM (SELECT id FROM audit_log WHERE actor = :user AND actor <> '' AND id < :end "
        "ORDER BY id DESC LIMIT :most)) ORDER BY log.id DESC LIMIT :most",
        {"user": user_id, "end": _end(before), "most": most},
    )
    return [Entry(*row) for row in rows.fetchall()]


def of_org(cursor: sqlite3.Cursor, org_id: str, *, most: int, before: int | None = None) -> list[Entry]:
    """The latest entries of an organisation, newest first; of those before the entry with the id `before`."""
    rows = cursor.execute(
        f"SELECT {_COLUMNS}, address, org_id FROM {_LOG} "  # noqa: S608
        "WHERE org_id = ? AND org_id <> '' AND log.id < ? ORDER BY log.id DESC LIMIT ?",
        (org_id, _end(before), most),
    )
    return [Entry(*row) for row in rows.fetchall()]


def _end(before: int | None) -> int:
    # SQLite's integers end there; a larger one could not be bound.
    return LAST_ID if before is None else min(max(before, 0), LAST_ID)


LAST_ID = 2**63 - 1
