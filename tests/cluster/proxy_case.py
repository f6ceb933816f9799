"""An edge's site and its connections to login in memory: bytes in, bytes out, on a clock that it turns."""

from __future__ import annotations

import json
from typing import Any

import attrs
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IAddress, ITCPTransport
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.logger import LogEvent, LogLevel, globalLogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase
from twisted.web.http import Request
from twisted.web.resource import Resource
from zope.interface import implementer

from wingthing.cluster.proxy import ReverseProxy
from wingthing.web.answers import refuse
from wingthing.web.guard import Guard
from wingthing.web.site import BoundedRequest, QuietSite

HOST = "edge.example"
PEER = IPv4Address("TCP", "203.0.113.9", 40000)
EDGE = IPv4Address("TCP", "127.0.0.1", 8080)


@implementer(ITCPTransport)
class Wire(StringTransport):
    """One end of a connection. It takes everything at once; `fill` and `drain` say what a slow one would."""

    protocol: Any
    aborted = False
    half_closed = False
    lost = False

    def __init__(self, reactor: MemoryReactorClock, peer: IAddress = PEER) -> None:
        super().__init__(hostAddress=EDGE, peerAddress=peer, lenient=True)
        self._reactor = reactor

    def write(self, data: bytes) -> None:
        if not self.lost and not self.aborted:
            super().write(data)

    def writeSequence(self, data: Any) -> None:
        self.write(b"".join(data))

    @property
    def reading(self) -> bool:
        return self.producerState == "producing" and not self.disconnecting

    def loseConnection(self) -> None:
        if not self.disconnecting:
            self.disconnecting = True
            self._reactor.callLater(0, self.lose, ConnectionDone())

    def abortConnection(self) -> None:
        if not self.aborted:
            self.aborted = self.disconnecting = True
            self._reactor.callLater(0, self.lose, ConnectionAborted())

    def loseWriteConnection(self) -> None:
        self.half_closed = True

    def setTcpNoDelay(self, enabled: bool) -> None:
        pass

    def lose(self, why: Exception) -> None:
        """The connection is gone."""
        if not self.lost:
            self.lost = self.disconnecting = True
            if self.producer is not None:
                self.producer.stopProducing()
            self.protocol.connectionLost(Failure(why))

    def fill(self) -> None:
        """The peer does not read."""
        self.producer.pauseProducing()

    def drain(self) -> None:
        """It has read all."""
        self.producer.resumeProducing()


@attrs.frozen
class Message:
    """An HTTP message. `complete` is False when its body has not ended."""

    first: str
    fields: list[tuple[str, str]]
    body: bytes
    complete: bool

    @property
    def status(self) -> int:
        return int(self.first.split()[1])

    @property
    def reason(self) -> str:
        return self.first.split(" ", 2)[2]

    def header(self, name: str) -> str | None:
        values = self.headers(name)
        return ", ".join(values) if values else None

    def headers(self, name: str) -> list[str]:
        return [value for key, value in self.fields if key.lower() == name.lower()]

    @property
    def names(self) -> set[str]:
        return {key.lower() for key, _ in self.fields}

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def parse(raw: bytes, *, bodiless: bool = False) -> tuple[Message, bytes]:
    """The first message of `raw` and what comes after it. `bodiless`: the answer to HEAD."""
    head, separator, rest = raw.partition(b"\r\n\r\n")
    assert separator, raw
    first, *lines = head.decode("latin-1").split("\r\n")
    fields = [(name, value) for name, _, value in (line.partition(": ") for line in lines)]
    message = Message(first, fields, b"", True)
    status = first.split()[1] if first.startswith("HTTP/") else ""
    if bodiless or status in ("204", "304") or (status.startswith("1") and status):
        return message, rest
    if message.header("transfer-encoding") == "chunked":
        body, rest, complete = _unchunk(rest)
    elif (length := message.header("content-length")) is not None:
        body, rest, complete = rest[: int(length)], rest[int(length) :], len(rest) >= int(length)
    elif status:
        body, rest, complete = rest, b"", True
    else:
        body, complete = b"", True
    return attrs.evolve(message, body=body, complete=complete), rest


def _unchunk(raw: bytes) -> tuple[bytes, bytes, bool]:
    body = b""
    while True:
        line, separator, raw = raw.partition(b"\r\n")
        if not separator:
            return body, b"", False
        size = int(line, 16)
        if not size:
            return body, raw.removeprefix(b"\r\n"), raw.startswith(b"\r\n")
        body += raw[:size]
        if raw[size : size + 2] != b"\r\n":
            return body, b"", False
        raw = raw[size + 2 :]


def chunked(*pieces: bytes, trailers: bytes = b"", end: bool = True) -> bytes:
    """A body in chunks."""
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return chunks + (b"0\r\n" + trailers + b"\r\n" if end else b"")


