"""The login node: a home node that also keeps a fleet together."""

from __future__ import annotations

import os
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
from wingthing.cluster.gossip_login import LoginGossip
from wingthing.cluster.membership import FleetNews, Membership
from wingthing.cluster.overview import Overview
from wingthing.cluster.placement import Placement, session_of
from wingthing.cluster.pusher import GossipPusher
from wingthing.cluster.trust import Trust
from wingthing.crypto.node_tokens import Audience
from wingthing.errors import NotAuthenticated
from wingthing.relay.credentials import header
from wingthing.store import entitlements, revocations
from wingthing.store.connection import connect, transaction
from wingthing.store.pool import Database
from wingthing.web import status
from wingthing.web.identity import Authenticator
from wingthing.web.internal import UNGUARDED, LoginInternal, NodeRequest
from wingthing.web.root import Tree
from wingthing.web.site import QuietSite
from wingthing.wire.gossip import Revoked, WingUp
from wingthing.wire.internal import EDGE_HEADER, Entitlement, Session
from wingthing.wire.limits import ENTITLEMENTS_AGE_SECONDS, GOSSIP_TIMEOUT_SECONDS
from wingthing.wire.records import WingRecord


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
            reactor, self.fleet, self.trust, None, lambda _login, _session: None, upgrades.count
        )
        self.metrics.add(upgrades)
        self.metrics.add(LoginFigures(self.gossip, self.pusher, reactor.seconds))
        desk = LoginDesk(reactor, self.database, self.authenticator, self.fleet, self.pusher)
        tree = Tree(
            pages=self.pages().app,
            apps={
                "auth": self.auth().app,
                "api": self.api(FleetWings(self.fleet)),
                "internal": LoginInternal(self.trust, desk).app,
            },
            whole={**self.everywhere(), **self.accounts(), **self._status()},
            sockets=self.sockets(self.authenticator, placement),
        )
        site = QuietSite(self.guard, tree, reactor=reactor, unguarded=UNGUARDED)
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

    def reached_machine(self, request: Request) -> str:
        token = header(request, EDGE_HEADER)
        if token is not None:
            try:
                return self.trust.check(token, Audience.EDGE).machine
            except NotAuthenticated:
                self.log.warn("a request says that it comes through an edge, and does not")
        return self.machine

    def _still_revoked(self) -> list[Revoked]:
        now = self.reactor.seconds()
        self._revoked_now = [event for event in self._revoked_now if event.until >= now]
        return self._revoked_now


class FleetWings:
    """The wings of all nodes, for the API."""

    def __init__(self, directory: LoginDirectory) -> None:
        self._directory = directory

    def reachable(self, user_id: str) -> list[WingRecord]:
        """The online wings that a user may reach: their own."""
        return [entry.record for entry in self._directory.of_user(user_id)]

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
        pusher: GossipPusher,
    ) -> None:
        self._clock = clock
        self._database = database
        self._authenticator = authenticator
        self._directory = directory
        self._pusher = pusher
        self._users: tuple[list[Entitlement], float] | None = None

    def hello(self, machine: str) -> None:
        self._pusher.hello(machine)

    async def session(self, login: str) -> Session | None:
        identity = await self._authenticator.session(login)
        return None if identity is None else session_of(identity)

    def wing(self, wing_id: str) -> WingUp | None:
        return self._directory.current(wing_id)

    async def entitlements(self) -> list[Entitlement]:
        """All users; edges that ask at about the same time cost one look into the database."""
        now = self._clock.seconds()
        if self._users is None or now - self._users[1] >= ENTITLEMENTS_AGE_SECONDS:
            self._users = (await self._database.read(entitlements.every), now)
        return self._users[0]


def _revoked_now(database: Path, now: float) -> list[Revoked]:
    connection = connect(database)
    try:
        with transaction(connection) as cursor:
            return revocations.since(cursor, 0, now=now)[1]
    finally:
        connection.close()
