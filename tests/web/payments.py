"""Events of a payment provider, in the shapes that Stripe documents (docs.stripe.com/api/events/types and the
objects named there), and their signatures."""

from __future__ import annotations

import json
from typing import Any

from wingthing.crypto.webhooks import signature

SECRET = "whsec_of_the_tests"
NOW = 1_800_000_000
PERIOD = 30 * 24 * 3600


def event(kind: str, thing: dict[str, Any], *, event_id: str = "evt_1", created: int = NOW) -> dict[str, Any]:
    """An event around an object."""
    return {
        "id": event_id,
        "object": "event",
        "api_version": "2025-03-31.basil",
        "created": created,
        "data": {"object": thing},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": kind,
    }


def subscription(
    reference: str = "sub_1", *, status: str = "active", seats: int = 1, old: bool = False, **more: Any
) -> dict[str, Any]:
    """A subscription, as since the API version of 2025-03-31; `old`: as before."""
    period = {"current_period_start": NOW, "current_period_end": NOW + PERIOD}
    item = {
        "id": "si_1",
        "object": "subscription_item",
        "price": {"id": "price_1", "object": "price", "currency": "eur", "unit_amount": 500},
        "quantity": seats,
        "subscription": reference,
        **({} if old else period),
    }
    return {
        "id": reference,
        "object": "subscription",
        "automatic_tax": {"enabled": False},
        "cancel_at": None,
        "cancel_at_period_end": False,
        "canceled_at": None,
        "collection_method": "charge_automatically",
        "customer": "cus_1",
        "items": {"object": "list", "data": [item], "has_more": False, "total_count": 1},
        "latest_invoice": "in_1",
        "metadata": {},
        "status": status,
        **(period if old else {}),
        **more,
    }


def checkout(holder: str | None, reference: str | None = "sub_1", **more: Any) -> dict[str, Any]:
    """A Checkout Session that a payment link has begun."""
    return {
        "id": "cs_1",
        "object": "checkout.session",
        "amount_total": 500,
        "client_reference_id": holder,
        "currency": "eur",
        "customer": "cus_1",
        "customer_details": {"email": "ann@example.org", "name": "Ann"},
        "mode": "subscription",
        "payment_link": "plink_1",
        "payment_status": "paid",
        "status": "complete",
        "subscription": reference,
        **more,
    }


def invoice(reference: str = "sub_1", *, end: int = NOW + PERIOD, old: bool = False) -> dict[str, Any]:
    """An invoice of a subscription, as since the API version of 2025-03-31; `old`: as before."""
    line = {"id": "il_1", "object": "line_item", "amount": 500, "period": {"start": NOW, "end": end}}
    details = {"metadata": {}, "subscription": reference}
    parent = {"quote_details": None, "subscription_details": details, "type": "subscription_details"}
    return {
        "id": "in_1",
        "object": "invoice",
        "billing_reason": "subscription_cycle",
        "customer": "cus_1",
        "lines": {"object": "list", "data": [line], "has_more": False},
        **({"subscription": reference} if old else {"parent": parent}),
    }


def encoded(said: dict[str, Any]) -> bytes:
    """The body as the provider sends it."""
    return json.dumps(said, indent=2).encode()


def signed(body: bytes, *, at: int = NOW, secret: str = SECRET, scheme: str = "v1") -> str:
    """The header that goes with it."""
    return f"t={at},{scheme}={signature(str(at), body, secret)}"
