"""`/api/orgs`: organisations, their members, invites, plan and log (protocol.md section 2).

Whoever is not in an organisation is answered as if there were none.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Awaitable, Callable
from typing import Final, Protocol, TypeVar

from klein import Klein
from twisted.web.http import Request

from wingthing.relay import limiting
from wingthing.relay.peers import Identity
from wingthing.store import audit, invites, orgs, plans
from wingthing.store.orgs import Org
from wingthing.store.pool import Database
from wingthing.web.answers import body, json, map_errors
from wingthing.web.api import logged_in
from wingthing.web.audit_answers import CSV_ENTRIES, PAGE_ENTRIES, as_csv, as_json, before, csv_of
from wingthing.web.client_address import client_address
from wingthing.web.identity import Authenticator
from wingthing.web.invitations import Invitations
from wingthing.web.org_bodies import Invitees, Named, NewOwner, NewRole, Seats, described
from wingthing.web.plans import OrgPlan

PARTS: Final = ("orgs",)
"""What the addresses of this app begin with, below `/api/`."""

T = TypeVar("T")


class OrgPlans(Protocol):
    """What changes the plan of an organisation; who may is for the caller to know."""

    async def upgrade(
        self, identity: Identity, org_id: str, seats: int | None = None, address: str = ""
    ) -> OrgPlan: ...

    async def cancel(self, identity: Identity, org_id: str, address: str = "") -> OrgPlan: ...


class OrgApi:
    """Klein app for the addresses in PARTS. `changed()` hears when an organisation is not what it was, and is
    waited for: when the answer comes, what it says is in force."""

    app = Klein()
    map_errors(app)

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        database: Database,
        plans: OrgPlans,
        invitations: Invitations,
        seconds: Callable[[], float],
        changed: Callable[[], Awaitable[None]],
        randomness: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.authenticator = authenticator
        self._database = database
        self._plans = plans
        self._invitations = invitations
        self._seconds = seconds
        self._changed = changed
        self._randomness = randomness

    # -- organisations ---------------------------------------------------------------------------------------

    @app.route("/orgs", methods=["GET"])
    @logged_in
    async def mine(self, request: Request, identity: Identity) -> bytes:
        """The organisations that the user is in."""
        found = await self._database.read(_with_seats, identity.user_id, now=self._seconds())
        return json(request, [described(org, seats) for org, seats in found])

    @app.route("/orgs", methods=["POST"])
    @logged_in
    async def create(self, request: Request, identity: Identity) -> bytes:
        """A new organisation, with the user as its owner."""
        org = await self._database.write(
            _create,
            body(request, Named).name,
            identity.user_id,
            now=self._seconds(),
            randomness=self._randomness,
            address=client_address(request),
        )
        await self._changed()
        return json(request, described(org, 0), 201)

    @app.route("/orgs/<org_id>", methods=["GET"])
    @logged_in
    async def one(self, request: Request, identity: Identity, org_id: str) -> bytes:
        """One of them."""
        return await self._answer(request, identity, org_id)

    @app.route("/orgs/<org_id>", methods=["PUT"])
    @logged_in
    async def rename(self, request: Request, identity: Identity, org_id: str) -> bytes:
        """Call it something else."""
        name = body(request, Named).name
        org = await self._find(identity, org_id)
        entry = self._entry(request, identity, org, "organisation renamed", org.name)
        await self._change(entry, orgs.rename, org.id, identity.user_id, name)
        return await self._answer(request, identity, org.id)

    @app.route("/orgs/<org_id>", methods=["DELETE"])
    @logged_in
    async def delete(self, request: Request, identity: Identity, org_id: str) -> bytes:
        """Delete it."""
        org = await self._find(identity, org_id)
        entry = self._entry(request, identity, org, "organisation deleted", org.name)
        await self._change(entry, orgs.delete, org.id, identity.user_id, now=self._seconds())
        return _done(request)

    # -- members ---------------------------------------------------------------------------------------------

    @app.route("/orgs/<org_id>/members", methods=["GET"])
    @logged_in
    async def members(self, request: Request, identity: Identity, org_id: str) -> bytes:
        """Who is in it."""
        org = await self._find(identity, org_id)
        return json(request, await self._database.read(orgs.members, org.id, identity.user_id))

    @app.route("/orgs/<org_id>/members/<user_id>", methods=["PUT"])
    @logged_in
    async def change_role(self, request: Request, identity: Identity, org_id: str, user_id: str) -> bytes:
        """Give a member another role."""
        role = body(request, NewRole).role
        org = await self._find(identity, org_id)
        entry = self._entry(request, identity, org, f"made {role} of an organisation", org.name, user_id)
        await self._change(entry, orgs.change_role, org.id, identity.user_id, user_id, role)
        return json(request, {"ok": True, "role": role})

    @app.route("/orgs/<org_id>/members/<user_id>", methods=["DELETE"])
    @logged_in
    async def remove_member(self, request: Request, identity: Identity, org_id: str, user_id: str) -> bytes:
        """Remove a member; oneself, to leave."""
        org = await self._find(identity, org_id)
        what = "organisation left" if user_id == identity.user_id else "removed from organisation"
        entry = self._entry(request, identity, org, what, org.name, user_id)
        await self._change(entry, orgs.remove_member, org.id, identity.user_id, user_id)
        return _done(request)

    @app.route("/orgs/<org_id>/transfer", methods=["POST"])
    @logged_in
    async def transfer(self, request: Request, identity: Identity, org_id: str) -> bytes:
        """Make another member the owner in one's own place."""
        user_id = body(request, NewOwner).user_id
        org = await self._find(identity, org_id)
        entry = self._entry(request, identity, org, "organisation given to", org.name, user_id)
        await self._change(entry, orgs.transfer, org.id, identity.user_id, user_id)
        return await self._answer(request, identity, org.id)

    # -- invites ---------------------------------------------------------------------------------------------

    @app.route("/orgs/<org_id>/invite", methods=["POST"])
    @logged_in
    async def invite(self, request: Request, identity: Identity, org_id: str) -> bytes:
        """Invite people by their addresses. The links are in this answer, and nowhere else after it."""
        asked = body(request, Invitees)
        org = await self._find(identity, org_id)
        await self._must_be(identity, org, orgs.ADMIN, "invite people")
        invited = await self._invitations.invite(request, identity, org, asked.emails, asked.role)
        return json(request, {"invited": invited})

    @app.route("/orgs/<org_id>/invites", methods=["GET"])
    @logged_in
    async def waiting(self, request: Request, identity: Identity, org_id: str) -> bytes:
        """Who has been invited and has not answered."""
        org = await self._find(identity, org_id)
        found = await self._database.read(invites.waiting, org.id, identity.user_id, now=self._seconds())
        return json(request, found)

    @app.route("/orgs/<org_id>/invites/<token>/revoke", methods=["POST"])
    @logged_in
    async def withdraw(self, request: Request, identity: Identity, org_id: str, token: str) -> bytes:
        """End an invite, named by its token or its id."""
        org = await self._find(identity, org_id)
        entry = self._entry(request, identity, org, "invite withdrawn", "")
        await self._database.write(_withdraw, entry, org.id, identity.user_id, token)
        return json(request, {"ok": True})

    # -- plan and log ----------------------------------------------------------------------------------------

    @app.route("/orgs/<org_id>/upgrade", methods=["POST"])
    @logged_in
    async def upgrade(self, request: Request, identity: Identity, org_id: str) -> bytes:
        """Take seats of the pro plan. The body may be left out."""
        seats = body(request, Seats).seats if request.getHeader("content-type") else None
        org = await self._find(identity, org_id)
        await self._must_be(identity, org, orgs.OWNER, "change its plan")
        plan = await self._plans.upgrade(identity, org.id, seats, client_address(request))
        return json(request, plan)

    @app.route("/orgs/<org_id>/cancel", methods=["POST"])
    @logged_in
    async def cancel(self, request: Request, identity: Identity, org_id: str) -> bytes:
        """Give the seats back."""
        org = await self._find(identity, org_id)
        await self._must_be(identity, org, orgs.OWNER, "change its plan")
        return json(request, await self._plans.cancel(identity, org.id, client_address(request)))

    @app.route("/orgs/<org_id>/audit", methods=["GET"])
    @logged_in
    async def audit_log(self, request: Request, identity: Identity, org_id: str) -> bytes:
        """The latest entries of its log; `?before=ID` for those before an entry."""
        org = await self._find(identity, org_id)
        await self._must_be(identity, org, orgs.ADMIN, "see its log")
        entries = await self._database.read(audit.of_org, org.id, most=PAGE_ENTRIES, before=before(request))
        return as_json(request, entries)

    @app.route("/orgs/<org_id>/audit.csv", methods=["GET"])
    @logged_in
    async def audit_csv(self, request: Request, identity: Identity, org_id: str) -> bytes:
        """The whole log for a spreadsheet."""
        limiting.check_account(request, "download", identity.user_id)
        org = await self._find(identity, org_id)
        await self._must_be(identity, org, orgs.ADMIN, "see its log")
        content = await self._database.read(_csv, org.id)
        return as_csv(request, content, f"wingthing-audit-{org.slug}.csv")

    # -- helpers ---------------------------------------------------------------------------------------------

    async def _find(self, identity: Identity, org_id: str) -> Org:
        """The organisation of an address, by its id or its slug. Raises NotFound."""
        return await self._database.read(orgs.find, org_id, identity.user_id, now=self._seconds())

    async def _must_be(self, identity: Identity, org: Org, least: str, to_do: str) -> None:
        await self._database.read(orgs.must_be, org.id, identity.user_id, least, to_do)

    async def _change(
        self, entry: audit.Draft, query: Callable[..., object], *args: object, **kwargs: object
    ) -> None:
        await self._database.write(_recorded, entry, query, args, kwargs)
        await self._changed()

    async def _answer(self, request: Request, identity: Identity, org_id: str) -> bytes:
        org = await self._find(identity, org_id)
        seats = await self._database.read(plans.seats_of, org.id, now=self._seconds())
        return json(request, described(org, seats))

    def _entry(
        self, request: Request, identity: Identity, org: Org, action: str, subject: str, about: str = ""
    ) -> audit.Draft:
        """What is noted; `about` is whose account it concerns, if it is another's."""
        return audit.Draft(
            at=self._seconds(),
            user_id=about or identity.user_id,
            action=action,
            subject=subject,
            address=client_address(request),
            org_id=org.id,
            by=identity.user_id,
        )


