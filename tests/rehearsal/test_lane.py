"""One direction of one connection, on a clock."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import TestCase

from wingthing.rehearsal.facts import LANE_BYTES
from wingthing.rehearsal.lane import Lane


class Source(StringTransport):
    reading = True

    def pauseProducing(self) -> None:
        self.reading = False

    def resumeProducing(self) -> None:
        self.reading = True


class Sink(StringTransport):
    write_ended = False

    def loseWriteConnection(self) -> None:
        assert self.producer is None, "a registered producer would keep the socket open"
        self.write_ended = True


class LaneTests(TestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.source, self.sink = Source(), Sink()
        self.lane = Lane(self.clock, self.source, self.sink, 0.0)

    def test_without_delay_it_is_not_there(self) -> None:
        self.lane.take(b"at once")
        self.assertEqual(self.sink.value(), b"at once")
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_an_end_is_passed_on(self) -> None:
        self.lane.take(b"x")
        self.lane.take(None)
        self.assertTrue(self.sink.write_ended)
        self.lane.take(b"after the end")
        self.assertEqual(self.sink.value(), b"x")

    def test_a_delay_keeps_the_order(self) -> None:
        self.lane.set_delay(1.0)
        self.lane.take(b"1")
        self.clock.advance(0.5)
        self.lane.set_delay(0.1)
        self.lane.take(b"2")
        self.lane.take(None)
        self.clock.advance(0.4)
        self.assertEqual((self.sink.value(), self.sink.write_ended), (b"", False))
        self.clock.advance(0.1)
        self.assertEqual((self.sink.value(), self.sink.write_ended), (b"12", True))

    def test_frozen(self) -> None:
        self.lane.set_delay(1.0)
        self.lane.take(b"under way")
        self.lane.freeze()
        self.assertFalse(self.source.reading)
        self.clock.advance(100)
        self.assertEqual(self.sink.value(), b"")
        self.lane.thaw()
        self.assertEqual(self.sink.value(), b"under way")
        self.assertTrue(self.source.reading)

    def test_a_sink_that_does_not_keep_up(self) -> None:
        self.lane.pauseProducing()
        self.assertFalse(self.source.reading)
        self.lane.take(b"read already")
        self.assertEqual(self.sink.value(), b"")
        self.lane.resumeProducing()
        self.assertEqual(self.sink.value(), b"read already")
        self.assertTrue(self.source.reading)

    def test_what_is_on_the_way_is_bounded(self) -> None:
        self.lane.set_delay(1.0)
        self.lane.take(b"x" * LANE_BYTES)
        self.assertTrue(self.source.reading)
        self.lane.take(b"x")
        self.assertFalse(self.source.reading)
        self.clock.advance(1.0)
        self.assertTrue(self.source.reading)
        self.assertEqual(self.lane.size, 0)

    def test_every_reason_to_wait_counts(self) -> None:
        self.lane.freeze()
        self.lane.pauseProducing()
        self.lane.thaw()
        self.assertFalse(self.source.reading)
        self.lane.resumeProducing()
        self.assertTrue(self.source.reading)

    def test_a_source_that_has_ended_is_not_read_again(self) -> None:
        self.lane.take(None)
        self.source.reading = False
        self.lane.freeze()
        self.lane.thaw()
        self.assertFalse(self.source.reading)

    def test_a_sink_that_is_gone(self) -> None:
        self.lane.set_delay(1.0)
        self.lane.take(b"lost")
        self.lane.stopProducing()
        self.lane.take(b"lost, too")
        self.assertEqual((self.clock.getDelayedCalls(), self.lane.size), ([], 0))
