"""Login's side at work: looks for edges, begins rounds on time and at once, takes the answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import attrs
import msgspec
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from wingthing.cluster.client import Reply, decode
from wingthing.cluster.discovery import Found
from wingthing.cluster.gossip_login import LoginGossip, Peer
from wingthing.errors import NotFound, TemporarilyUnavailable
from wingthing.names import FLEET_PORT
from wingthing.wire.gossip import Answer, Round, Snapshot
from wingthing.wire.internal import GOSSIP_PATH
from wingthing.wire.limits import (
    DISCOVERY_SECONDS,
    GOSSIP_COALESCE_SECONDS,
    GOSSIP_SECONDS,
    GOSSIP_TIMEOUT_SECONDS,
)


class Asks(Protocol):
    """What is needed of NodeClient."""

    async def post(self, address: tuple[str, int], path: str, body: object, *, seconds: float) -> Reply: ...


class FindsEdges(Protocol):
    """What is needed of InternalNames."""

    async def edges(self, own_machine: str) -> list[Found]: ...


@attrs.define(eq=False)
class _Line:
    """The rounds to one edge: one at a time, and when the next one is due."""

    machine: str
    address: str
    due: IDelayedCall | None = None
    busy: bool = False
    again: bool = False
    round_seconds: float = 0.0
    """How long the last answer took."""


class GossipPusher(Service):
    """Runs `gossip`. `usage(machine, answer)` gets each answer that has a usage report."""

    log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        gossip: LoginGossip,
        names: FindsEdges,
        client: Asks,
        usage: Callable[[str, Answer], None],
    ) -> None:
        self._clock = clock
        self.gossip = gossip
        self._names = names
        self._client = client
        self._usage = usage
        self._lines: dict[str, _Line] = {}
        self._encoder = msgspec.json.Encoder()
        self._written: tuple[Snapshot, bytes] | None = None
        self._looking = False
        self._blind = False
        self._search = LoopingCall(self._look)
        self._search.clock = clock
        self._tick = LoopingCall(self._give_up_the_silent)
        self._tick.clock = clock
        gossip.log.appended = self._news

    def startService(self) -> None:
        super().startService()
        self._search.start(DISCOVERY_SECONDS)
        self._tick.start(GOSSIP_SECONDS / 2, now=False)

    def stopService(self) -> None:
        super().stopService()
        for loop in (self._search, self._tick):
            if loop.running:
                loop.stop()
        for line in self._lines.values():
            _cancel(line)

    def hello(self, machine: str) -> None:
        """An edge has started, or has news: begin a round with it at once."""
        line = self._lines.get(machine)
        if line is not None:
            self._schedule(line, 0)
        else:
            self._look()

    def round_seconds(self, machine: str) -> float | None:
        """How long that edge took for its last answer; None when it has given none."""
        line = self._lines.get(machine)
        return line.round_seconds if line is not None and line.round_seconds else None

    # -- who is there ----------------------------------------------------------------------------------------

    def _look(self) -> Deferred[None] | None:
        if self._looking:
            return None
        self._looking = True
        looking = Deferred.fromCoroutine(self._find())
        # A loop ends for ever at the first failure that it is told of.
        return looking.addErrback(
            lambda failure: self.log.failure("edges were not looked for", failure=failure)
        )

    async def _find(self) -> None:
        try:
            found = await self._names.edges(self.gossip.machine)
        except TemporarilyUnavailable as why:
            if not self._blind:
                self.log.warn("edges are not found: {why}", why=why)
            self._blind = True
            return
        finally:
            self._looking = False
        if self._blind:
            self.log.info("edges are looked for again")
        self._blind = False
        self.gossip.found({edge.machine: edge.region for edge in found}, self._clock.seconds())
        for edge in found:
            line = self._lines.get(edge.machine)
            if line is None:
                self.log.info("edge {edge} in {at} is there", edge=edge.machine, at=edge.region)
                line = self._lines[edge.machine] = _Line(edge.machine, edge.address)
                self._schedule(line, 0)
            line.address = edge.address
        for machine in self._lines.keys() - self.gossip.peers.keys():
            self.log.info("edge {edge} is gone", edge=machine)
            _cancel(self._lines.pop(machine))

    def _give_up_the_silent(self) -> None:
        for peer in self.gossip.tick(self._clock.seconds()):
            self.log.warn("edge {edge} is away: its wings are offline", edge=peer.machine)

    # -- rounds ----------------------------------------------------------------------------------------------

    def _news(self) -> None:
        for line in self._lines.values():
            self._schedule(line, GOSSIP_COALESCE_SECONDS)

    def _schedule(self, line: _Line, seconds: float) -> None:
        """See to it that a round with this edge begins in `seconds` at the latest."""
        if not self.running:
            return
        if line.busy:
            line.again = True
            return
        if line.due is not None and line.due.active():
            if line.due.getTime() <= self._clock.seconds() + seconds:
                return
            line.due.cancel()
        line.due = self._clock.callLater(seconds, self._begin, line)

    def _begin(self, line: _Line) -> None:
        line.busy, line.again = True, False
        talking = Deferred.fromCoroutine(self._talk(line))
        talking.addErrback(lambda failure: self.log.failure("a round failed", failure=failure))
        talking.addBoth(self._ended, line, self._clock.seconds())

    def _ended(self, _result: object, line: _Line, began: float) -> None:
        line.busy = False
        if not self._is_there(line):
            return
        if line.again:
            self._schedule(line, GOSSIP_COALESCE_SECONDS)
        else:
            self._schedule(line, max(0.0, began + GOSSIP_SECONDS - self._clock.seconds()))

    def _is_there(self, line: _Line) -> bool:
        """Whether the edge has not been forgotten, or found anew, since its round began."""
        return self._lines.get(line.machine) is line

    async def _talk(self, line: _Line) -> None:
        began = self._clock.seconds()
        asked = self.gossip.next_round(line.machine, began)
        peer = self.gossip.peers[line.machine]
        try:
            reply = await self._client.post(
                (line.address, FLEET_PORT),
                GOSSIP_PATH,
                self._encoded(asked),
                seconds=GOSSIP_TIMEOUT_SECONDS,
            )
            answer = decode(reply, Answer)
            for machine in (reply.machine, answer.machine):
                if machine != line.machine:
                    raise TemporarilyUnavailable(f"{machine} answers at the address of {line.machine}")
        except (TemporarilyUnavailable, NotFound) as why:
            if self._is_there(line):
                self._missed(peer, why)
            return
        if not self._is_there(line):
            return
        line.round_seconds = self._clock.seconds() - began
        self._take(asked, answer, peer)
        if self.gossip.has_news_for(line.machine):
            line.again = True

    def _encoded(self, asked: Round) -> bytes:
        """The JSON of a round. A snapshot may have a hundred thousand wings, and goes to many edges: it is
        written once."""
        snapshot = asked.snapshot
        if snapshot is None:
            return self._encoder.encode(asked)
        if self._written is None or self._written[0] is not snapshot:
            self._written = (snapshot, self._encoder.encode(snapshot))
        fields = msgspec.structs.asdict(asked)
        return self._encoder.encode({**fields, "snapshot": msgspec.Raw(self._written[1])})

    def _missed(self, peer: Peer, why: Exception) -> None:
        was_suspect = peer.suspect
        self.gossip.missed(peer.machine)
        if peer.suspect and not was_suspect:
            self.log.warn("edge {edge} is suspect: {why}", edge=peer.machine, why=why)

    def _take(self, asked: Round, answer: Answer, peer: Peer) -> None:
        was_away, boot = peer.suspect or not peer.alive, peer.boot
        if self.gossip.answered(asked, answer, self._clock.seconds()):
            if was_away:
                self.log.info("edge {edge} answers", edge=peer.machine)
            elif peer.boot != boot:
                self.log.info("edge {edge} has started anew", edge=peer.machine)
            if answer.usage:
                self._usage(peer.machine, answer)


def _cancel(line: _Line) -> None:
    if line.due is not None and line.due.active():
        line.due.cancel()
