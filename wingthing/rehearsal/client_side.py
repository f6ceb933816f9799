"""The proxy's connection to a client: requests one after the other, until it closes or leaves HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import h11
from twisted.internet import protocol
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from wingthing.rehearsal.facts import HEAD_BYTES, LEFTOVER_SECONDS, PIPELINE_BYTES
from wingthing.rehearsal.headers import Entry
from wingthing.rehearsal.valve import Valve

AHEAD = "ahead"
"""The client sends requests faster than they are answered."""


class Handler(Protocol):
    """What becomes of one request."""

    def start(self) -> None:
        """Begin; its body is still to come."""

    def request_body(self, data: bytes) -> None:
        """A part of its body."""

    def request_ended(self) -> None:
        """It is complete."""

    def client_gone(self) -> None:
        """Nobody waits for the answer any more."""


class ClientSide(protocol.Protocol):
    """`begin(client, request)` makes the handler of a request; `over(client)` is called at the end."""

    transport: Any

    def __init__(
        self,
        clock: Any,
        region: str,
        begin: Callable[[ClientSide, h11.Request], Handler],
        over: Callable[[ClientSide], None],
    ) -> None:
        self._clock = clock
        self._region = region
        self._begin = begin
        self._over = over
        self._http = h11.Connection(h11.SERVER, HEAD_BYTES)
        self._handler: Handler | None = None
        self._answered = False
        self._raw: Callable[[bytes], None] | None = None
        self._raw_lost: Callable[[bool], None] = lambda _clean: None
        self._leftover: IDelayedCall | None = None

    def connectionMade(self) -> None:
        self.transport.setTcpNoDelay(True)
        self.valve = Valve(self.transport)
        peer, own = self.transport.getPeer(), self.transport.getHost()
        self.entry = Entry(self._region, own.port, peer.host)

    # -- what the handler calls ------------------------------------------------------------------------

    def inform(self, event: h11.InformationalResponse) -> None:
        """Pass on a 100 or 103."""
        if self._http.our_state is h11.SEND_RESPONSE and self._http.their_http_version != b"1.0":
            self.transport.write(self._http.send(event))

    def respond(self, head: h11.Response) -> None:
        """The head of the answer. Raises h11.LocalProtocolError when it is none."""
        self.transport.write(self._http.send(head))

    def body(self, data: bytes) -> None:
        """A part of the answer's body."""
        try:
            self.transport.write(self._http.send(h11.Data(data=data)))
        except h11.LocalProtocolError:
            # A machine that sends a body where there is none (or more than it said).
            self.broken()

    def complete(self) -> None:
        """The answer is complete."""
        try:
            self.transport.write(self._http.send(h11.EndOfMessage()))
        except h11.LocalProtocolError:
            self.broken()
            return
        self._handler, self._answered = None, True
        if self._next():
            self._read()

    def answer(self, status: int, sentence: str) -> None:
        """An answer of the proxy's own."""
        if self._http.our_state is not h11.SEND_RESPONSE and self._http.our_state is not h11.IDLE:
            self.broken()
            return
        body = f"{sentence}\n".encode()
        headers = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))]
        if self._http.their_state is h11.ERROR:
            headers.append(("Connection", "close"))
        self.respond(h11.Response(status_code=status, headers=headers))
        self.body(body)
        self.complete()

    def broken(self) -> None:
        """An answer that has begun will not be completed: the connection is cut, so that nobody takes it
        for a whole one."""
        self._handler = None
        self.transport.abortConnection()

    def switch(
        self,
        head: h11.InformationalResponse,
        raw: Callable[[bytes], None],
        lost: Callable[[bool], None],
    ) -> None:
        """Send the 101; from here on `raw` gets the bytes as they come, and `lost(clean)` their end."""
        self.transport.write(self._http.send(head))
        self._handler, self._raw, self._raw_lost = None, raw, lost
        early, _closed = self._http.trailing_data
        self.valve.let(AHEAD)
        if early:
            raw(bytes(early))

    # -- what comes from the network -------------------------------------------------------------------

    def dataReceived(self, data: bytes) -> None:
        if self._raw is not None:
            self._raw(data)
        elif self._http.their_state is not h11.ERROR:
            self._http.receive_data(data)
            self._read()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._over(self)
        self._stop_leftover()
        handler, self._handler = self._handler, None
        if self._raw is not None:
            self._raw_lost(bool(reason.check(ConnectionDone)))
        elif handler is not None:
            handler.client_gone()

    def _read(self) -> None:
        while True:
            try:
                event = self._http.next_event()
            except h11.RemoteProtocolError as why:
                self._malformed(why)
                return
            if isinstance(event, h11.Request):
                self._answered = False
                # It may be done with the request before `start` returns.
                self._handler = self._begin(self, event)
                self._handler.start()
            elif isinstance(event, h11.Data):
                if self._handler is not None:
                    self._handler.request_body(bytes(event.data))
            elif isinstance(event, h11.EndOfMessage):
                if self._handler is not None:
                    self._handler.request_ended()
                if self._answered and not self._next():
                    return
            else:
                break
        ahead = event is h11.PAUSED and len(self._http.trailing_data[0]) > PIPELINE_BYTES
        (self.valve.hold if ahead else self.valve.let)(AHEAD)

    def _next(self) -> bool:
        """The answer is out: whether the next request can be read."""
        self._stop_leftover()
        if self._http.their_state is h11.SEND_BODY:
            # The answer was quicker than the request. What is left of it is thrown away, for a while: to
            # close on unread bytes would reset the connection, and the client might lose the answer by it.
            self._leftover = self._clock.callLater(LEFTOVER_SECONDS, self._give_up)
        elif self._http.their_state is h11.DONE and self._http.our_state is h11.DONE:
            self._answered = False
            self._http.start_next_cycle()
            return True
        else:
            self.transport.loseConnection()
        return False

    def _give_up(self) -> None:
        self._leftover = None
        self.transport.loseConnection()

    def _stop_leftover(self) -> None:
        if self._leftover is not None:
            self._leftover.cancel()
            self._leftover = None

    def _malformed(self, why: h11.RemoteProtocolError) -> None:
        handler, self._handler = self._handler, None
        if handler is not None:
            handler.client_gone()
        self.answer(why.error_status_hint, f"This is no HTTP request: {why}.")