def _done(request: Request) -> bytes:
    request.setResponseCode(204)
    return b""


# -- in one transaction each ---------------------------------------------------------------------------------


def _with_seats(cursor: sqlite3.Cursor, user_id: str, *, now: float) -> list[tuple[Org, int]]:
    return [(org, plans.seats_of(cursor, org.id, now=now)) for org in orgs.of_user(cursor, user_id, now=now)]


def _create(
    cursor: sqlite3.Cursor,
    name: str,
    actor: str,
    *,
    now: float,
    randomness: Callable[[int], bytes],
    address: str,
) -> Org:
    org = orgs.create(cursor, name, actor, now=now, randomness=randomness)
    audit.note(
        cursor,
        at=now,
        user_id=actor,
        action="organisation created",
        subject=org.name,
        address=address,
        org_id=org.id,
    )
    return org


def _withdraw(cursor: sqlite3.Cursor, entry: audit.Draft, org_id: str, actor: str, token: str) -> None:
    email = invites.withdraw(cursor, org_id, actor, token)
    audit.note(
        cursor,
        at=entry.at,
        user_id=actor,
        action=entry.action,
        subject=email,
        address=entry.address,
        org_id=org_id,
    )


def _recorded(
    cursor: sqlite3.Cursor,
    entry: audit.Draft,
    query: Callable[..., object],
    args: tuple[object, ...],
    kwargs: dict[str, object],
) -> None:
    audit.recorded(cursor, entry, query, *args, **kwargs)


def _csv(cursor: sqlite3.Cursor, org_id: str) -> bytes:
    return csv_of(audit.of_org(cursor, org_id, most=CSV_ENTRIES))
