"""The login node: a home node that also keeps a fleet together."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from klein import Klein
from twisted.web.http import Request

from wingthing import __version__
from wingthing.assembly.fleet_metrics import LoginFigures, Upgrades
from wingthing.assembly.home import HomeNode
from wingthing.cluster.client import NodeClient, http_client
from wingthing.cluster.directory import LoginDirectory
from wingthing.cluster.discovery import InternalNames, make_resolver
from wingthing.cluster.fly import behind_fly
from wingthing.cluster.gossip_login import LoginGossip
from wingthing.cluster.membership import FleetNews, Membership
from wingthing.cluster.overview import Overview
from wingthing.cluster.placement import Placement, session_of
from wingthing.cluster.pusher import GossipPusher
from wingthing.cluster.trust import Trust
from wingthing.crypto.node_tokens import Audience
from wingthing.errors import NotAuthenticated
from wingthing.relay.access import as_it_is
from wingthing.relay.client_address import usual_form
from wingthing.relay.credentials import header
from wingthing.relay.orgs import Roster
from wingthing.store import entitlements, revocations
from wingthing.store.connection import connect, transaction
from wingthing.store.pool import Database
from wingthing.web import status
from wingthing.web.identity import Authenticator
from wingthing.web.internal import UNGUARDED, LoginInternal, NodeRequest
from wingthing.web.root import Tree
from wingthing.web.site import QuietSite
from wingthing.wire.gossip import OrgChanged, PasskeysChanged, Revoked, WingUp
from wingthing.wire.internal import EDGE_HEADER, NO_LIMITS, Entitlement, Entitlements, Session, Terms
from wingthing.wire.limits import ENTITLEMENTS_AGE_SECONDS, GOSSIP_TIMEOUT_SECONDS
from wingthing.wire.plans import month_of, notice_at
from wingthing.wire.records import OrgRecord, WingRecord


class LoginNode(HomeNode):
    """Found by its edges through DNS, and finds them there."""

    def build(self) -> None:
        config, reactor = self.config, self.reactor
        place = config.fleet
        assert place is not None
        self.trust = Trust(self.keys, self.machine, reactor.seconds, lambda: os.urandom(12).hex())
        self.fleet = LoginDirectory()
        self._revoked_now: list[Revoked] = _revoked_now(self.database.path, reactor.seconds())
        news = FleetNews(self.fleet, self.router, lambda _events: ())
        self.gossip = LoginGossip(
            self.machine, self.boot, self.fleet, news, self._still_revoked, reactor.seconds()
        )
        Membership(self.machine, self.fleet, self.gossip, self.router, reactor.seconds)
        names = InternalNames(make_resolver(reactor, place.dns), place.app)
        client = NodeClient(reactor, http_client(reactor, GOSSIP_TIMEOUT_SECONDS), self.trust)
        self.pusher = GossipPusher(reactor, self.gossip, names, client, self.usage.reported)
        self.pusher.setServiceParent(self)
        self.usage.written = self.gossip.usage_written
        upgrades = Upgrades()
        placement = Placement(
            reactor,
            self.fleet,
            self.router.roster,
            self.trust,
            None,
            lambda _login, _session: None,
            upgrades.count,
        )
        self.metrics.add(upgrades)
        self.metrics.add(LoginFigures(self.gossip, self.pusher, reactor.seconds))
        self.desk = LoginDesk(
            reactor,
            self.database,
            self.authenticator,
            self.fleet,
            self.router.roster,
            self.pusher,
            config.terms,
        )
        tree = Tree(
            pages=self.pages().app,
            apps={
                "auth": self.auth(),
                "api": self.api(FleetWings(self.fleet, self.router.roster)),
                "internal": LoginInternal(self.trust, self.desk).app,
            },
            whole={**self.everywhere(), **self.accounts(), **self._status()},
            sockets=self.sockets(self.authenticator, placement),
        )
        site = QuietSite(
            self.guard,
            tree,
            reactor=reactor,
            unguarded=UNGUARDED,
            limits=self.limits,
            address_of=self.client_address,
        )
        site.requestFactory = NodeRequest
        self.listen(site)

    def _status(self) -> dict[str, Klein]:
        place = self.config.fleet
        assert place is not None
        overview = Overview(
            place.app, place.region, __version__, self.began, self.gossip, self.pusher, self.router
        )
        app = status.StatusPages(self.authenticator, lambda: overview.at(self.reactor.seconds())).app
        return dict.fromkeys(status.SEGMENTS, app)

    def revoked(self, event: Revoked) -> None:
        super().revoked(event)
        self._revoked_now.append(event)
        self.gossip.say(event)

    def org_changed(self, org_id: str, org: OrgRecord | None) -> frozenset[str]:
        users = super().org_changed(org_id, org)
        self.desk.users_changed()
        if users:
            self.gossip.say(OrgChanged(user_ids=sorted(users), org_id=org_id, org=org))
        return users

    def passkeys_changed(self, event: PasskeysChanged) -> None:
        super().passkeys_changed(event)
        self.desk.users_changed()
        self.gossip.say(OrgChanged(user_ids=[event.user_id], passkeys=event))

    def plans_changed(self, users: list[str]) -> None:
        super().plans_changed(users)
        self.desk.users_changed()
        cap = self.config.terms.cap_bytes
        if cap is not None and any(self.router.allowance.used(user) >= notice_at(cap) for user in users):
            # Who waits for it must not wait for the next poll. Nobody else: an edge asks for all users.
            self.gossip.say(OrgChanged(user_ids=users))

    def online(self) -> Iterable[WingRecord]:
        return [entry.record for entry in self.fleet]

    def reached_machine(self, request: Request) -> str:
        return self._edge_of(request) or self.machine

    def client_address(self, request: Request) -> str:
        """The address of the client behind a request: an edge's word for those that it passes on."""
        if self._edge_of(request):
            return usual_form(header(request, "x-forwarded-for") or "")
        return behind_fly(request)

    def _edge_of(self, request: Request) -> str:
        """The edge that a request comes through, which its token has to prove; empty when through none."""
        token = header(request, EDGE_HEADER)
        if token is not None:
            try:
                return self.trust.check(token, Audience.EDGE).machine
            except NotAuthenticated:
                self.log.warn("a request says that it comes through an edge, and does not")
        return ""

    def _still_revoked(self) -> list[Revoked]:
        now = self.reactor.seconds()
        self._revoked_now = [event for event in self._revoked_now if event.until >= now]
        return self._revoked_now


