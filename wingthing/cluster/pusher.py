"""Login's side at work: looks for edges, begins rounds on time and at once, takes the answers.

A round costs login most of a millisecond, whatever is in it. So with many edges they are not begun all in one
go, which would hold up everything else that login does, and while there is always news one edge hears of it
the less often the more edges there are.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
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
from wingthing.wire.gossip import Answer, FleetEvent, Round, Snapshot
from wingthing.wire.internal import GOSSIP_PATH
from wingthing.wire.limits import (
    DISCOVERY_SECONDS,
    GOSSIP_COALESCE_SECONDS,
    GOSSIP_ROUNDS_PER_SECOND,
    GOSSIP_SECONDS,
    GOSSIP_TIMEOUT_SECONDS,
)

ROUNDS_AT_ONCE = 4
"""Rounds that are begun before the reactor looks at anything else."""

NEVER = float("-inf")


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
    ready: bool = False
    """Whether it waits for its turn to begin a round."""

    busy: bool = False
    again: bool = False
    """Whether something has happened while it was busy."""

    at_once: bool = False
    """Whether the last round was a part of something: the next one goes on with it."""

    asked: bool = False
    """Whether the edge has asked for a round."""

    asked_at: float = NEVER
    """When the last round began that the edge had asked for."""

    told_at: float = NEVER
    """When the last round began that had news of login."""

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
        self._ready: deque[_Line] = deque()
        self._beginning: IDelayedCall | None = None
        self._telling: IDelayedCall | None = None
        self._writer = RoundWriter()
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
            _cancel(line.due)
        _cancel(self._beginning)
        _cancel(self._telling)
        self._ready.clear()

    def hello(self, machine: str) -> None:
        """An edge has started, or has news: begin a round with it at once."""
        line = self._lines.get(machine)
        if line is not None:
            line.asked = True
            self._schedule(line, self._time_to(line.asked_at))
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
            _cancel(self._lines.pop(machine).due)

    def _give_up_the_silent(self) -> None:
        for peer in self.gossip.tick(self._clock.seconds()):
            self.log.warn("edge {edge} is away: its wings are offline", edge=peer.machine)
        if not any(peer.telling for peer in self.gossip.peers.values()):
            self._writer.forget()

    # -- rounds ----------------------------------------------------------------------------------------------

    @property
    def _pace(self) -> float:
        """How long after a round with news an edge's next one begins, at the earliest."""
        return min(GOSSIP_SECONDS, max(GOSSIP_COALESCE_SECONDS, len(self._lines) / GOSSIP_ROUNDS_PER_SECOND))

    def _news(self) -> None:
        if self.running and (self._telling is None or not self._telling.active()):
            self._telling = self._clock.callLater(GOSSIP_COALESCE_SECONDS, self._tell)

    def _tell(self) -> None:
        for line in self._lines.values():
            self._schedule(line, self._time_to(line.told_at))

    def _time_to(self, last: float) -> float:
        """How long the next round of a kind has to wait when the last one was at that time."""
        return max(0.0, last + self._pace - self._clock.seconds())

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
        line.due = self._clock.callLater(seconds, self._is_ready, line)

    def _is_ready(self, line: _Line) -> None:
        if not line.ready:
            line.ready = True
            self._ready.append(line)
        if self._beginning is None or not self._beginning.active():
            self._beginning = self._clock.callLater(0, self._begin_some)

    def _begin_some(self) -> None:
        for _ in range(min(ROUNDS_AT_ONCE, len(self._ready))):
            line = self._ready.popleft()
            line.ready = False
            if self._is_there(line):
                self._begin(line)
        if self._ready:
            self._beginning = self._clock.callLater(0, self._begin_some)

    def _begin(self, line: _Line) -> None:
        line.busy, line.again, line.at_once = True, False, False
        now = self._clock.seconds()
        if line.asked:
            line.asked, line.asked_at = False, now
        if self.gossip.has_news_for(line.machine):
            line.told_at = now
        talking = Deferred.fromCoroutine(self._talk(line))
        talking.addErrback(lambda failure: self.log.failure("a round failed", failure=failure))
        talking.addBoth(self._ended, line, now)

    def _ended(self, _result: object, line: _Line, began: float) -> None:
        line.busy = False
        if not self._is_there(line):
            return
        if line.at_once:
            self._schedule(line, 0)
        elif line.again:
            wait = self._time_to(line.asked_at if line.asked else line.told_at)
            self._schedule(line, max(GOSSIP_COALESCE_SECONDS, wait))
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
                self._writer.write(asked),
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
        line.at_once = self.gossip.is_midway(line.machine)
        if self.gossip.has_news_for(line.machine):
            line.again = True

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


class RoundWriter:
    """The JSON of rounds. What goes to many edges is written once: the parts of a snapshot, and the latest
    events."""

    def __init__(self) -> None:
        self._encoder = msgspec.json.Encoder()
        self._parts: dict[int, tuple[Snapshot, bytes]] = {}
        self._events: tuple[tuple[int, int], bytes] = ((0, 0), b"[]")

    def write(self, asked: Round) -> bytes:
        """A whole round."""
        if asked.snapshot is None and len(asked.events) < 2:
            return self._encoder.encode(asked)
        fields = msgspec.structs.asdict(asked)
        fields["events"] = self._written_events(asked.seq, asked.events)
        if asked.snapshot is not None:
            fields["snapshot"] = self._written_part(asked.snapshot)
        return self._encoder.encode(fields)

    def forget(self) -> None:
        """No snapshot is being told any more."""
        self._parts.clear()

    def _written_part(self, snapshot: Snapshot) -> msgspec.Raw:
        known, written = self._parts.get(snapshot.part, (None, b""))
        if known is not snapshot:
            written = self._encoder.encode(snapshot)
            self._parts[snapshot.part] = (snapshot, written)
        return msgspec.Raw(written)

    def _written_events(self, seq: int, events: Sequence[FleetEvent]) -> msgspec.Raw:
        # The same numbers are the same events: they are this login's, and of one boot.
        which = (seq, len(events))
        if self._events[0] != which:
            self._events = (which, self._encoder.encode(events))
        return msgspec.Raw(self._events[1])


def _cancel(call: IDelayedCall | None) -> None:
    if call is not None and call.active():
        call.cancel()
