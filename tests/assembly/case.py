"""Whole nodes without sockets, threads or time: a reactor in memory, and a database that answers at once."""

from __future__ import annotations

from pathlib import Path

import txaio
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import LogEvent, formatEvent, globalLogPublisher
from twisted.trial.unittest import TestCase

from tests.store.support import DirectDatabase
from wingthing.assembly import home
from wingthing.assembly.config import Config, FleetPlace
from wingthing.assembly.edge import EdgeNode
from wingthing.assembly.login import LoginNode
from wingthing.assembly.node import Node
from wingthing.assembly.roles import Role
from wingthing.assembly.single import SingleNode
from wingthing.crypto.keyring import KeyRing
from wingthing.crypto.keys import new_signing_key
from wingthing.testing import FrameClient

NOW = 1_800_000_000.0
HOST = "127.0.0.1:8080"
SOMEWHERE = ("127.0.0.1", 1)


def place(machine: str, region: str) -> FleetPlace:
    """Where a node of the fleet is. Nobody is at the addresses."""
    return FleetPlace("app", machine, region, login_addr=SOMEWHERE, dns=SOMEWHERE)


class NodeCase(TestCase):
    """Nodes are made by `single`, `login` and `edge`, and started by `start`."""

    def setUp(self) -> None:
        self.reactor = MemoryReactorClock()
        self.reactor.advance(NOW)
        # Autobahn's timers ask txaio for their clock.
        before = txaio.config.loop
        txaio.config.loop = self.reactor
        self.addCleanup(setattr, txaio.config, "loop", before)
        self.folder = Path(self.mktemp())
        self.folder.mkdir(parents=True)
        self.databases: list[DirectDatabase] = []
        self.patch(home, "open_database", self._open_database)
        self.keys = KeyRing.of(new_signing_key(), {})
        self.events: list[LogEvent] = []
        globalLogPublisher.addObserver(self.events.append)
        self.addCleanup(globalLogPublisher.removeObserver, self.events.append)

    def _open_database(self, _reactor: object, path: Path) -> DirectDatabase:
        self.databases.append(DirectDatabase(path))
        self.addCleanup(self.databases[-1].close)
        return self.databases[-1]

    def single(self) -> SingleNode:
        config = Config(Role.SINGLE, "tcp:8080:interface=127.0.0.1", False, self.folder, None, False)
        return SingleNode(self.reactor, config, self.keys, self.folder, machine="single", boot="b")

    def login(self) -> LoginNode:
        config = Config(
            Role.LOGIN, "tcp:8080", True, self.folder, f"http://{HOST}", False, fleet=place("m1", "ewr")
        )
        return LoginNode(self.reactor, config, self.keys, self.folder, machine="m1", boot="boot-1")

    def edge(self) -> EdgeNode:
        config = Config(Role.EDGE, "tcp:8080", True, None, f"http://{HOST}", False, fleet=place("m2", "nrt"))
        return EdgeNode(self.reactor, config, self.keys, "boot-2")

    def start(self, node: Node) -> Node:
        node.startService()
        return node

    def stop(self, node: Node) -> None:
        """Stop it, and wait."""
        ended: list[object] = []
        node.stopService().addBoth(ended.append)
        for _ in range(100):
            self.reactor.advance(0.1)
        self.assertEqual(ended, [None])

    def client(self) -> FrameClient:
        """A connection to the node that was started last."""
        return FrameClient(self.reactor.tcpServers[-1][1])

    def ask(self, target: str, headers: dict[str, str] | None = None) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body (as it was framed) of an answer."""
        client = self.client()
        client.request(target, {"Host": HOST} | (headers or {}))
        self.reactor.advance(0)
        return client.response()

    def said(self, *systems: str) -> list[str]:
        """What has been logged, by classes of these names or by all of ours."""
        return [formatEvent(event) for event in self.events if _is_of(event, systems)]


def _is_of(event: LogEvent, systems: tuple[str, ...]) -> bool:
    namespace: str = event.get("log_namespace", "")
    if not namespace.startswith("wingthing.") or event["log_level"].name == "debug":
        return False
    return not systems or namespace.rpartition(".")[2] in systems
