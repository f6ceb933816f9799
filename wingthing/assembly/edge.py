"""The edge node: a relay near its users. It keeps nothing, and streams what is not relay to login."""

from __future__ import annotations

import os
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from wingthing import __version__
from wingthing.assembly.config import Config
from wingthing.assembly.fleet_metrics import EdgeFigures, ProxyFigures, Upgrades
from wingthing.assembly.node import Node
from wingthing.cluster.caches import EntitlementCache, SessionCache
from wingthing.cluster.client import NodeClient, http_client
from wingthing.cluster.directory import EdgeDirectory
from wingthing.cluster.discovery import InternalNames, LoginAddress, make_resolver
from wingthing.cluster.fly import behind_fly
from wingthing.cluster.gossip_edge import EdgeGossip
from wingthing.cluster.identity import EdgeAuthenticator, Revocations
from wingthing.cluster.login_client import LoginClient
from wingthing.cluster.membership import FleetNews, Membership
from wingthing.cluster.placement import Placement
from wingthing.cluster.proxy import ReverseProxy
from wingthing.cluster.reporter import Reporter
from wingthing.cluster.trust import Trust
from wingthing.cluster.watch import LoginWatch
from wingthing.crypto.keyring import KeyRing
from wingthing.crypto.node_tokens import Audience
from wingthing.web.internal import UNGUARDED, EdgeInternal, NodeRequest
from wingthing.web.root import Tree
from wingthing.web.site import QuietSite, refuse_unguarded
from wingthing.wire.gossip import Answer, Round
from wingthing.wire.limits import (
    GOSSIP_SECONDS,
    INTERNAL_TIMEOUT_SECONDS,
    LAST_WORD_SECONDS,
    SUSPECT_ROUNDS,
)


class EdgeNode(Node):
    """Found by login through DNS, and finds it there. `boot` names this run."""

    def __init__(self, reactor: Any, config: Config, keys: KeyRing, boot: str) -> None:
        super().__init__(reactor, config, keys)
        place = config.fleet
        assert place is not None
        self.machine = place.machine
        self.trust = Trust(keys, self.machine, reactor.seconds, lambda: os.urandom(12).hex())
        names = InternalNames(make_resolver(reactor, place.dns), place.app)
        address = LoginAddress(reactor, names, place.login_addr)
        client = NodeClient(reactor, http_client(reactor, INTERNAL_TIMEOUT_SECONDS), self.trust)
        self.login = LoginClient(client, address)
        self.sessions = SessionCache(reactor, self.login.session)
        self.entitlements = EntitlementCache(reactor, self.login, self.router.roster)
        self.entitlements.heard = self.caps.heard
        self.entitlements.setServiceParent(self)
        authenticator = EdgeAuthenticator(
            keys, reactor.seconds, self.sessions, self.entitlements, Revocations(reactor.seconds)
        )
        self.fleet = EdgeDirectory(self.machine)
        news = FleetNews(
            self.fleet,
            self.router,
            authenticator.revoked,
            self.entitlements.org_said,
            authenticator.passkeys_changed,
        )
        self.gossip = EdgeGossip(
            self.fleet,
            place.region,
            boot,
            news,
            usage=self.router.meter.totals,
            counts=lambda: (self.router.browser_count, self.router.terminal_count),
            version=__version__,
            uptime=lambda: reactor.seconds() - self.began,
        )
        self.gossip.caught_up = self.entitlements.poll_now
        Membership(self.machine, self.fleet, self.gossip, self.router, reactor.seconds)
        self.reporter = Reporter(reactor, self.gossip, self.login)
        self.reporter.setServiceParent(self)
        LoginWatch(reactor, self.reporter).setServiceParent(self)
        upgrades, proxied = Upgrades(), ProxyFigures()
        placement = Placement(
            reactor,
            self.fleet,
            self.router.roster,
            self.trust,
            self.login.wing,
            self.sessions.learn,
            upgrades.count,
        )
        self.proxy = ReverseProxy(
            reactor,
            login=address.get,
            edge_token=lambda: self.trust.standing_token(Audience.EDGE),
            refuse=refuse_unguarded,
            observer=proxied,
            login_is_silent=lambda: self.reporter.silent_seconds >= SUSPECT_ROUNDS * GOSSIP_SECONDS,
        )
        edge = EdgeFigures(self.gossip, self.reporter, self.sessions, self.entitlements)
        for figures in (edge, upgrades, proxied):
            self.metrics.add(figures)
        tree = Tree(
            apps={"internal": EdgeInternal(self.trust, self._receive).app},
            whole=self.everywhere(),
            sockets=self.sockets(authenticator, placement),
        )
        site = QuietSite(
            self.guard,
            tree,
            reactor=reactor,
            unguarded=UNGUARDED,
            limits=self.limits,
            address_of=behind_fly,
        )
        site.requestFactory = cast(Any, self.proxy.requests(NodeRequest))
        self.listen(site)

    async def not_ready(self) -> str:
        if self.gossip.heard_at is not None and not self.reporter.stale:
            return ""
        if self.entitlements.warm:
            return ""
        return "login has not been heard, and nothing is known of its users"

    def _receive(self, asked: Round) -> Answer:
        first = self.gossip.heard_at is None
        answer = self.gossip.receive(asked, self.reactor.seconds())
        if first and not self.entitlements.warm:
            self.entitlements.poll_now()
        return answer

    async def drained(self) -> None:
        """Login must hear the last of the wings and of the traffic: let it fetch that."""
        began = self.reactor.seconds()
        self.gossip.count_anew()
        self.reporter.report_now()
        while (self.gossip.heard_at or 0) < began and self.reactor.seconds() - began < LAST_WORD_SECONDS:
            pause: Deferred[None] = deferLater(self.reactor, 0.05, lambda: None)
            await pause
        await self.proxy.close()
