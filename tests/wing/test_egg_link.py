from __future__ import annotations

from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from tests.wing.test_egg_reader import Transport
from wingthing.errors import TemporarilyUnavailable
from wingthing.wing.egg_link import EggLink
from wingthing.wing.egg_wire import (
    Exited,
    FrameReader,
    Hello,
    Input,
    Output,
    Ready,
    Replay,
    Snapshot,
    ToEgg,
    ToWing,
    encode,
)


class Events:
    def __init__(self) -> None:
        self.told: list[object] = []

    def egg_frame(self, link: EggLink, frame: ToWing) -> None:
        self.told.append(frame)

    def egg_lost(self, link: EggLink) -> None:
        self.told.append("lost")


class LinkTests(TestCase):
    def setUp(self) -> None:
        self.events, self.transport, self.link = Events(), Transport(), EggLink()
        self.link.makeConnection(self.transport)

    def sent(self) -> list[object]:
        frames: FrameReader[object] = FrameReader(ToEgg)
        return frames.feed(self.transport.value())

    def get(self, *frames: object) -> None:
        self.link.dataReceived(b"".join(map(encode, frames)))  # type: ignore[arg-type]

    def test_hello(self) -> None:
        self.assertEqual(self.sent(), [Hello()])
        self.get(Ready(1, 80, 24, ""))
        self.assertEqual(self.successResultOf(self.link.ready), Ready(1, 80, 24, ""))

    def test_nothing_is_told_too_early(self) -> None:
        self.get(Ready(1, 80, 24, ""), Output(b"a"))
        self.assertEqual(self.events.told, [])
        self.link.begin("0a1b2c3d", self.events)
        self.get(Output(b"b"))
        self.assertEqual(self.events.told, [Output(b"a"), Output(b"b")])

    def test_a_snapshot_stands_in_the_stream(self) -> None:
        self.get(Ready(1, 80, 24, ""), Output(b"before"))
        answer = self.link.snapshot()
        answer.addCallback(self.events.told.append)
        self.get(Replay(1, b"replay"), Output(b"after"))
        self.link.begin("0a1b2c3d", self.events)
        self.assertEqual(self.events.told, [Output(b"before"), b"replay", Output(b"after")])
        self.assertEqual(self.sent(), [Hello(), Snapshot(1)])

    def test_snapshots_are_not_confused(self) -> None:
        self.link.begin("0a1b2c3d", self.events)
        first, second = self.link.snapshot(), self.link.snapshot()
        self.get(Replay(2, b"two"), Replay(9, b"nobody's"), Replay(1, b"one"))
        self.assertEqual((self.successResultOf(first), self.successResultOf(second)), (b"one", b"two"))

    def test_another_version(self) -> None:
        self.get(Ready(99, 80, 24, ""), Output(b"a"))
        self.failureResultOf(self.link.ready, TemporarilyUnavailable)
        self.assertTrue(self.transport.disconnecting)

    def test_lost(self) -> None:
        self.get(Ready(1, 80, 24, ""))
        self.link.begin("0a1b2c3d", self.events)
        answer = self.link.snapshot()
        self.link.connectionLost(Failure(Exception()))
        self.failureResultOf(answer, TemporarilyUnavailable)
        self.assertEqual(self.events.told, ["lost"])

    def test_lost_at_once(self) -> None:
        self.link.connectionLost(Failure(Exception()))
        self.failureResultOf(self.link.ready, TemporarilyUnavailable)

    def test_closed(self) -> None:
        self.get(Ready(1, 80, 24, ""))
        self.link.begin("0a1b2c3d", self.events)
        self.link.close()
        self.get(Output(b"a"), Exited(0))
        self.link.connectionLost(Failure(Exception()))
        self.assertEqual(self.events.told, [], "who hangs up hears nothing more")

    def test_nonsense(self) -> None:
        self.link.dataReceived(b"\xff\xff\xff\xff")
        self.assertTrue(self.transport.aborted)
        self.flushLoggedErrors()

    def test_input_is_bounded(self) -> None:
        self.link.type(b"a")
        self.link.pauseProducing()
        self.link.type(b"b")
        self.link.resumeProducing()
        self.link.type(b"c")
        self.assertEqual(self.sent(), [Hello(), Input(b"a"), Input(b"c")])
