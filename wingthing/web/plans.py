"""What changes plans: users and organisations take them, give them back, or are sent to where they pay."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Final

import hyperlink
import msgspec

from wingthing.errors import InvalidMessage, PeerError
from wingthing.relay.peers import Identity
from wingthing.store import audit, billing, plans
from wingthing.store.audit import Draft
from wingthing.store.plans import Kind, Source, Standing, Status, Subscription
from wingthing.store.pool import Database
from wingthing.web.plan_settings import Billing
from wingthing.wire.internal import Terms, Tier
from wingthing.wire.limits import MAX_SEATS
from wingthing.wire.plans import date_in_words

EVERYTHING: Final = Standing(Tier.PRO, personal=True)
"""What the one user of a server without sign-in has."""


class OrgPlan(msgspec.Struct, frozen=True):
    """The answer to what an organisation does with its plan, and what it then has."""

    plan: Tier
    seats: int
    ok: bool = True


class Plans:
    """The plans of one server.

    `settled` is false in local mode: everything is there, and there is nothing to change. `changed(kind, id)`
    hears whose plan is not what it was. Who may act for an organisation is for the caller to know.
    """

    def __init__(
        self,
        *,
        database: Database,
        seconds: Callable[[], float],
        settled: bool,
        terms: Terms,
        provider: Billing | None = None,
        changed: Callable[[Kind, str], None] = lambda kind, holder: None,
    ) -> None:
        self.terms = terms
        self._database = database
        self._seconds = seconds
        self._settled = settled
        self._provider = provider
        self._changed = changed

    async def standing(self, user_id: str) -> Standing:
        """What a user has."""
        if not self._settled:
            return EVERYTHING
        return await self._database.read(plans.standing, user_id, now=self._seconds())

    async def of_org(self, org_id: str) -> OrgPlan:
        """What an organisation has."""
        seats = await self._database.read(plans.seats_of, org_id, now=self._seconds())
        return OrgPlan(Tier.PRO if seats else Tier.FREE, seats)

    # -- one's own -------------------------------------------------------------------------------------------

    async def upgrade_user(self, identity: Identity, address: str = "") -> Standing:
        """Take the pro plan. Raises PeerError (402, with `checkout_url`) where it has to be paid first."""
        standing = await self.standing(identity.user_id)
        if standing.personal:
            return standing
        if self._provider is not None:
            raise self._to_pay(self._provider, identity, identity.user_id)
        note = self._note(identity, "pro plan taken", address=address)
        await self._write(note, plans.grant, Kind.USER, identity.user_id, Source.SELF, now=self._seconds())
        self._changed(Kind.USER, identity.user_id)
        return await self.standing(identity.user_id)

    async def downgrade_user(self, identity: Identity, address: str = "") -> Standing:
        """Give it back. Raises PeerError (409) for one that is paid for and was not cancelled where it is."""
        if self._settled:
            await self._give_back(
                Kind.USER, identity.user_id, self._note(identity, "pro plan given back", address)
            )
        return await self.standing(identity.user_id)

    # -- an organisation's -----------------------------------------------------------------------------------

    async def upgrade(
        self, identity: Identity, org_id: str, seats: int | None = None, address: str = ""
    ) -> OrgPlan:
        """Take seats for an organisation, or change their number; without one, for all who are in it now.

        Raises PeerError (402, with `checkout_url`) where they have to be paid first, or (409) have been.
        """
        if seats is None:
            seats = await self._database.read(plans.members_of, org_id)
        if not 1 <= seats <= MAX_SEATS:
            raise InvalidMessage(f"an organisation has 1 to {MAX_SEATS} seats")
        if self._provider is not None:
            held = await self._database.read(plans.current, Kind.ORG, org_id, now=self._seconds())
            if paid := [each for each in held if each.reference]:
                raise self._elsewhere(paid[0], "change the number of seats")
            raise self._to_pay(self._provider, identity, org_id, seats)
        note = self._note(identity, "seats taken", address, str(seats), org_id)
        await self._write(note, plans.grant, Kind.ORG, org_id, Source.SELF, seats=seats, now=self._seconds())
        self._changed(Kind.ORG, org_id)
        return await self.of_org(org_id)

    async def cancel(self, identity: Identity, org_id: str, address: str = "") -> OrgPlan:
        """Give the seats back. Raises PeerError (409) as `downgrade_user` does."""
        await self._give_back(
            Kind.ORG, org_id, self._note(identity, "seats given back", address, org_id=org_id)
        )
        return await self.of_org(org_id)

    async def _give_back(self, kind: Kind, holder: str, note: Draft) -> None:
        now = self._seconds()
        held = await self._database.read(plans.current, kind, holder, now=now)
        paid = [each for each in held if each.reference and not each.cancel_at_end]
        if paid:
            raise self._elsewhere(paid[0], "cancel it")
        if any(not each.reference for each in held):
            await self._write(note, plans.withdraw, kind, holder, now=now)
            self._changed(kind, holder)

    # -- paying ----------------------------------------------------------------------------------------------

    def _to_pay(
        self, provider: Billing, identity: Identity, holder: str, seats: int | None = None
    ) -> PeerError:
        """Where to pay: the payment link, with whom it is for."""
        url = hyperlink.parse(provider.checkout_url)
        url = url.set("client_reference_id", billing.reference_of(holder))
        if identity.email:
            url = url.set("prefilled_email", identity.email)
        if seats is not None:
            url = url.set("seats", str(seats))
        return PeerError(
            "this plan has to be paid first", status=402, fields={"checkout_url": url.to_uri().to_text()}
        )

    def _elsewhere(self, paid: Subscription, what: str) -> PeerError:
        """It is paid for: only the provider can end or change it, or it would go on asking for money."""
        portal = self._provider.portal_url if self._provider is not None else ""
        where = f"at {portal}" if portal else "with whoever takes the payments for this server"
        until = "" if paid.period_end is None else f": it then goes on until {date_in_words(paid.period_end)}"
        overdue = " Its last payment has failed." if paid.status is Status.PAST_DUE else ""
        fields: dict[str, object] = {"portal_url": portal} if portal else {}
        return PeerError(
            f"this plan is paid for. {what[0].upper()}{what[1:]} {where}{until}.{overdue}",
            status=409,
            fields=fields,
        )

    # -- the log ---------------------------------------------------------------------------------------------

    def _note(
        self, identity: Identity, action: str, address: str = "", subject: str = "", org_id: str = ""
    ) -> Draft:
        return Draft(
            at=self._seconds(),
            user_id=identity.user_id,
            action=action,
            subject=subject,
            address=address,
            org_id=org_id,
        )

    async def _write(
        self, note: Draft, query: Callable[..., object], *args: object, **kwargs: object
    ) -> None:
        await self._database.write(_recorded, note, query, args, kwargs)


def _recorded(
    cursor: sqlite3.Cursor,
    note: Draft,
    query: Callable[..., object],
    args: tuple[object, ...],
    kwargs: dict[str, object],
) -> None:
    audit.recorded(cursor, note, query, *args, **kwargs)