class FleetWings:
    """The wings of all nodes, for the API."""

    def __init__(self, directory: LoginDirectory, roster: Roster) -> None:
        self._directory = directory
        self._roster = roster

    def reachable(self, user_id: str) -> list[WingRecord]:
        """The online wings that a user may reach: their own, and those of their organisations."""
        found = self._directory.reachable(self._roster, user_id)
        return [as_it_is(self._roster, entry.record) for entry in found]

    def machine_of(self, wing_id: str) -> str:
        """The machine that a wing is connected to; empty when it is offline."""
        known = self._directory.current(wing_id)
        return known.machine if known is not None else ""


class LoginDesk:
    """Implements LoginQuestions: what edges may ask."""

    def __init__(
        self,
        clock: Any,
        database: Database,
        authenticator: Authenticator,
        directory: LoginDirectory,
        roster: Roster,
        pusher: GossipPusher,
        terms: Terms = NO_LIMITS,
    ) -> None:
        self._clock = clock
        self._database = database
        self._authenticator = authenticator
        self._directory = directory
        self._roster = roster
        self._pusher = pusher
        self._terms = terms
        self._users: tuple[list[Entitlement], str, float] | None = None

    def users_changed(self) -> None:
        """What edges were told of the users is not true any more."""
        self._users = None

    def hello(self, machine: str) -> None:
        self._pusher.hello(machine)

    async def session(self, login: str) -> Session | None:
        identity = await self._authenticator.session(login)
        return None if identity is None else session_of(identity)

    def wing(self, wing_id: str) -> WingUp | None:
        return self._directory.current(wing_id)

    async def entitlements(self) -> Entitlements:
        """All users and organisations; edges that ask at about the same time cost one look into the database.

        The organisations are those of this moment, never older ones: an edge believes an answer when it has
        asked after it has heard of a change.
        """
        now = self._clock.seconds()
        if self._users is None or now - self._users[2] >= ENTITLEMENTS_AGE_SECONDS:
            month = month_of(now)
            users = await self._database.read(
                entitlements.every, now=now, cap=self._terms.cap_bytes, month=month
            )
            self._users = (users, month, now)
        users, month, _now = self._users
        return Entitlements(users, list(self._roster), self._terms, month)


def _revoked_now(database: Path, now: float) -> list[Revoked]:
    connection = connect(database)
    try:
        with transaction(connection) as cursor:
            return revocations.since(cursor, 0, now=now)[1]
    finally:
        connection.close()
