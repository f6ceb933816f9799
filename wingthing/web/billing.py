"""`/billing/webhook`: what the payment provider says. Its signature alone proves that it is the provider."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any, Final

from klein import Klein
from twisted.logger import Logger

from wingthing.crypto import webhooks
from wingthing.relay.credentials import header
from wingthing.store import audit, billing
from wingthing.store.billing import Holder
from wingthing.store.plans import Kind
from wingthing.store.pool import Database
from wingthing.web.answers import json, map_errors
from wingthing.wire.billing import BillingEvent, CheckoutDone, read_event
from wingthing.wire.limits import WEBHOOK_TOLERANCE_SECONDS

SEGMENT: Final = "billing"
"""The first segment of the address."""

PROVIDER: Final = "payment provider"
"""Who has done it, in the audit log: no user id has a blank."""


class BillingApp:
    """Klein app of the webhook. `changed(kind, id)` hears whose plan is not what it was."""

    app = Klein()
    map_errors(app)
    log = Logger()

    def __init__(
        self,
        *,
        database: Database,
        secret: str,
        seconds: Callable[[], float],
        changed: Callable[[Kind, str], None],
    ) -> None:
        self._database = database
        self._secret = secret
        self._seconds = seconds
        self._changed = changed

    @app.route("/billing/webhook", methods=["POST"])
    async def webhook(self, request: Any) -> bytes:
        """One event. 200 says that the provider need not send it again: also for what is of no interest."""
        now = self._seconds()
        content = request.content.read()
        signed = header(request, "stripe-signature") or ""
        webhooks.verify(signed, content, self._secret, now=now, tolerance=WEBHOOK_TOLERANCE_SECONDS)
        event = read_event(content)
        holder = await self._database.write(_take, event, now=now)
        if holder is not None:
            self._changed(*holder)
        elif isinstance(event.what, CheckoutDone) and not await self._database.read(
            billing.find_holder, event.what.holder
        ):
            self.log.warn(
                "subscription {reference} was paid for, and for nobody whom this server knows: {holder!r}",
                reference=event.what.reference,
                holder=event.what.holder,
            )
        return json(request, {"ok": True})


def _take(cursor: sqlite3.Cursor, event: BillingEvent, *, now: float) -> Holder | None:
    holder = billing.take(cursor, event, now=now)
    if holder is not None:
        kind, holder_id = holder
        audit.note(
            cursor,
            at=now,
            user_id=holder_id if kind is Kind.USER else "",
            org_id=holder_id if kind is Kind.ORG else "",
            action="plan changed",
            subject=event.what.reference if event.what is not None else "",
            by=PROVIDER,
        )
    return holder
