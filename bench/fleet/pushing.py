"""`python -m bench.fleet.pushing`: login's side of gossip over real HTTP, and the processor time it takes.

GossipPusher, NodeClient and Twisted's client as in a login node, against the edges of `bench.fleet.edges`.
Nothing else runs in this process: no wings, no pages. Reads what to do as JSON from its argument; prints
for each measurement one line of JSON once it is over.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import attrs
import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall, deferLater
from twisted.logger import (
    FilteringLogObserver,
    LogLevel,
    LogLevelFilterPredicate,
    globalLogBeginner,
    textFileLogObserver,
)

from bench.fleet.edges import address, edge_boot
from bench.fleet.simulation import LOGIN_BOOT, Changes
from bench.fleet.wings import LOGIN, NoNews, entries, machine
from wingthing.cluster.client import NodeClient, Reply, http_client
from wingthing.cluster.directory import LoginDirectory
from wingthing.cluster.discovery import Found
from wingthing.cluster.gossip_login import LoginGossip
from wingthing.cluster.pusher import GossipPusher
from wingthing.cluster.trust import Trust
from wingthing.crypto.keyring import KeyRing
from wingthing.crypto.keys import load_signing_key
from wingthing.errors import TemporarilyUnavailable
from wingthing.wire.limits import GOSSIP_TIMEOUT_SECONDS

CHANGE_SECONDS = 0.05
"""How often changes are made, when there are many: several at a time."""


class Order(msgspec.Struct, frozen=True):
    """What to measure."""

    edges: int
    wings: int
    changes: list[float]
    """Changes per second, one measurement after the other. Empty: login has just started, and hears from the
    edges about all wings; the measurement ends when all of them know everything."""

    settle_seconds: float
    seconds: float
    port: int
    key: str


class Measured(msgspec.Struct, frozen=True):
    """One measurement."""

    seconds: float
    cpu_seconds: float
    rounds: int
    missed: int
    resident_bytes: int
    """The most that this process has had."""

    late_seconds: float
    """The longest that the reactor was late for a call that was due."""


@attrs.define
class Names:
    """Implements FindsEdges."""

    count: int

    async def edges(self, own_machine: str) -> list[Found]:
        return [Found(machine(number), "nrt", address(number)) for number in range(self.count)]


@attrs.define
class CountingClient:
    """Implements Asks: the edges are all at another port than a fleet's."""

    client: NodeClient
    port: int
    rounds: int = 0
    missed: int = 0

    async def post(self, address: tuple[str, int], path: str, body: object, *, seconds: float) -> Reply:
        try:
            reply = await self.client.post((address[0], self.port), path, body, seconds=seconds)
        except TemporarilyUnavailable:
            self.missed += 1
            raise
        self.rounds += 1
        return reply


class Bench:
    """The login."""

    def __init__(self, reactor: Any, order: Order) -> None:
        self._reactor = reactor
        self._order = order
        keys = KeyRing.of(load_signing_key(order.key, source="the argument"), {})
        directory = LoginDirectory()
        wings = list(entries(order.wings, order.edges)) if order.changes else []
        for entry in wings:
            directory.up(entry)
        self._changes = Changes(directory, wings)
        gossip = LoginGossip(LOGIN, LOGIN_BOOT, directory, NoNews(), list, reactor.seconds())
        trust = Trust(keys, LOGIN, reactor.seconds, lambda: os.urandom(12).hex())
        client = NodeClient(reactor, http_client(reactor, GOSSIP_TIMEOUT_SECONDS), trust)
        self._client = CountingClient(client, order.port)
        self._gossip = gossip
        self._pusher = GossipPusher(
            reactor, gossip, Names(order.edges), self._client, lambda _machine, _answer: None
        )
        self._late = 0.0
        self._expected = 0.0

    async def run(self) -> None:
        """All measurements."""
        if self._order.changes:
            self._skip_snapshots()
        watching = LoopingCall(self._watch)
        watching.start(0.02, now=False)
        before = self._now()
        self._pusher.startService()
        if not self._order.changes:
            while not self._settled():
                await self._pause(0.02)
            self._print(before)
        for rate in self._order.changes:
            await self._measure(rate)
        watching.stop()

    def _settled(self) -> bool:
        peers = self._gossip.peers
        return len(peers) == self._order.edges and all(
            peer.whole and not self._gossip.has_news_for(name) for name, peer in peers.items()
        )

    def _skip_snapshots(self) -> None:
        """Every edge has the whole directory already, and login has all of its wings."""
        now = self._reactor.seconds()
        self._gossip.found({machine(number): "nrt" for number in range(self._order.edges)}, now)
        for number in range(self._order.edges):
            peer = self._gossip.peers[machine(number)]
            peer.boot, peer.login_seq, peer.whole, peer.has_answered = edge_boot(number), 0, True, True

    async def _measure(self, rate: float) -> None:
        interval = max(CHANGE_SECONDS, 1 / rate) if rate else 0.0
        changing = LoopingCall(self._changes.make, max(1, round(rate * interval)))
        if interval:
            changing.start(interval)
        await self._pause(self._order.settle_seconds)
        self._late = 0.0
        before = self._now()
        await self._pause(self._order.seconds)
        self._print(before)
        if interval:
            changing.stop()

    def _now(self) -> tuple[float, float, int, int]:
        return time.perf_counter(), time.process_time(), self._client.rounds, self._client.missed

    def _print(self, before: tuple[float, float, int, int]) -> None:
        seconds, cpu, rounds, missed = (end - begin for begin, end in zip(before, self._now(), strict=True))
        resident = most_resident_bytes()
        told = Measured(seconds, cpu, int(rounds), int(missed), resident, self._late)
        print(msgspec.json.encode(told).decode(), flush=True)

    def _watch(self) -> None:
        now = time.perf_counter()
        if self._expected:
            self._late = max(self._late, now - self._expected)
        self._expected = now + 0.02

    def _pause(self, seconds: float) -> Deferred[None]:
        return deferLater(self._reactor, seconds, lambda: None)


def most_resident_bytes() -> int:
    """The most memory that this process has had at a time."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def main(order: Order) -> None:
    """Measure, print, end."""
    from twisted.internet import reactor

    told = FilteringLogObserver(
        textFileLogObserver(sys.stderr), [LogLevelFilterPredicate(defaultLogLevel=LogLevel.error)]
    )
    globalLogBeginner.beginLoggingTo([told], redirectStandardIO=False)
    done = Deferred.fromCoroutine(Bench(reactor, order).run())

    def end(result: object) -> None:
        if result is not None:
            print(result, file=sys.stderr)
        reactor.stop()

    done.addBoth(end)
    reactor.run()


if __name__ == "__main__":
    main(msgspec.json.decode(sys.argv[1], type=Order))
