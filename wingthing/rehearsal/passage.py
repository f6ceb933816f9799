"""One connection through the private network: accepted in the target's place, dialled on, and carried."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IAddress, IDelayedCall, IHalfCloseableProtocol
from twisted.internet.protocol import ClientFactory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from wingthing.rehearsal.facts import CONNECT_SECONDS
from wingthing.rehearsal.lane import Lane


@implementer(IHalfCloseableProtocol)
class End(Protocol):
    """The socket on one side of a passage. What it reads goes into `lane`."""

    transport: Any

    def __init__(self, made: Callable[[End], None], lost: Callable[[End, Failure], None]) -> None:
        self._made = made
        self._lost = lost
        self._read_ended = self._write_ended = False
        self.lane: Lane | None = None

    def connectionMade(self) -> None:
        self.transport.setTcpNoDelay(True)
        self._made(self)

    def dataReceived(self, data: bytes) -> None:
        assert self.lane is not None
        self.lane.take(data)

    def readConnectionLost(self) -> None:
        self._read_ended = True
        if self.lane is not None:
            self.lane.take(None)
        self._close_when_both_ended()

    def writeConnectionLost(self) -> None:
        self._write_ended = True
        self._close_when_both_ended()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._lost(self, reason)

    def _close_when_both_ended(self) -> None:
        # Twisted leaves a socket open whose two halves were closed one after the other.
        if self._read_ended and self._write_ended:
            self.transport.loseConnection()


class Passage:
    """`near` is the socket of the machine that dialled, `far` the one that this process has to the target.

    While the way is cut, a new connection is accepted and goes nowhere, and an open one is frozen.
    `over(passage)` is called when both sockets are gone.
    """

    def __init__(
        self,
        reactor: Any,
        host: str,
        port: int,
        *,
        cut: bool,
        delay: float,
        over: Callable[[Passage], None],
    ) -> None:
        self._reactor = reactor
        self._host = host
        self._port = port
        self._cut = cut
        self._delay = delay
        self._over = over
        self.near = End(self._accepted, self._lost)
        self._open: set[End] = set()
        self._lanes: tuple[Lane, ...] = ()
        self._dialling = False
        self._waiting: IDelayedCall | None = None
        self._broken = False

    def apply(self, cut: bool, delay: float) -> None:
        """The state of the network has changed. `delay` is in seconds, each way."""
        was_cut, self._cut, self._delay = self._cut, cut, delay
        for lane in self._lanes:
            lane.set_delay(delay)
            if cut and not was_cut:
                lane.freeze()
            elif was_cut and not cut:
                lane.thaw()
        if self._broken and not cut:
            self.abort()
        self._dial_soon()

    def abort(self) -> None:
        """Cut both sockets off (RST)."""
        for end in tuple(self._open):
            end.transport.abortConnection()

    def _accepted(self, end: End) -> None:
        self._open.add(end)
        end.transport.pauseProducing()
        self._dial_soon()

    def _dial_soon(self) -> None:
        """As soon as a connection would be open at this distance: there and back."""
        idle = not (self._lanes or self._dialling or self._waiting is not None)
        if idle and not self._cut and self.near in self._open:
            self._waiting = self._reactor.callLater(2 * self._delay, self._dial)

    def _dial(self) -> None:
        self._waiting = None
        if not self._cut:
            self._dialling = True
            self._reactor.connectTCP(self._host, self._port, _Dial(self), timeout=CONNECT_SECONDS)

    def dialled(self) -> End:
        """The target has accepted: the protocol for its socket."""
        return End(self._joined, self._lost)

    def refused(self) -> None:
        """The target has not accepted."""
        self._dialling = False
        if self._cut:
            self._broken = True
        else:
            self.abort()

    def _joined(self, far: End) -> None:
        self._dialling = False
        self._open.add(far)
        near = self.near
        if near not in self._open:
            far.transport.abortConnection()
            return
        near.lane = Lane(self._reactor, near.transport, far.transport, self._delay)
        far.lane = Lane(self._reactor, far.transport, near.transport, self._delay)
        self._lanes = (near.lane, far.lane)
        near.transport.resumeProducing()
        if self._cut:
            for lane in self._lanes:
                lane.freeze()

    def _lost(self, end: End, reason: Failure) -> None:
        self._open.discard(end)
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
        if not reason.check(ConnectionDone):
            # An end in good order travels in the lanes; this is a reset, and goes ahead of everything.
            self._broken = True
            if not self._cut:
                self.abort()
        if not self._open and not self._dialling:
            self._over(self)


class _Dial(ClientFactory):
    noisy = False

    def __init__(self, passage: Passage) -> None:
        self._passage = passage

    def buildProtocol(self, addr: IAddress | None) -> End:
        return self._passage.dialled()

    def clientConnectionFailed(self, connector: Any, reason: Failure) -> None:
        self._passage.refused()
