"""The egg's end of its socket: one reader at a time, and no more in memory than it can be trusted to read."""

from __future__ import annotations

from typing import Any, Final, Protocol

from twisted.internet import address
from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Factory
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from wingthing.errors import InvalidMessage
from wingthing.wing.egg_wire import Frame, FrameReader, Hello, Replaced, Snapshot, ToEgg, encode
from wingthing.wire.wing_limits import EGG_OUTBOX_BYTES

MAX_FRAME_FROM_WING: Final = 8 * 1024 * 1024


class ReaderEvents(Protocol):
    """What an egg is told by its reader's connection."""

    def reader_hello(self, reader: EggReader) -> None:
        """Somebody has connected and said Hello: the reader from now on."""

    def reader_frame(self, frame: ToEgg) -> None:
        """The reader has sent any frame but Hello and Snapshot."""

    def reader_wants_snapshot(self, number: int) -> None:
        """The reader has asked for a Replay, and has room for it."""

    def reader_full(self) -> None:
        """More than EGG_OUTBOX_BYTES wait for the reader: send nothing until `reader_drained`."""

    def reader_drained(self) -> None:
        """The reader has caught up."""

    def reader_gone(self) -> None:
        """The reader's connection has ended by itself."""


@implementer(IPushProducer)
class EggReader(TwistedProtocol):
    """One connection. It counts as the reader from its Hello until it is replaced or ends."""

    _log = Logger()
    transport: Any

    def __init__(self, door: ReaderDoor) -> None:
        self._door = door
        self._frames: FrameReader[ToEgg] = FrameReader(ToEgg, limit=MAX_FRAME_FROM_WING)
        self._full = False
        self._wanted: dict[int, None] = {}

    def connectionMade(self) -> None:
        self.transport.bufferSize = EGG_OUTBOX_BYTES
        self.transport.registerProducer(self, True)

    def send(self, frame: Frame) -> None:
        """Queue a frame."""
        self.transport.write(encode(frame))

    def dataReceived(self, data: bytes) -> None:
        try:
            frames = self._frames.feed(data)
        except InvalidMessage as why:
            self._log.error("a reader sent nonsense and was sent away: {why}", why=why)
            self.transport.abortConnection()
            return
        for frame in frames:
            if isinstance(frame, Hello):
                self._door.enter(self)
            elif self._door.current is not self:
                return
            elif isinstance(frame, Snapshot):
                self._wanted[frame.number] = None
                self._serve()
            else:
                self._door.events.reader_frame(frame)

    def _serve(self) -> None:
        # A reader that asks for snapshots and does not read them gets the next when it has read the last.
        while self._wanted and not self._full and self._door.current is self:
            number = next(iter(self._wanted))
            del self._wanted[number]
            self._door.events.reader_wants_snapshot(number)

    def send_away(self) -> None:
        """Another reader has come."""
        self.send(Replaced())
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    def pauseProducing(self) -> None:
        self._full = True
        if self._door.current is self:
            self._door.events.reader_full()

    def resumeProducing(self) -> None:
        self._full = False
        if self._door.current is self:
            self._door.events.reader_drained()
            self._serve()

    def stopProducing(self) -> None:
        self._wanted.clear()

    def connectionLost(self, reason: Failure | None = None) -> None:
        self._door.left(self)


class ReaderDoor(Factory):
    """Lets one reader in at a time: the newest."""

    noisy = False

    def __init__(self, events: ReaderEvents) -> None:
        self.events = events
        self.current: EggReader | None = None

    def buildProtocol(self, addr: address.UNIXAddress | Any) -> EggReader:
        return EggReader(self)

    def enter(self, reader: EggReader) -> None:
        """`reader` takes the place of whoever is there."""
        before, self.current = self.current, reader
        if before is not None and before is not reader:
            before.send_away()
        self.events.reader_hello(reader)

    def left(self, reader: EggReader) -> None:
        """A connection has ended; a replaced one is no news."""
        if self.current is reader:
            self.current = None
            self.events.reader_gone()
