"""The private network (6PN) between the machines: a forwarder for every ordered pair, and faults.

A machine is known to every other under an address of its own (the block's `way`), where this process listens
and carries the bytes to the machine's real address. So one machine can be cut off from all others, or moved
to the other end of the world, without touching it. The public proxy does not pass through here.
"""

from __future__ import annotations

from typing import Any

import attrs
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IAddress, IListeningPort
from twisted.internet.protocol import Factory, Protocol
from twisted.logger import Logger

from wingthing.errors import OperatorError
from wingthing.rehearsal.addresses import Block
from wingthing.rehearsal.machine import Place
from wingthing.rehearsal.passage import Passage


@attrs.define
class Faults:
    """What is wrong with one machine's private network."""

    cut: bool = False
    delay: float = 0.0
    """Seconds, each way, on top of what the other side has."""


class Way(Factory):
    """The listening address of one ordered pair, and what is open through it."""

    noisy = False
    log = Logger()

    def __init__(self, reactor: Any, host: str, target: Place) -> None:
        self._reactor = reactor
        self._host = host
        self._target = target
        self._port: IListeningPort | None = None
        self._closing: Deferred[None] | None = None
        self._wanted = False
        self._cut, self._delay = False, 0.0
        self._passages: set[Passage] = set()

    def apply(self, *, alive: bool, cut: bool, delay: float) -> None:
        """Imitate a target that lives or not, behind a network in this state.

        Dials to a dead machine are refused; dials through a cut hang, whatever is behind it.
        Raises OperatorError when the address is taken.
        """
        self._cut, self._delay = cut, delay
        for passage in tuple(self._passages):
            passage.apply(cut, delay)
        self._wanted = alive or cut
        self._settle()

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        passage = Passage(
            self._reactor,
            self._target.address,
            self._target.port,
            cut=self._cut,
            delay=self._delay,
            over=self._passages.discard,
        )
        self._passages.add(passage)
        return passage.near

    def close(self) -> Deferred[Any]:
        """Listen no more, and cut what is open."""
        self._wanted = False
        self._settle()
        for passage in tuple(self._passages):
            passage.abort()
        closed: Deferred[None] = Deferred()
        if self._closing is None:
            closed.callback(None)
        else:
            self._closing.chainDeferred(closed)
        return closed

    def _settle(self) -> None:
        # A port takes a turn of the reactor to close, and its address is taken until then.
        if self._closing is not None:
            return
        if self._wanted and self._port is None:
            try:
                self._port = self._reactor.listenTCP(self._target.port, self, interface=self._host)
            except CannotListenError as why:
                raise OperatorError(
                    f"{self._host}:{self._target.port} cannot be listened on: {why}."
                ) from why
        elif not self._wanted and self._port is not None:
            port, self._port = self._port, None
            self._closing = Deferred()
            stopped: Deferred[Any] = Deferred()
            result = port.stopListening()
            if isinstance(result, Deferred):
                stopped = result
            else:
                stopped.callback(None)
            stopped.addBoth(self._closed)

    def _closed(self, _result: Any) -> None:
        closing, self._closing = self._closing, None
        assert closing is not None
        try:
            self._settle()
        except OperatorError as why:
            self.log.error("{why}", why=str(why))
        closing.callback(None)


class Network:
    """All ways of a rehearsal. Machines are named by their numbers."""

    def __init__(self, reactor: Any, block: Block) -> None:
        self._reactor = reactor
        self._block = block
        self._places: dict[int, Place] = {}
        self._alive: set[int] = set()
        self._faults: dict[int, Faults] = {}
        self._ways: dict[tuple[int, int], Way] = {}

    def add(self, place: Place) -> None:
        """A new machine: ways from and to all others. It is not alive yet."""
        new = place.number
        for number, other in self._places.items():
            for source, target in ((new, other), (number, place)):
                host = self._block.way(source, target.number)
                self._ways[source, target.number] = Way(self._reactor, host, target)
        self._places[new] = place
        self._faults[new] = Faults()
        self._apply(new)

    def address(self, source: int, target: int) -> str:
        """Where `source` finds `target`."""
        return self._block.way(source, target)

    def faults(self, number: int) -> Faults:
        """What is wrong at a machine; a copy."""
        return attrs.evolve(self._faults[number])

    def set_alive(self, number: int, alive: bool) -> None:
        """The process of a machine has started or ended. Raises OperatorError when an address is taken."""
        if alive is not (number in self._alive):
            (self._alive.add if alive else self._alive.discard)(number)
            self._apply(number)

    def partition(self, number: int) -> None:
        """Cut a machine off from all others: connections freeze, dials hang."""
        self._faults[number].cut = True
        self._apply(number)

    def slow(self, number: int, seconds: float) -> None:
        """Delay everything to and from a machine by that, each way."""
        self._faults[number].delay = seconds
        self._apply(number)

    def heal(self, number: int) -> None:
        """Take all faults of a machine away; what was frozen goes on."""
        self._faults[number] = Faults()
        self._apply(number)

    def close(self) -> Deferred[Any]:
        """The end of the network; fires when nothing listens any more."""
        return gatherResults([way.close() for way in self._ways.values()])

    def _apply(self, number: int) -> None:
        for (source, target), way in self._ways.items():
            if number in (source, target):
                ends = self._faults[source], self._faults[target]
                way.apply(
                    alive=target in self._alive,
                    cut=any(end.cut for end in ends),
                    delay=sum(end.delay for end in ends),
                )
