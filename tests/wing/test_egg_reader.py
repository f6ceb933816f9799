from __future__ import annotations

from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from wingthing.wing.egg_reader import MAX_FRAME_FROM_WING, EggReader, ReaderDoor
from wingthing.wing.egg_wire import (
    FrameReader,
    Hello,
    Input,
    Kill,
    Output,
    Replaced,
    Snapshot,
    ToEgg,
    ToWing,
    encode,
)


class Events:
    def __init__(self) -> None:
        self.told: list[object] = []

    def reader_hello(self, reader: EggReader) -> None:
        self.told.append("hello")

    def reader_frame(self, frame: ToEgg) -> None:
        self.told.append(frame)

    def reader_wants_snapshot(self, number: int) -> None:
        self.told.append(number)

    def reader_full(self) -> None:
        self.told.append("full")

    def reader_drained(self) -> None:
        self.told.append("drained")

    def reader_gone(self) -> None:
        self.told.append("gone")


class Transport(StringTransport):
    aborted = False

    def abortConnection(self) -> None:
        self.aborted = True


class ReaderTests(TestCase):
    def setUp(self) -> None:
        self.events = Events()
        self.door = ReaderDoor(self.events)

    def connect(self, *, hello: bool = True) -> tuple[EggReader, Transport]:
        reader, transport = self.door.buildProtocol(None), Transport()
        reader.makeConnection(transport)
        if hello:
            reader.dataReceived(encode(Hello()))
        return reader, transport

    def sent(self, transport: Transport) -> list[object]:
        frames: FrameReader[object] = FrameReader(ToWing)
        return frames.feed(transport.value())

    def test_frames(self) -> None:
        reader, transport = self.connect()
        reader.dataReceived(encode(Input(b"x")) + encode(Snapshot(3)) + encode(Kill()))
        self.assertEqual(self.events.told, ["hello", Input(b"x"), 3, Kill()])
        reader.send(Output(b"y"))
        self.assertEqual(self.sent(transport), [Output(b"y")])

    def test_the_newest_is_the_reader(self) -> None:
        first, first_transport = self.connect()
        second, _ = self.connect()
        self.assertIs(self.door.current, second)
        self.assertEqual(self.sent(first_transport), [Replaced()])
        self.assertTrue(first_transport.disconnecting)
        self.events.told.clear()
        first.dataReceived(encode(Input(b"from the past")))
        first.pauseProducing()
        first.connectionLost(Failure(Exception()))
        self.assertEqual(self.events.told, [], "who was replaced has no say")
        second.connectionLost(Failure(Exception()))
        self.assertEqual(self.events.told, ["gone"])

    def test_nobody_without_a_hello(self) -> None:
        first, _ = self.connect()
        other, _ = self.connect(hello=False)
        other.dataReceived(encode(Kill()))
        self.assertIs(self.door.current, first)
        self.assertEqual(self.events.told, ["hello"])

    def test_nonsense(self) -> None:
        for data in (b"\xff\xff\xff\xff", b"\0\0\0\1\xc1", (MAX_FRAME_FROM_WING + 1).to_bytes(4, "big")):
            reader, transport = self.connect()
            reader.dataReceived(data)
            self.assertTrue(transport.aborted)

    def test_snapshots_wait_for_a_reader_that_is_full(self) -> None:
        reader, _ = self.connect()
        reader.pauseProducing()
        for number in (1, 2, 2, 2):
            reader.dataReceived(encode(Snapshot(number)))
        self.assertEqual(self.events.told, ["hello", "full"])
        reader.resumeProducing()
        self.assertEqual(self.events.told, ["hello", "full", "drained", 1, 2])
