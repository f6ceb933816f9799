"""The wing's end of an egg's socket."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import UNIXClientEndpoint
from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Factory
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from wingthing.errors import InvalidMessage, TemporarilyUnavailable
from wingthing.wing.egg_home import socket_address
from wingthing.wing.egg_wire import (
    EGG_VERSION,
    Frame,
    FrameReader,
    Hello,
    Input,
    Ready,
    Replay,
    Snapshot,
    ToWing,
    encode,
)
from wingthing.wire.wing_limits import MAX_PENDING_INPUT_BYTES


class LinkEvents(Protocol):
    """What the owner of a link is told after `connect_egg` has returned."""

    def egg_frame(self, link: EggLink, frame: ToWing) -> None:
        """Any frame but Ready and Replay."""

    def egg_lost(self, link: EggLink) -> None:
        """The connection has ended, not by `close`."""


@implementer(IPushProducer)
class EggLink(TwistedProtocol):
    """One connection to an egg."""

    _log = Logger()
    transport: Any

    def __init__(self) -> None:
        self.ready: Deferred[Ready] = Deferred()
        self.session_id = ""
        self._events: LinkEvents | None = None
        self._frames: FrameReader[ToWing] = FrameReader(ToWing)
        self._early: list[ToWing] = []
        self._snapshots: dict[int, Deferred[bytes]] = {}
        self._last_number = 0
        self._closing = False
        self._full = False

    def connectionMade(self) -> None:
        self.transport.bufferSize = MAX_PENDING_INPUT_BYTES
        self.transport.registerProducer(self, True)
        self.send(Hello())

    def begin(self, session_id: str, events: LinkEvents) -> None:
        """Tell `events` from now on, and what came in the meantime."""
        self.session_id, self._events = session_id, events
        early, self._early = self._early, []
        for frame in early:
            self._received(frame)

    def send(self, frame: Frame) -> None:
        """Queue a frame for the egg."""
        self.transport.write(encode(frame))

    def type(self, data: bytes) -> None:
        """Send input. Over MAX_PENDING_INPUT_BYTES that the egg has not read, it is dropped."""
        if not self._full:
            self.send(Input(data))

    def pauseProducing(self) -> None:
        self._full = True

    def resumeProducing(self) -> None:
        self._full = False

    def stopProducing(self) -> None:
        self._full = True

    def snapshot(self) -> Deferred[bytes]:
        """The screen's replay. Fires in the order of the output: what came before is in it.

        Fails with TemporarilyUnavailable when the terminal is lost before it answers.
        """
        self._last_number += 1
        number = self._last_number
        answer: Deferred[bytes] = Deferred()
        self._snapshots[number] = answer
        self.send(Snapshot(number))
        return answer

    def dataReceived(self, data: bytes) -> None:
        try:
            frames = self._frames.feed(data)
        except InvalidMessage as why:
            self._log.error("terminal {id} sent nonsense: {why}", id=self.session_id, why=why)
            self.transport.abortConnection()
            return
        for frame in frames:
            if self._closing:
                return
            self._received(frame)

    def _received(self, frame: ToWing) -> None:
        if isinstance(frame, Ready):
            if frame.version != EGG_VERSION:
                self._fail(f"it speaks version {frame.version} of its protocol, this wing {EGG_VERSION}")
            elif not self.ready.called:
                self.ready.callback(frame)
        elif self._events is None:
            self._early.append(frame)
        elif isinstance(frame, Replay):
            if (answer := self._snapshots.pop(frame.number, None)) is not None:
                answer.callback(frame.data)
        else:
            self._events.egg_frame(self, frame)

    def _fail(self, why: str) -> None:
        if not self.ready.called:
            self.ready.errback(TemporarilyUnavailable(f"the terminal cannot be used: {why}"))
        self.close()

    def close(self) -> None:
        """Hang up. The terminal lives on."""
        self._closing = True
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    def connectionLost(self, reason: Failure | None = None) -> None:
        if not self.ready.called:
            self.ready.errback(TemporarilyUnavailable("the terminal's process hung up"))
        snapshots, self._snapshots = self._snapshots, {}
        for answer in snapshots.values():
            answer.errback(TemporarilyUnavailable("the terminal was lost"))
        if self._events is not None and not self._closing:
            self._events.egg_lost(self)


class _LinkFactory(Factory):
    protocol = EggLink
    noisy = False


async def connect_egg(reactor: Any, directory: Path) -> tuple[EggLink, Ready]:
    """Become the one reader of the terminal in `directory`.

    Raises twisted.internet.error.ConnectError (nobody listens), TemporarilyUnavailable, OSError,
    OperatorError (the path is too long for this system).
    """
    with socket_address(directory) as address:
        link = await UNIXClientEndpoint(reactor, address).connect(_LinkFactory())
        assert isinstance(link, EggLink)
    return link, await link.ready
