"""Real sockets on loopback for the tests of the rehearsal: a raw peer, and a machine made of a function."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h11
from twisted.internet import reactor as installed
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import deferLater
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from wingthing.rehearsal.folder import Folder
from wingthing.rehearsal.machine import Place

reactor: Any = installed
PATIENCE_SECONDS = 15.0


class Wire(Protocol):
    """A socket that remembers what it has received."""

    transport: Any

    def __init__(self, begun: Callable[[Wire], object] = lambda _wire: None) -> None:
        self.received = b""
        self.lost: Failure | None = None
        self._begun: Callable[[Wire], object] | None = begun
        self._waiting: list[tuple[Callable[[], object], Deferred[None]]] = []

    def dataReceived(self, data: bytes) -> None:
        self.received += data
        if self._begun is not None and b"\r\n\r\n" in self.received:
            begun, self._begun = self._begun, None
            begun(self)
        self._look()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost = reason
        self._look()

    def write(self, data: bytes) -> None:
        self.transport.write(data)

    def close(self) -> None:
        self.transport.loseConnection()

    def until(self, probe: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> Deferred[None]:
        """Fires as soon as `probe()` is true after something has come."""
        waiting: Deferred[None] = Deferred()
        self._waiting.append((probe, waiting))
        waiting.addTimeout(seconds, reactor)
        self._look()
        return waiting

    def has(self, *parts: bytes) -> Deferred[None]:
        """Fires when all `parts` have been received."""
        return self.until(lambda: all(part in self.received for part in parts))

    def ended(self) -> Deferred[None]:
        """Fires when the connection is gone."""
        return self.until(lambda: self.lost is not None)

    def _look(self) -> None:
        for entry in tuple(self._waiting):
            if entry[0]():
                self._waiting.remove(entry)
                if not entry[1].called:
                    entry[1].callback(None)


class Listening(Factory):
    """A server made of a function that is called with each Wire as soon as a request's head has come."""

    noisy = False

    def __init__(self, begun: Callable[[Wire], object]) -> None:
        self.begun = begun
        self.wires: list[Wire] = []

    def buildProtocol(self, addr: IAddress | None) -> Wire:
        wire = Wire(lambda wire: self.begun(wire))
        self.wires.append(wire)
        return wire


class SocketCase(TestCase):
    """Closes at the end what it has opened, and waits until it is closed."""

    timeout = 60

    def setUp(self) -> None:
        self._clients: list[Wire] = []

    def listen(
        self, begun: Callable[[Wire], object] = lambda _wire: None, host: str = "127.0.0.1", port: int = 0
    ) -> tuple[Listening, int]:
        """A server at a free port."""
        factory = Listening(begun)
        listening = reactor.listenTCP(port, factory, interface=host)
        self.addCleanup(listening.stopListening)
        self.addCleanup(self._cut, factory.wires)
        return factory, listening.getHost().port

    async def connect(self, port: int, host: str = "127.0.0.1") -> Wire:
        """A client's socket."""
        wire: Wire = await connectProtocol(TCP4ClientEndpoint(reactor, host, port), Wire())
        self._clients.append(wire)
        self.addCleanup(self._cut, [wire])
        return wire

    async def _cut(self, wires: list[Wire]) -> None:
        for wire in wires:
            if wire.transport is not None and wire.lost is None:
                wire.transport.abortConnection()
                await wire.ended()


def pause(seconds: float = 0.0) -> Deferred[None]:
    """Let the reactor turn."""
    return deferLater(reactor, seconds, lambda: None)


async def eventually(probe: Callable[[], object]) -> None:
    """Back when `probe()` is true."""
    deadline = reactor.seconds() + PATIENCE_SECONDS
    while not probe():
        assert reactor.seconds() < deadline, "did not come true in time"
        await pause(0.01)


class Answers:
    """The answers of an HTTP connection, one after the other."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._http = h11.Connection(h11.CLIENT)
        self._fed = 0

    def _has_more(self) -> bool:
        return len(self._wire.received) > self._fed or self._wire.lost is not None

    async def next(self, method: str = "GET") -> tuple[h11.Response, bytes]:
        """The next answer, to a request of that method."""
        http, body, head = self._http, b"", None
        http.send(h11.Request(method=method, target="/", headers=[("Host", "x")]))
        http.send(h11.EndOfMessage())
        while True:
            event = http.next_event()
            if event is h11.NEED_DATA:
                await self._wire.until(self._has_more)
                data, self._fed = self._wire.received[self._fed :], len(self._wire.received)
                http.receive_data(data)
            elif isinstance(event, h11.Response):
                head = event
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                assert head is not None
                if http.our_state is h11.DONE and http.their_state is h11.DONE:
                    http.start_next_cycle()
                return head, body


def header(message: h11.Response, name: str) -> str | None:
    """A header of an answer."""
    found = [value.decode() for key, value in message.headers if key == name.lower().encode()]
    return found[0] if found else None


class FakeMachine:
    """What the proxy knows of a machine, and a server behind it.

    `answer(wire)` is called for each request; without another it answers with 200 and its own id.
    """

    def __init__(self, case: SocketCase, number: int, region: str, group: str = "edge") -> None:
        self.id = f"{number:014x}"
        self.answer: Callable[[Wire], object] = self.plain
        self.server, port = case.listen(lambda wire: self.answer(wire))
        self.place = Place(number, self.id, region, group, "127.0.0.1", port)
        self.ready = True

    @property
    def requests(self) -> list[str]:
        """What it was asked, each as a whole."""
        return [wire.received.decode("latin-1") for wire in self.server.wires]

    def plain(self, wire: Wire) -> None:
        respond(wire, self.id.encode())

    def replaying(self, value: str) -> Callable[[Wire], None]:
        """An answer that asks for a replay."""
        return lambda wire: respond(wire, b"not this", f"fly-replay: {value}", status="409 Conflict")


def respond(wire: Wire, body: bytes = b"", *headers: str, status: str = "200 OK") -> None:
    """Write a whole answer with a Content-Length."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    wire.write("\r\n".join(lines).encode() + body)


def short_folder(case: TestCase) -> Folder:
    """A work folder whose path is short enough for a socket, wherever the tests run."""
    path = tempfile.mkdtemp(prefix="wt-")
    case.addCleanup(shutil.rmtree, path)
    return Folder(Path(path) / "fleet")
