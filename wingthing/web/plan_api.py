"""`/api/app/usage`, `upgrade` and `downgrade`: what the user who is logged in has, and has used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from klein import Klein
from twisted.web.http import Request

from wingthing.relay.peers import Identity
from wingthing.store.plans import Standing
from wingthing.web.answers import json, map_errors
from wingthing.web.api import logged_in
from wingthing.web.client_address import client_address
from wingthing.web.identity import Authenticator
from wingthing.web.plans import Plans
from wingthing.wire.internal import Tier
from wingthing.wire.plans import month_end, month_of, notice_at

PARTS: Final = ("app/usage", "app/upgrade", "app/downgrade")
"""What the addresses of this app begin with, below `/api/`."""


class Usage(Protocol):
    """Who has been sent how much."""

    async def days(self, user_id: str) -> dict[str, int]:
        """Bytes sent to a user's browsers on each day (YYYY-MM-DD) of this month (UTC) until today, by all
        nodes."""


class PlanApi:
    """Klein app for the addresses in PARTS."""

    app = Klein()
    map_errors(app)

    def __init__(
        self, *, authenticator: Authenticator, plans: Plans, usage: Usage, seconds: Callable[[], float]
    ) -> None:
        self.authenticator = authenticator
        self._plans = plans
        self._usage = usage
        self._seconds = seconds

    @app.route("/app/usage", methods=["GET"])
    @logged_in
    async def usage(self, request: Request, identity: Identity) -> bytes:
        """What this user has been sent this month, in all and by day, and what the plan allows."""
        month = month_of(self._seconds())
        days = await self._usage.days(identity.user_id)
        used = sum(days.values())
        standing = await self._plans.standing(identity.user_id)
        cap = self._plans.terms.cap_bytes if standing.tier is Tier.FREE else None
        return json(
            request,
            {
                "tier": standing.tier,
                "usage_bytes": used,
                "cap_bytes": cap,
                "exceeded": cap is not None and used >= cap,
                "month": month,
                "resets_at": month_end(month),
                "days": [{"day": day, "bytes": size} for day, size in days.items()],
                "notice": cap is not None and used >= notice_at(cap),
                "via_org": standing.via_org,
            },
        )

    @app.route("/app/upgrade", methods=["POST"])
    @logged_in
    async def upgrade(self, request: Request, identity: Identity) -> bytes:
        """Take the pro plan, or learn where to pay for it."""
        return _has(request, await self._plans.upgrade_user(identity, client_address(request)))

    @app.route("/app/downgrade", methods=["POST"])
    @logged_in
    async def downgrade(self, request: Request, identity: Identity) -> bytes:
        """Give it back. Who has a seat of an organisation keeps the tier."""
        return _has(request, await self._plans.downgrade_user(identity, client_address(request)))


def _has(request: Request, standing: Standing) -> bytes:
    return json(request, {"ok": True, "tier": standing.tier})
