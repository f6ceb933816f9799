"""The proxy's connection to a machine: one request, one answer, or one WebSocket."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import h11
from twisted.internet import protocol
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from wingthing.rehearsal.facts import HEAD_BYTES
from wingthing.rehearsal.valve import Valve

HEAD = "head"
"""The answer has begun, and it is not decided yet what becomes of it."""

CUT = "cut"
"""The machine is cut off from the proxy."""

Head = h11.Response | h11.InformationalResponse
"""The head of an answer: a response, or the 101 that leaves HTTP."""


class NoAnswer(Exception):
    """The machine has gone, or never was there, before its answer began."""


class Taker(Protocol):
    """Who takes the body of an answer."""

    def body(self, data: bytes) -> None:
        """A part of it."""

    def body_ended(self) -> None:
        """That was all."""

    def broken(self) -> None:
        """There will be no more, and there should have been."""


class MachineSide(protocol.Protocol):
    """`ask` once, then `deliver` or `switch`, or `cut_off`. What comes meanwhile waits in the socket."""

    transport: Any

    def __init__(self, over: Callable[[MachineSide], None]) -> None:
        self.http = h11.Connection(h11.CLIENT, HEAD_BYTES)
        self._over = over
        self._head: Deferred[Head] | None = None
        self._informed: Callable[[h11.InformationalResponse], None] = lambda _event: None
        self._taker: Taker | None = None
        self._raw: Callable[[bytes], None] | None = None
        self._raw_lost: Callable[[bool], None] = lambda _clean: None
        self._lost = False
        self._frozen = False
        self._feeder: Valve | None = None

    def connectionMade(self) -> None:
        self.transport.setTcpNoDelay(True)
        self.valve = Valve(self.transport)

    def ask(
        self, request: h11.Request, informed: Callable[[h11.InformationalResponse], None]
    ) -> Deferred[Head]:
        """Send the head of a request; fires with the head of the answer, or fails with NoAnswer.

        `informed` gets what comes before it (100, 103).
        """
        self._informed = informed
        self._head = Deferred()
        waiting = self._head
        self.transport.write(self.http.send(request))
        if self._lost:
            self._fail("the connection was lost")
        return waiting

    def send(self, data: bytes) -> None:
        """A part of the request's body."""
        if self.http.our_state is h11.SEND_BODY:
            self.transport.write(self.http.send(h11.Data(data=data)))

    def finish(self) -> None:
        """The request is complete."""
        if self.http.our_state is h11.SEND_BODY:
            self.transport.write(self.http.send(h11.EndOfMessage()))

    def deliver(self, taker: Taker) -> None:
        """Let the body of the answer come."""
        self._taker = taker
        self.valve.let(HEAD)
        if self._lost:
            self.http.receive_data(b"")
        self._read()

    def switch(self, raw: Callable[[bytes], None], lost: Callable[[bool], None]) -> None:
        """From here on `raw` gets the bytes as they come, and `lost(clean)` their end."""
        self._raw, self._raw_lost = raw, lost
        early, _closed = self.http.trailing_data
        if early:
            raw(bytes(early))
        self.valve.let(HEAD)
        if self._lost:
            lost(False)

    def cut_off(self) -> None:
        """Be done with the machine: in good order when all was said, else at once."""
        self._taker = None
        self._raw = None
        self._raw_lost = lambda _clean: None
        self._head = None
        over = (h11.DONE, h11.MUST_CLOSE, h11.CLOSED)
        if self.http.our_state in over and self.http.their_state in over:
            self.transport.loseConnection()
        else:
            self.transport.abortConnection()

    def feed_by(self, feeder: Valve) -> None:
        """What is written to this machine comes through that valve."""
        self._feeder = feeder
        self.set_frozen(self._frozen)

    def set_frozen(self, frozen: bool) -> None:
        """The machine is cut off from the proxy, or no longer."""
        self._frozen = frozen
        for valve in (self.valve, self._feeder):
            if valve is not None:
                (valve.hold if frozen else valve.let)(CUT)

    def dataReceived(self, data: bytes) -> None:
        if self._raw is not None:
            self._raw(data)
        elif self.http.their_state is not h11.ERROR:
            self.http.receive_data(data)
            self._read()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._lost = True
        self._over(self)
        if self._raw is not None:
            self._raw_lost(bool(reason.check(ConnectionDone)))
        elif self._head is not None or self._taker is not None:
            if self.http.their_state is not h11.ERROR:
                self.http.receive_data(b"")
            self._read()

    def _read(self) -> None:
        while self._head is not None or self._taker is not None:
            try:
                event = self.http.next_event()
            except h11.RemoteProtocolError as why:
                self._fail(str(why))
                return
            if event is h11.NEED_DATA or event is h11.PAUSED:
                return
            self._event(event)

    def _event(self, event: Any) -> None:
        if isinstance(event, h11.InformationalResponse) and event.status_code != 101:
            self._informed(event)
        elif isinstance(event, h11.Response | h11.InformationalResponse):
            head, self._head = self._head, None
            assert head is not None
            # Before the callback, which may let it go at once.
            self.valve.hold(HEAD)
            head.callback(event)
        elif isinstance(event, h11.Data) and self._taker is not None:
            self._taker.body(bytes(event.data))
        elif isinstance(event, h11.EndOfMessage):
            taker, self._taker = self._taker, None
            if taker is not None:
                taker.body_ended()
        else:
            self._fail("the connection was lost")

    def _fail(self, why: str) -> None:
        head, self._head = self._head, None
        taker, self._taker = self._taker, None
        if head is not None:
            head.errback(NoAnswer(why))
        elif taker is not None:
            taker.broken()
