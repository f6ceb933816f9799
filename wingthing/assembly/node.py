"""What every node has, in whatever role: the relay, its sockets, the port, and a drain at the end."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping
from typing import Any

from klein import Klein
from twisted.application.service import MultiService
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocolFactory
from twisted.logger import Logger

from wingthing import __version__
from wingthing.assembly.caps import CapWatch
from wingthing.assembly.config import Config
from wingthing.assembly.drain import drain
from wingthing.assembly.lag import ReactorLag
from wingthing.assembly.listener import Listener
from wingthing.assembly.metrics import Metrics, NodeFigures, PlanFigures
from wingthing.crypto.keyring import KeyRing
from wingthing.crypto.keys import dump_signing_public
from wingthing.relay.rates import LIMITS, LOCAL, Limits
from wingthing.relay.router import Router
from wingthing.sockets.base import RelayFactory
from wingthing.sockets.upgrade import (
    Authenticator,
    DashboardUpgrade,
    Placement,
    UpgradeResource,
    ViewerUpgrade,
    WingUpgrade,
)
from wingthing.web.guard import Guard, machine_names
from wingthing.web.operating import SEGMENTS as operating_segments
from wingthing.web.operating import Operating
from wingthing.web.plain_files import SEGMENTS as file_segments
from wingthing.web.plain_files import PlainFiles
from wingthing.wire.limits import DRAIN_SECONDS

UPGRADES: Mapping[str, type[UpgradeResource]] = {
    "wing": WingUpgrade,
    "pty": ViewerUpgrade,
    "relay": ViewerUpgrade,
    "app": DashboardUpgrade,
}
"""The last segment of the address -> what is there, under `/ws/`."""


class Node(MultiService):
    """One node. Starting it binds the port; stopping it drains the sockets first."""

    log = Logger()

    def __init__(self, reactor: Any, config: Config, keys: KeyRing) -> None:
        super().__init__()
        self.reactor = reactor
        self.config = config
        self.keys = keys
        self.public_url = config.base_url or ""
        self.guard = Guard(config.base_url, config.allow_remote, machine_names())
        self.limits = Limits(reactor.seconds, LOCAL if config.sign_in is None else frozenset(LIMITS))
        self.router = Router(
            relay_pub_key=dump_signing_public(keys.signing.public_key()),
            new_session_id=lambda: secrets.token_hex(4),
            new_connection_id=lambda: str(uuid.uuid4()),
        )
        self.began: float = reactor.seconds()
        self.factory = RelayFactory(self.router, reactor)
        self.caps = CapWatch(reactor, self.router, self.factory.paces)
        self.caps.setServiceParent(self)
        self.lag = ReactorLag(reactor)
        self.lag.setServiceParent(self)
        self.metrics = Metrics()
        self.metrics.add(NodeFigures(config, self.router, self.factory.cut_off, self.lag))
        self.metrics.add(PlanFigures(self.router.allowance, self.factory.paces.delayed))
        self._upgrades: dict[str, UpgradeResource] = {}
        self._stopping = False

    @property
    def described(self) -> str:
        """This node in a log line."""
        place = self.config.fleet
        if place is None:
            return f"the {self.config.role} node"
        return f"{self.config.role} node {place.machine} in {place.region or 'no region'}"

    def sockets(self, authenticator: Authenticator, placement: Placement | None = None) -> Any:
        """The resources of `/ws/`."""
        for name, kind in UPGRADES.items():
            upgrade = self._upgrades[name] = kind(self.factory, authenticator, self.guard.origin_allowed)
            if placement is not None and isinstance(upgrade, ViewerUpgrade):
                upgrade.placement = placement
        return self._upgrades

    def everywhere(self) -> dict[str, Klein]:
        """What every node serves besides its sockets, by the first segment of the address."""
        operating = Operating(self._not_ready, self.metrics.text).app
        return dict.fromkeys(operating_segments, operating) | dict.fromkeys(file_segments, PlainFiles().app)

    async def _not_ready(self) -> str:
        return "this node is stopping" if self._stopping else await self.not_ready()

    async def not_ready(self) -> str:
        """Why this node cannot do its work, in a sentence; empty when it can."""
        return ""

    def listen(self, site: IProtocolFactory) -> None:
        """Serve `site` on the configured endpoint once the node starts."""
        Listener(self.reactor, self.config.endpoint, site, self.listening).setServiceParent(self)

    def listening(self, url: str) -> None:
        """The port is bound: `url` is where."""
        self.public_url = self.config.base_url or url

    def link(self) -> str | None:
        """The one-time link that lets the next browser in; None where there is none to give."""
        return None

    def startService(self) -> None:
        super().startService()
        self.log.info(
            "{node} has started, version {version}",
            node=self.described,
            version=__version__,
            role=str(self.config.role),
        )

    def stopService(self) -> Deferred[Any]:
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        self._stopping = True
        self.log.info("{node} is stopping", node=self.described)
        for upgrade in self._upgrades.values():
            upgrade.draining = True
        try:
            await drain(self.reactor, self.router, DRAIN_SECONDS)
            await self.drained()
        finally:
            try:
                await MultiService.stopService(self)
            finally:
                self.closed()
                self.log.info("{node} has stopped", node=self.described)

    async def drained(self) -> None:
        """All sockets are gone, and all services still run."""

    def closed(self) -> None:
        """All services have ended."""
