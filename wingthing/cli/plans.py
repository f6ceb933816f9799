"""What `wt user plan` and `wt org plan` have in common."""

from __future__ import annotations

import sqlite3

from wingthing.cli._words import day
from wingthing.store import audit, plans
from wingthing.store.plans import Kind, Source


def change(cursor: sqlite3.Cursor, kind: Kind, holder: str, seats: int | None, *, now: float) -> None:
    """Give a plan with that many seats, or take away what was granted (None); noted in the audit log."""
    if seats is None:
        plans.withdraw(cursor, kind, holder, now=now)
        action = "plan taken away"
    else:
        # One fact, one row: what they had taken by themselves is the operator's grant from now on.
        plans.withdraw(cursor, kind, holder, now=now)
        plans.grant(cursor, kind, holder, Source.OPERATOR, seats=seats, now=now)
        action = "pro plan given" if kind is Kind.USER else f"{seats} seats given"
    audit.note(
        cursor,
        at=now,
        user_id=holder if kind is Kind.USER else "",
        org_id=holder if kind is Kind.ORG else "",
        action=action,
        by=audit.OPERATOR,
    )


def left_over(cursor: sqlite3.Cursor, kind: Kind, holder: str, *, now: float) -> str:
    """What is paid for and so was not taken away, in a sentence; empty when nothing is."""
    paid = [each for each in plans.current(cursor, kind, holder, now=now) if each.reference]
    if not paid:
        return ""
    until = "" if paid[0].period_end is None else f" (until {day(paid[0].period_end)})"
    return f"It is paid for{until}: cancel {paid[0].reference} with the payment provider."
