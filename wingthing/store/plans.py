"""Plans: which user or organisation has one, from whom, and until when; and what follows for each user.

A user is on the pro plan by a subscription of their own, or by a seat of an organisation: its members have
its seats in the order in which they joined. A subscription counts until its period ends when it was
cancelled, and for PLAN_GRACE_SECONDS longer when it was not, so that a renewal that is told late cuts nobody
off.
"""

from __future__ import annotations

import enum
import sqlite3

import attrs

from wingthing.wire.internal import Tier
from wingthing.wire.limits import PLAN_GRACE_SECONDS


class Kind(enum.StrEnum):
    """Whose plan it is."""

    USER = "user"
    ORG = "org"


class Source(enum.StrEnum):
    """Where it is from."""

    OPERATOR = "operator"
    SELF = "self"
    """Taken by the user where nothing has to be paid."""

    PAYMENT = "payment"


class Status(enum.StrEnum):
    """How it stands with the payment. What was granted is active, or has ended."""

    PENDING = "pending"
    """The first payment has not been made."""

    ACTIVE = "active"
    PAST_DUE = "past_due"
    """A payment has failed and is tried again."""

    ENDED = "ended"


@attrs.frozen
class Subscription:
    """A plan that somebody has. Times are Unix seconds; `period_end` is None where there is no end."""

    source: Source
    status: Status
    seats: int
    period_end: float | None
    cancel_at_end: bool
    reference: str


@attrs.frozen
class Standing:
    """What a user has: by a plan of their own (`personal`), or by a seat of the organisation `via_org`."""

    tier: Tier
    personal: bool
    via_org: str = ""


_COUNTS = (
    "status IN ('active', 'past_due') AND (period_end IS NULL "
    f"OR period_end + CASE cancel_at_end WHEN 1 THEN 0 ELSE {PLAN_GRACE_SECONDS} END > :now)"
)

_SEATED = (
    "SELECT user_id, org_id FROM (SELECT user_id, org_id, "  # noqa: S608
    "ROW_NUMBER() OVER (PARTITION BY org_id ORDER BY joined_at, user_id) AS seat "
    "FROM org_members) AS sitting JOIN (SELECT holder, SUM(seats) AS seats FROM subscriptions "
    f"WHERE kind = 'org' AND {_COUNTS} GROUP BY holder) AS paid ON paid.holder = sitting.org_id "
    "WHERE sitting.seat <= paid.seats"
)

PRO_USERS = (
    f"SELECT holder AS user_id FROM subscriptions WHERE kind = 'user' AND {_COUNTS} "  # noqa: S608
    f"UNION SELECT user_id FROM ({_SEATED})"
)
"""The ids of all users on the pro plan, as SQL with the parameter `now`."""


def grant(
    cursor: sqlite3.Cursor, kind: Kind, holder: str, source: Source, *, seats: int = 1, now: float
) -> None:
    """Give a plan without an end, or change the seats of the one that `source` has given."""
    cursor.execute(
        "INSERT INTO subscriptions (kind, holder, source, status, seats, created_at, changed_at) "
        "VALUES (?, ?, ?, 'active', ?, ?, ?) ON CONFLICT (kind, holder, source) WHERE reference = '' "
        "DO UPDATE SET status = 'active', seats = excluded.seats, changed_at = excluded.changed_at",
        (str(kind), holder, str(source), seats, now, now),
    )


def withdraw(cursor: sqlite3.Cursor, kind: Kind, holder: str, *, now: float) -> bool:
    """End what was granted, whoever did; whether there was any. What is paid for ends at the provider."""
    cursor.execute(
        "UPDATE subscriptions SET status = 'ended', changed_at = ? "
        "WHERE kind = ? AND holder = ? AND reference = '' AND status <> 'ended'",
        (now, str(kind), holder),
    )
    return cursor.rowcount > 0


def current(cursor: sqlite3.Cursor, kind: Kind, holder: str, *, now: float) -> list[Subscription]:
    """The plans that count, the oldest first."""
    rows = cursor.execute(
        "SELECT source, status, seats, period_end, cancel_at_end, reference FROM subscriptions "  # noqa: S608
        f"WHERE kind = :kind AND holder = :holder AND {_COUNTS} ORDER BY id",
        {"kind": str(kind), "holder": holder, "now": now},
    )
    return [
        Subscription(Source(source), Status(status), seats, period_end, bool(cancel_at_end), reference)
        for source, status, seats, period_end, cancel_at_end, reference in rows.fetchall()
    ]


def org_named(cursor: sqlite3.Cursor, slug_or_id: str) -> str | None:
    """The id of an organisation; None when there is none of that name."""
    row = cursor.execute(
        "SELECT id FROM orgs WHERE slug = :name OR id = :name", {"name": slug_or_id}
    ).fetchone()
    return row[0] if row else None


def members_of(cursor: sqlite3.Cursor, org_id: str) -> int:
    """How many members an organisation has."""
    row = cursor.execute("SELECT COUNT(*) FROM org_members WHERE org_id = ?", (org_id,)).fetchone()
    return int(row[0])


def seats_of(cursor: sqlite3.Cursor, org_id: str, *, now: float) -> int:
    """The seats of an organisation; 0 without a plan."""
    return sum(each.seats for each in current(cursor, Kind.ORG, org_id, now=now))


def standing(cursor: sqlite3.Cursor, user_id: str, *, now: float) -> Standing:
    """What a user has."""
    if current(cursor, Kind.USER, user_id, now=now):
        return Standing(Tier.PRO, personal=True)
    row = cursor.execute(
        f"SELECT org_id FROM ({_SEATED}) WHERE user_id = :user ORDER BY org_id LIMIT 1",  # noqa: S608
        {"user": user_id, "now": now},
    ).fetchone()
    return Standing(Tier.PRO if row else Tier.FREE, personal=False, via_org=row[0] if row else "")


def pro_users(cursor: sqlite3.Cursor, *, now: float) -> set[str]:
    """The ids of all users on the pro plan."""
    return {row[0] for row in cursor.execute(PRO_USERS, {"now": now}).fetchall()}


def forget(cursor: sqlite3.Cursor, kind: Kind, holder: str) -> None:
    """The user or the organisation is removed, and has no plan any more."""
    cursor.execute("DELETE FROM subscriptions WHERE kind = ? AND holder = ?", (str(kind), holder))
