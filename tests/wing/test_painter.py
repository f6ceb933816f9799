"""A repaint first, then what follows it, in order."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from tests.wing.browser import FakeSender
from wingthing.crypto.box import Box, decompress
from wingthing.errors import TemporarilyUnavailable
from wingthing.wing.access import Person
from wingthing.wing.painter import Painter
from wingthing.wing.viewing import Audience, Stage, Viewing
from wingthing.wire.limits import MAX_CHUNK_BYTES


class PainterTests(TestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.sender = FakeSender()
        self.snapshots: list[Deferred[bytes]] = []
        self.holds: list[bool] = []
        self.painter = Painter(self.clock, self.sender, self.snapshot, self.holds.append)
        self.audience = Audience("s")
        self.viewing = Viewing(Person(), Box(bytes(32)))
        self.audience.add(self.viewing)

    def snapshot(self, session_id: str) -> Deferred[bytes]:
        self.snapshots.append(Deferred())
        return self.snapshots[-1]

    def read(self) -> bytes:
        """All that was sent."""
        whole = b""
        for message in self.sender.take():
            part = self.viewing.box.open(message["data"])
            whole += decompress(part, most=10**7) if message.get("compressed") else part
        return whole

    def test_output_during_a_long_repaint_follows_it(self) -> None:
        screen = bytes(range(128)) * (MAX_CHUNK_BYTES // 128) * 2
        self.painter.repaint(self.audience, self.viewing)
        self.painter.output(self.audience, b"before")
        self.snapshots.pop().callback(screen)
        self.painter.output(self.audience, b"1")
        self.painter.output(self.audience, b"2")
        self.assertIs(self.viewing.stage, Stage.REPLAYED)
        self.clock.advance(0)
        self.painter.output(self.audience, b"3")
        self.assertEqual(self.read(), screen + b"123")
        self.assertEqual(self.holds, [True, False])

    def test_an_empty_screen(self) -> None:
        self.painter.repaint(self.audience, self.viewing)
        self.snapshots.pop().callback(b"")
        self.painter.output(self.audience, b"live")
        self.assertEqual(self.read(), b"live")

    def test_output_of_any_length_fits(self) -> None:
        self.painter.output(self.audience, b"x" * (2 * MAX_CHUNK_BYTES + 1))
        self.assertEqual(len(self.sender.sent), 3)
        self.assertEqual(self.read(), b"x" * (2 * MAX_CHUNK_BYTES + 1))

    def test_a_snapshot_that_fails_can_be_asked_for_again(self) -> None:
        self.painter.repaint(self.audience, self.viewing)
        self.snapshots.pop().errback(TemporarilyUnavailable("lost"))
        self.painter.repaint(self.audience, self.viewing)
        self.snapshots.pop().callback(b"screen")
        self.assertEqual(self.read(), b"screen")

    def test_a_fault_is_logged_and_holds_nothing(self) -> None:
        self.painter.repaint(self.audience, self.viewing)
        self.snapshots.pop().errback(ZeroDivisionError())
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.painter.repaint(self.audience, self.viewing)
        self.snapshots.pop().callback(b"screen")
        self.assertEqual(self.read(), b"screen")

    def test_output_that_goes_nowhere_is_remembered_as_missed(self) -> None:
        self.sender.online = False
        self.painter.output(self.audience, b"x")
        self.assertTrue(self.viewing.missed)
        self.sender.online = True
        self.painter.repaint(self.audience, self.viewing)
        self.assertFalse(self.viewing.missed)