class Browser:
    """A client's connection to the edge."""

    def __init__(self, case: ProxyCase, peer: IAddress = PEER) -> None:
        self.wire = Wire(case.reactor, peer)
        self.wire.protocol = case.site.buildProtocol(peer)
        self.wire.protocol.makeConnection(self.wire)

    def send(self, data: bytes) -> None:
        self.wire.protocol.dataReceived(data)

    def ask(
        self, method: str, target: str, *headers: str, body: bytes = b"", host: str | None = HOST
    ) -> None:
        """Send a request; `headers` as lines."""
        lines = [f"{method} {target} HTTP/1.1", *([f"Host: {host}"] if host is not None else []), *headers]
        self.send("\r\n".join([*lines, "", ""]).encode("latin-1") + body)

    @property
    def received(self) -> bytes:
        return self.wire.value()

    def answers(self, *methods: str) -> list[Message]:
        """Everything that has come, as the answers to requests of these methods."""
        found, rest = [], self.received
        left = list(methods)
        while rest:
            message, rest = parse(rest, bodiless=bool(left) and left[0] == "HEAD")
            found.append(message)
            if message.status >= 200 and left:
                left.pop(0)
        return found

    def answer(self, method: str = "GET") -> Message:
        """The one answer."""
        (message,) = self.answers(method)
        return message

    def leave(self, why: Exception | None = None) -> None:
        self.wire.lose(why or ConnectionDone())


class LoginEnd:
    """Login's end of a connection from the edge."""

    def __init__(self, case: ProxyCase, factory: Any) -> None:
        self.wire = Wire(case.reactor)
        self.wire.protocol = factory.buildProtocol(PEER)
        self.wire.protocol.makeConnection(self.wire)

    @property
    def received(self) -> bytes:
        return self.wire.value()

    def request(self) -> Message:
        """The one request that has come."""
        message, rest = parse(self.received)
        assert not rest, rest
        return message

    def send(self, data: bytes) -> None:
        self.wire.protocol.dataReceived(data)

    def answer(self, first: str = "200 OK", *headers: str, body: bytes | None = None) -> None:
        """Answer; `body` is sent with its length."""
        lines = [f"HTTP/1.1 {first}", *headers]
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        self.send("\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b""))

    def forget(self) -> None:
        """Begin anew, for the next request on this connection."""
        self.wire.clear()

    def close(self) -> None:
        self.wire.lose(ConnectionDone())

    def reset(self) -> None:
        self.wire.lose(ConnectionLost())


class Counts:
    """An observer that remembers."""

    def __init__(self) -> None:
        self.begun = 0
        self.ends: list[Any] = []

    def started(self) -> None:
        self.begun += 1

    def answered(self, status: int, seconds: float) -> None:
        self.ends.append((status, seconds))

    def failed(self, reason: str) -> None:
        self.ends.append(reason)


class Local(Resource):
    """What an edge serves itself: says what it was asked."""

    isLeaf = True

    def render(self, request: Request) -> bytes:
        return b"local %b %b %d" % (request.method, request.path, len(request.content.read()))


class ProxyCase(TestCase):
    """An edge whose login is the test."""

    def setUp(self) -> None:
        self.reactor = MemoryReactorClock()
        self.address: tuple[str, int] | Exception = ("10.0.0.7", 8080)
        self.counts = Counts()
        self.proxy = ReverseProxy(
            self.reactor,
            login=self._address,
            edge_token=lambda: "token-of-this-edge",
            refuse=refuse,
            observer=self.counts,
        )
        tree = Resource()
        for name in (b"health", b"ready", b"metrics", b"ws", b"internal"):
            tree.putChild(name, Local())
        self.site = QuietSite(Guard(f"https://{HOST}"), tree, reactor=self.reactor)
        self.site.requestFactory = self.proxy.requests(BoundedRequest)
        self._accepted = 0
        self.events: list[LogEvent] = []
        globalLogPublisher.addObserver(self.events.append)
        self.addCleanup(globalLogPublisher.removeObserver, self.events.append)

    async def _address(self) -> tuple[str, int]:
        if isinstance(self.address, Exception):
            raise self.address
        return self.address

    def browser(self, peer: IAddress = PEER) -> Browser:
        return Browser(self, peer)

    @property
    def connecting(self) -> int:
        """Connections that login has not accepted yet."""
        return len(self.reactor.tcpClients) - self._accepted

    def login(self) -> LoginEnd:
        """Accept the next connection."""
        factory = self.reactor.tcpClients[self._accepted][2]
        self._accepted += 1
        return LoginEnd(self, factory)

    def refuse_connection(self, why: Exception) -> None:
        """The next connection does not come about."""
        factory, connector = (
            self.reactor.tcpClients[self._accepted][2],
            self.reactor.connectors[self._accepted],
        )
        self._accepted += 1
        factory.clientConnectionFailed(connector, Failure(why))

    def turn(self, seconds: float = 0) -> None:
        """Let time pass, and everything happen that is due at once."""
        self.reactor.advance(seconds)
        self.reactor.advance(0)

    def logged(self, level: LogLevel = LogLevel.warn) -> list[str]:
        """Lines of the proxy at this level and above."""
        return [
            event["log_format"].format(**event)
            for event in self.events
            if event["log_namespace"].startswith("wingthing.cluster.proxy") and event["log_level"] >= level
        ]
