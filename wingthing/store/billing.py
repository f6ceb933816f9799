"""What a payment provider has said of subscriptions, applied: each event once, and none after a newer one."""

from __future__ import annotations

import base64
import binascii
import re
import sqlite3

from wingthing.store.plans import Kind, Status
from wingthing.wire.billing import ENDED, BillingEvent, CheckoutDone, InvoiceSettled, SubscriptionState
from wingthing.wire.limits import BILLING_EVENT_SECONDS, MAX_SEATS

STATUSES = {
    "trialing": Status.ACTIVE,
    "active": Status.ACTIVE,
    "past_due": Status.PAST_DUE,
    "incomplete": Status.PENDING,
    "paused": Status.PENDING,
}
"""The provider's words (docs.stripe.com/api/subscriptions/object, `status`); any other is an end of it."""

_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,200}\Z")
_CODED = "b64_"

Holder = tuple[Kind, str]


def reference_of(holder_id: str) -> str:
    """How a user or an organisation is named in a payment link, where only letters, digits, - and _ pass."""
    if _PLAIN.match(holder_id) and not holder_id.startswith(_CODED):
        return holder_id
    return _CODED + base64.urlsafe_b64encode(holder_id.encode()).decode().rstrip("=")


def take(cursor: sqlite3.Cursor, event: BillingEvent, *, now: float) -> Holder | None:
    """Apply an event. Answers whose plan it has changed; None when it was taken before, comes too late, or is
    of no interest."""
    cursor.execute("DELETE FROM billing_events WHERE taken_at < ?", (now - BILLING_EVENT_SECONDS,))
    cursor.execute("INSERT OR IGNORE INTO billing_events (id, taken_at) VALUES (?, ?)", (event.id, now))
    if cursor.rowcount == 0:
        return None
    match event.what:
        case SubscriptionState():
            changed = _state(cursor, event.what, event.created, now)
        case CheckoutDone():
            changed = _checkout(cursor, event.what, now)
        case InvoiceSettled():
            changed = _invoice(cursor, event.what, event.created, now)
        case None:
            return None
    return _holder(cursor, event.what.reference) if changed else None


def _state(cursor: sqlite3.Cursor, said: SubscriptionState, created: int, now: float) -> bool:
    status = Status.ENDED if said.status == ENDED else STATUSES.get(said.status, Status.ENDED)
    values = {
        "reference": said.reference,
        "customer": said.customer,
        "status": str(status),
        "seats": min(max(said.seats, 1), MAX_SEATS),
        "period_end": said.period_end,
        "cancel": said.cancel_at_end,
        "now": now,
        "created": created,
        "rank": said.rank,
    }
    # What has been deleted never comes back: the provider gives a new subscription another id.
    cursor.execute(
        "INSERT INTO subscriptions (kind, holder, source, reference, customer, status, seats, period_end, "
        "cancel_at_end, created_at, changed_at, event_at, event_rank) "
        "VALUES ('', '', 'payment', :reference, :customer, :status, :seats, :period_end, :cancel, "
        ":now, :now, :created, :rank) ON CONFLICT (reference) WHERE reference <> '' "
        "DO UPDATE SET customer = excluded.customer, status = excluded.status, seats = excluded.seats, "
        "period_end = COALESCE(excluded.period_end, period_end), cancel_at_end = excluded.cancel_at_end, "
        "changed_at = excluded.changed_at, event_at = excluded.event_at, event_rank = excluded.event_rank "
        "WHERE event_rank < 3 AND (excluded.event_rank = 3 "
        "OR (excluded.event_at, excluded.event_rank) >= (event_at, event_rank))",
        values,
    )
    return cursor.rowcount > 0


def _checkout(cursor: sqlite3.Cursor, said: CheckoutDone, now: float) -> bool:
    """Who has paid. It may come before or after the subscription itself."""
    found = find_holder(cursor, said.holder)
    kind, holder = (str(found[0]), found[1]) if found is not None else ("", "")
    status = Status.ACTIVE if said.paid else Status.PENDING
    cursor.execute(
        "INSERT INTO subscriptions (kind, holder, source, reference, customer, status, created_at, "
        "changed_at) VALUES (?, ?, 'payment', ?, ?, ?, ?, ?) ON CONFLICT (reference) WHERE reference <> '' "
        "DO UPDATE SET kind = excluded.kind, holder = excluded.holder, changed_at = excluded.changed_at "
        "WHERE subscriptions.kind = ''",
        (kind, holder, said.reference, said.customer, str(status), now, now),
    )
    return cursor.rowcount > 0


def _invoice(cursor: sqlite3.Cursor, said: InvoiceSettled, created: int, now: float) -> bool:
    if said.paid:
        cursor.execute(
            "UPDATE subscriptions SET status = 'active', changed_at = :now, "
            "period_end = MAX(COALESCE(period_end, :end), COALESCE(:end, period_end)) "
            "WHERE reference = :reference AND status <> 'ended' AND event_at <= :created "
            "AND cancel_at_end = 0",
            {"now": now, "end": said.period_end, "reference": said.reference, "created": created},
        )
    else:
        cursor.execute(
            "UPDATE subscriptions SET status = 'past_due', changed_at = ? "
            "WHERE reference = ? AND status = 'active' AND event_at <= ?",
            (now, said.reference, created),
        )
    return cursor.rowcount > 0


def find_holder(cursor: sqlite3.Cursor, reference: str) -> Holder | None:
    """The user or the organisation that a payment link has named; None when there is none."""
    for holder_id in filter(None, (reference, _decoded(reference))):
        user = cursor.execute(
            "SELECT 1 FROM users WHERE id = ? AND removed_at IS NULL", (holder_id,)
        ).fetchone()
        if user is not None:
            return Kind.USER, holder_id
        if cursor.execute("SELECT 1 FROM orgs WHERE id = ?", (holder_id,)).fetchone() is not None:
            return Kind.ORG, holder_id
    return None


def _decoded(reference: str) -> str:
    if not reference.startswith(_CODED):
        return ""
    coded = reference.removeprefix(_CODED)
    try:
        return base64.urlsafe_b64decode(coded + "=" * (-len(coded) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return ""


def _holder(cursor: sqlite3.Cursor, reference: str) -> Holder | None:
    row = cursor.execute(
        "SELECT kind, holder FROM subscriptions WHERE reference = ? AND kind <> ''", (reference,)
    ).fetchone()
    return (Kind(row[0]), row[1]) if row else None
