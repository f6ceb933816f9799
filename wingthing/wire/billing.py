"""What a payment provider says, reduced to what counts here. Shapes as in Stripe's documentation of its API
(docs.stripe.com/api/events and the objects in them); fields that are not named here may be anything.

Both shapes of a subscription's period are read: since the API version of 2025-03-31 it stands with its items,
before that with the subscription itself. The same goes for the subscription of an invoice.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec

from wingthing.errors import InvalidMessage

Text = Annotated[str, msgspec.Meta(max_length=255)]
Time = Annotated[int, msgspec.Meta(ge=0, le=1 << 40)]


class SubscriptionState(msgspec.Struct, frozen=True, kw_only=True):
    """A subscription is like this now. `status` is the provider's word; `period_end` may be unknown."""

    reference: str
    customer: str
    status: str
    seats: int
    period_end: int | None
    cancel_at_end: bool
    rank: int
    """Of events of the same second: the higher is the later."""


class CheckoutDone(msgspec.Struct, frozen=True, kw_only=True):
    """Whose a subscription is: `holder` is what was added to the payment link."""

    reference: str
    customer: str
    holder: str
    paid: bool


class InvoiceSettled(msgspec.Struct, frozen=True, kw_only=True):
    """A period was paid, or could not be."""

    reference: str
    paid: bool
    period_end: int | None


What = SubscriptionState | CheckoutDone | InvoiceSettled


class BillingEvent(msgspec.Struct, frozen=True):
    """One event. `what` is None for one that is of no interest here."""

    id: str
    created: int
    what: What | None


class _Envelope(msgspec.Struct):
    id: Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
    type: Text
    created: Time
    data: dict[str, msgspec.Raw]


class _Period(msgspec.Struct):
    end: Time | None = None


class _Item(msgspec.Struct):
    quantity: int | None = None
    current_period_end: Time | None = None


class _Items(msgspec.Struct):
    data: list[_Item] = []


class _Subscription(msgspec.Struct):
    id: Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
    status: Text
    customer: Any = None
    quantity: int | None = None
    current_period_end: Time | None = None
    cancel_at_period_end: bool | None = False
    cancel_at: Time | None = None
    items: _Items | None = None


class _Checkout(msgspec.Struct):
    mode: Text | None = None
    client_reference_id: Text | None = None
    customer: Any = None
    subscription: Any = None
    payment_status: Text | None = None


class _Line(msgspec.Struct):
    period: _Period | None = None


class _Lines(msgspec.Struct):
    data: list[_Line] = []


class _Details(msgspec.Struct):
    subscription: Any = None


class _Parent(msgspec.Struct):
    subscription_details: _Details | None = None


class _Invoice(msgspec.Struct):
    subscription: Any = None
    parent: _Parent | None = None
    lines: _Lines | None = None


RANKS: Final = {
    "customer.subscription.created": 1,
    "customer.subscription.updated": 2,
    "customer.subscription.deleted": 3,
}
ENDED: Final = "canceled"


def read_event(body: bytes) -> BillingEvent:
    """An event whose signature is right. Raises InvalidMessage when it is none."""
    try:
        said = msgspec.json.decode(body, type=_Envelope)
        return BillingEvent(said.id, said.created, _what(said.type, said.data.get("object")))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as why:
        raise InvalidMessage(f"this is no event: {why}") from why


def _what(kind: str, thing: msgspec.Raw | None) -> What | None:
    if thing is None:
        return None
    if kind in RANKS:
        return _subscription(msgspec.json.decode(thing, type=_Subscription), kind)
    if kind == "checkout.session.completed":
        return _checkout(msgspec.json.decode(thing, type=_Checkout))
    if kind in ("invoice.paid", "invoice.payment_failed"):
        return _invoice(msgspec.json.decode(thing, type=_Invoice), kind == "invoice.paid")
    return None


def _subscription(said: _Subscription, kind: str) -> SubscriptionState:
    items = said.items.data if said.items is not None else []
    ends = [item.current_period_end for item in items if item.current_period_end is not None]
    period_end = said.current_period_end or (max(ends) if ends else None)
    cancel_at_end = bool(said.cancel_at_period_end)
    if said.cancel_at is not None:
        cancel_at_end, period_end = True, said.cancel_at
    seats = sum(item.quantity or 0 for item in items) or said.quantity or 1
    return SubscriptionState(
        reference=said.id,
        customer=_id(said.customer),
        # Whatever its status says: it was deleted.
        status=ENDED if kind == "customer.subscription.deleted" else said.status,
        seats=seats,
        period_end=period_end,
        cancel_at_end=cancel_at_end,
        rank=RANKS[kind],
    )


def _checkout(said: _Checkout) -> CheckoutDone | None:
    reference = _id(said.subscription)
    if said.mode != "subscription" or not reference:
        return None
    return CheckoutDone(
        reference=reference,
        customer=_id(said.customer),
        holder=said.client_reference_id or "",
        paid=said.payment_status in ("paid", "no_payment_required"),
    )


def _invoice(said: _Invoice, paid: bool) -> InvoiceSettled | None:
    details = said.parent.subscription_details if said.parent is not None else None
    reference = _id(said.subscription) or (_id(details.subscription) if details is not None else "")
    if not reference:
        return None
    lines = said.lines.data if said.lines is not None else []
    ends = [line.period.end for line in lines if line.period is not None and line.period.end is not None]
    return InvoiceSettled(reference=reference, paid=paid, period_end=max(ends) if ends else None)


def _id(thing: Any) -> str:
    """The id of an object that stands for itself, or is there as a whole."""
    found = thing.get("id") if isinstance(thing, dict) else thing
    return found if isinstance(found, str) and len(found) <= 255 else ""
