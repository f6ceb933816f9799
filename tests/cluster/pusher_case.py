"""Login's pusher between edges that are made up."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from tests.cluster.case import FakeNews, place
from wingthing.cluster.client import Reply
from wingthing.cluster.directory import EdgeDirectory, LoginDirectory
from wingthing.cluster.discovery import Found
from wingthing.cluster.gossip_edge import EdgeGossip
from wingthing.cluster.gossip_login import LoginGossip
from wingthing.cluster.pusher import GossipPusher
from wingthing.testing import WING_ID
from wingthing.wire.gossip import Answer, Round
from wingthing.wire.internal import GOSSIP_PATH
from wingthing.wire.limits import (
    GOSSIP_SECONDS,
    MAX_ROUND_ENTRIES,
)


class FakeNames:
    """DNS: the edges that are there, or what it fails with. `waiting` set: it answers when that fires."""

    def __init__(self, *machines: str) -> None:
        self.there = {machine: Found(machine, "nrt", f"fdaa::{machine}") for machine in machines}
        self.failure: Exception | None = None
        self.waiting: Deferred[None] | None = None
        self.asked = 0

    async def edges(self, own_machine: str) -> list[Found]:
        assert own_machine == "login"
        self.asked += 1
        if self.waiting is not None:
            await self.waiting
        if self.failure is not None:
            raise self.failure
        return list(self.there.values())


class FakeNetwork:
    """Brings rounds to edges and answers back, as bytes. A machine in `fates` has its own fate."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.edges: dict[str, EdgeGossip] = {}
        self.fates: dict[str, Callable[[Round], Deferred[bytes]]] = {}
        self.proven: dict[str, str] = {}
        """Who answers at the address of a machine, when it is somebody else."""

        self.rounds: list[tuple[str, Round, float]] = []
        """To whom, what, and when."""

    async def post(self, address: tuple[str, int], path: str, body: object, *, seconds: float) -> Reply:
        assert path == GOSSIP_PATH
        assert address[1] == 8080
        machine = address[0].removeprefix("fdaa::")
        asked = msgspec.json.decode(body, type=Round)  # type: ignore[arg-type]
        self.rounds.append((machine, asked, self.clock.seconds()))
        fate = self.fates.get(machine)
        if fate is not None:
            answer = await fate(asked)
        else:
            answer = msgspec.json.encode(self.edges[machine].receive(asked, self.clock.seconds()))
        return Reply(self.proven.get(machine, machine), 200, answer, "")

    def times(self, machine: str) -> list[float]:
        """When rounds with that edge began."""
        return [at for whom, _asked, at in self.rounds if whom == machine]

    def to(self, machine: str) -> list[Round]:
        """What was said to it."""
        return [asked for whom, asked, _at in self.rounds if whom == machine]


def failing(why: Exception) -> Callable[[Round], Deferred[bytes]]:
    def fate(_asked: Round) -> Deferred[bytes]:
        failed: Deferred[bytes] = Deferred()
        failed.errback(why)
        return failed

    return fate


class PusherCase(TestCase):
    machines: tuple[str, ...] = ("edge-a", "edge-b")
    most = MAX_ROUND_ENTRIES

    def setUp(self) -> None:
        self.clock = Clock()
        self.network, self.names = FakeNetwork(self.clock), FakeNames(*self.machines)
        self.usage: list[tuple[str, Answer]] = []
        self.sent: dict[str, int] = {}
        for machine in self.machines:
            self.start_edge(machine)
        self.gossip = LoginGossip(
            "login", "boot", LoginDirectory(), FakeNews(), list, self.clock.seconds(), self.most
        )
        self.pusher = GossipPusher(
            self.clock,
            self.gossip,
            self.names,
            self.network,
            lambda machine, answer: self.usage.append((machine, answer)),
        )
        self.pusher.startService()
        self.addCleanup(self.stop)

    def start_edge(self, machine: str) -> None:
        usage = lambda: list(self.sent.items()) if machine == "edge-a" else []  # noqa: E731
        self.network.edges[machine] = EdgeGossip(
            EdgeDirectory(machine),
            "nrt",
            f"{machine}-boot",
            FakeNews(),
            usage,
            lambda: (0, 0),
            most=self.most,
        )

    def stop(self) -> None:
        if self.pusher.running:
            self.pusher.stopService()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def turn(self, seconds: float) -> None:
        for _ in range(round(seconds / 0.0625)):
            self.clock.advance(0.0625)

    def quiet(self) -> None:
        """Everybody knows everything, and the next rounds are not due yet."""
        self.turn(GOSSIP_SECONDS + 1.0)
        self.network.rounds.clear()

    def places(self) -> set[tuple[str, str] | None]:
        found = [edge.directory.current(WING_ID) for edge in self.network.edges.values()]
        return {place(entry) for entry in [self.gossip.directory.current(WING_ID), *found]}
