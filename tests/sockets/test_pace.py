"""The rate: exact in the long run, a burst at full speed, one timer a user, and nothing when it is off."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from wingthing.sockets.outbox import Outbox
from wingthing.sockets.pace import Delayed, Lane, Lanes, Paces
from wingthing.wire.limits import RATE_BITS, RATE_BURST_BYTES, RATE_TICK_SECONDS

RATE = RATE_BITS / 8
KB64 = 64 * 1024


class Sink:
    """An outbox that keeps what it writes; `paused` once that many bytes have come."""

    def __init__(self, limit: int = 1 << 40) -> None:
        self.written: list[bytes] = []
        self.events: list[str] = []
        self.outbox = Outbox(
            lambda messages, size: self.written.extend(messages),
            limit=limit,
            resume=limit // 4,
            on_full=lambda: self.events.append("full"),
            on_room=lambda: self.events.append("room"),
        )

    @property
    def bytes(self) -> int:
        return sum(map(len, self.written))


class LaneCase(TestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.lanes = Lanes(self.clock, RATE, Delayed())

    def sink(self, limit: int = 1 << 40) -> Sink:
        sink = Sink(limit)
        sink.outbox.set_lanes(self.lanes)
        return sink

    def run_for(self, seconds: float, step: float = 0.01) -> None:
        self.clock.pump([step] * round(seconds / step))


class OutboxTests(LaneCase):
    def test_a_burst_goes_at_full_speed_and_no_more(self) -> None:
        sink = self.sink()
        for _ in range(32):
            sink.outbox.send(bytes(KB64))
        self.assertEqual(sink.bytes, RATE_BURST_BYTES)
        self.assertEqual(sink.outbox.size, 16 * KB64)

    def test_after_it_3_megabits_a_second(self) -> None:
        sink = self.sink()
        for _ in range(10_000):
            sink.outbox.send(bytes(1000))
        self.assertEqual(sink.bytes, 1_049_000, "the last one is lent")
        for seconds in range(1, 11):
            self.run_for(1)
            expected = RATE_BURST_BYTES + seconds * RATE
            self.assertLessEqual(abs(sink.bytes - expected), RATE * RATE_TICK_SECONDS + 1000)
        self.run_for(20)
        self.assertEqual((sink.bytes, sink.outbox.size), (10_000_000, 0))

    def test_large_messages_are_lent_and_waited_for(self) -> None:
        sink = self.sink()
        for _ in range(20):
            sink.outbox.send(bytes(512 * 1024))
        self.assertEqual(len(sink.written), 2)
        self.clock.advance(RATE_TICK_SECONDS)
        self.assertEqual(len(sink.written), 3)
        debt = 512 * 1024 - RATE * RATE_TICK_SECONDS
        self.clock.advance(debt / RATE + RATE_TICK_SECONDS - 0.001)
        self.assertEqual(len(sink.written), 3)
        self.clock.advance(0.002)
        self.assertEqual(len(sink.written), 4)

    def test_order_is_kept_and_nothing_is_lost(self) -> None:
        sink = self.sink()
        sent = [bytes([number % 256]) * 5000 for number in range(600)]
        for number, message in enumerate(sent):
            sink.outbox.send(message)
            if number % 7 == 0:
                self.clock.advance(0.02)
        self.run_for(10)
        self.assertEqual(sink.written, sent)

    def test_who_was_quiet_has_a_burst_again_and_no_more(self) -> None:
        sink = self.sink()
        for _ in range(2):
            sink.outbox.send(bytes(RATE_BURST_BYTES))
            self.clock.advance(1000)
        before = sink.bytes
        for _ in range(40):
            sink.outbox.send(bytes(KB64))
        self.assertEqual(sink.bytes - before, RATE_BURST_BYTES)

    def test_sockets_of_one_user_share_it_evenly(self) -> None:
        sinks = [self.sink() for _ in range(3)]
        for _ in range(400):
            for sink in sinks:
                sink.outbox.send(bytes(10_000))
        self.run_for(15)
        total = sum(sink.bytes for sink in sinks)
        self.assertLessEqual(abs(total - RATE_BURST_BYTES - 15 * RATE), RATE * RATE_TICK_SECONDS + 10_000)
        for sink in sinks:
            self.assertLess(abs(sink.bytes - total / 3), total / 50)

    def test_a_newcomer_does_not_overtake_those_who_wait(self) -> None:
        first, second = self.sink(), self.sink()
        first.outbox.send(bytes(RATE_BURST_BYTES))
        first.outbox.send(b"waits")
        second.outbox.send(b"later")
        self.assertEqual(second.written, [])
        self.clock.advance(RATE_TICK_SECONDS)
        self.assertEqual((first.written[-1], second.written), (b"waits", [b"later"]))

    def test_it_takes_one_timer_however_many_messages_wait(self) -> None:
        sinks = [self.sink() for _ in range(5)]
        for _ in range(1000):
            for sink in sinks:
                sink.outbox.send(bytes(1000))
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)

    def test_and_wakes_20_times_a_second_at_most(self) -> None:
        sink = self.sink()
        for _ in range(200_000):
            sink.outbox.send(bytes(10))
        calls = 0
        before = self.clock.callLater

        def counted(*args: object, **kwargs: object) -> object:
            nonlocal calls
            calls += 1
            return before(*args, **kwargs)  # type: ignore[arg-type]

        self.patch(self.clock, "callLater", counted)
        self.run_for(2, step=0.001)
        self.assertLessEqual(calls, 41)

    def test_the_bound_of_the_outbox_still_holds(self) -> None:
        sink = self.sink(limit=100_000)
        sink.outbox.send(bytes(RATE_BURST_BYTES))
        for _ in range(10):
            sink.outbox.send(bytes(10_000))
        self.assertEqual(sink.events, [])
        sink.outbox.send(b"x")
        self.assertEqual(sink.events, ["full"])

    def test_a_peer_that_does_not_read_takes_nothing_from_the_others(self) -> None:
        stalled, other = self.sink(), self.sink()
        stalled.outbox.send(bytes(RATE_BURST_BYTES))
        stalled.outbox.send(b"waits for the rate")
        stalled.outbox.pauseProducing()
        other.outbox.send(b"waits too")
        self.run_for(1)
        self.assertEqual((len(stalled.written), other.written), (1, [b"waits too"]))
        stalled.outbox.resumeProducing()
        self.assertEqual(stalled.written[-1], b"waits for the rate")

    def test_a_transport_that_pauses_in_between(self) -> None:
        sink = self.sink()
        sink.outbox.send(bytes(RATE_BURST_BYTES))
        sink.outbox.pauseProducing()
        for number in range(100):
            sink.outbox.send(bytes([number]) * 1000)
        sink.outbox.resumeProducing()
        self.assertEqual(len(sink.written), 1)
        self.run_for(1)
        self.assertEqual([message[0] for message in sink.written[1:]], list(range(100)))

    def test_close_leaves_the_lane(self) -> None:
        sink, other = self.sink(), self.sink()
        sink.outbox.send(bytes(RATE_BURST_BYTES))
        sink.outbox.send(b"x")
        sink.outbox.close()
        self.assertEqual((sink.outbox.size, self.clock.getDelayedCalls()), (0, []))
        other.outbox.send(b"y")
        self.run_for(1)
        self.assertEqual((len(sink.written), other.written), (1, [b"y"]))

    def test_finish_waits_for_the_rate(self) -> None:
        sink = self.sink()
        sink.outbox.send(bytes(RATE_BURST_BYTES))
        sink.outbox.send(b"x")
        sink.outbox.finish(lambda: sink.events.append("then"))
        self.assertEqual(sink.events, [])
        self.run_for(1)
        self.assertEqual((sink.written[-1], sink.events), (b"x", ["then"]))

    def test_what_had_to_wait_is_counted_once(self) -> None:
        sink = self.sink()
        sink.outbox.send(bytes(RATE_BURST_BYTES))
        for _ in range(5):
            sink.outbox.send(bytes(1000))
        self.assertEqual(self.lanes.delayed.to_browser, 5000)
        self.run_for(1)
        self.assertEqual(self.lanes.delayed.to_browser, 5000)

    @given(st.lists(st.tuples(st.integers(1, 200_000), st.integers(0, 60)), max_size=60))
    def test_never_more_than_burst_and_rate_and_one_message(self, steps: list[tuple[int, int]]) -> None:
        case = LaneCase("setUp")
        case.setUp()
        sink, began = case.sink(), case.clock.seconds()
        for size, ticks in steps:
            sink.outbox.send(bytes(size))
            for _ in range(ticks):
                case.clock.advance(0.01)
            allowed = RATE_BURST_BYTES + (case.clock.seconds() - began) * RATE
            self.assertLessEqual(sink.bytes, allowed + 200_000)
        case.run_for(60, step=0.5)
        self.assertEqual(sink.bytes, sum(size for size, _ in steps))
        self.assertEqual(case.clock.getDelayedCalls(), [])


class OffTests(LaneCase):
    def test_without_lanes_nothing_waits(self) -> None:
        sink = Sink()
        for _ in range(100):
            sink.outbox.send(bytes(RATE_BURST_BYTES))
        self.assertEqual((len(sink.written), sink.outbox.size), (100, 0))

    def test_lanes_that_are_taken_away_let_all_go(self) -> None:
        sink = self.sink()
        for _ in range(10):
            sink.outbox.send(bytes(RATE_BURST_BYTES))
        sink.outbox.set_lanes(None)
        self.assertEqual((len(sink.written), self.clock.getDelayedCalls()), (10, []))


class Socket:
    def __init__(self) -> None:
        self.lanes: Lanes | None = None

    def set_lanes(self, lanes: Lanes | None) -> None:
        self.lanes = lanes


class PacesTests(TestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.paces = Paces(self.clock)

    def test_until_there_is_a_rate_there_are_no_lanes(self) -> None:
        socket = Socket()
        self.paces.opened("ann", socket)
        self.assertIsNone(socket.lanes)
        self.paces.set_rate(RATE_BITS)
        self.assertIsNotNone(socket.lanes)
        self.paces.set_rate(None)
        self.assertEqual((socket.lanes, len(self.paces)), (None, 0))

    def test_a_users_sockets_share_lanes_and_others_do_not(self) -> None:
        self.paces.set_rate(RATE_BITS)
        first, second, eve = Socket(), Socket(), Socket()
        for user_id, socket in (("ann", first), ("ann", second), ("eve", eve)):
            self.paces.opened(user_id, socket)
        self.assertIs(first.lanes, second.lanes)
        self.assertIsNot(first.lanes, eve.lanes)

    def test_coming_back_brings_no_new_burst(self) -> None:
        self.paces.set_rate(RATE_BITS)
        for _ in range(3):
            socket = Socket()
            self.paces.opened("ann", socket)
            assert socket.lanes is not None
            socket.lanes.out.take(RATE_BURST_BYTES)
            self.assertLessEqual(socket.lanes.out.left, 0)
            self.paces.closed("ann", socket)

    def test_lanes_of_those_who_have_gone_are_dropped_once_they_are_full(self) -> None:
        self.paces.set_rate(RATE_BITS)
        for number in range(1000):
            socket = Socket()
            self.paces.opened(f"user{number}", socket)
            assert socket.lanes is not None
            socket.lanes.out.take(100_000)
            self.paces.closed(f"user{number}", socket)
        self.assertEqual(len(self.paces), 1000)
        self.clock.advance(10)
        last = Socket()
        self.paces.opened("last", last)
        self.paces.closed("last", last)
        self.assertEqual(len(self.paces), 0)

    def test_another_rate_is_kept_from_then_on(self) -> None:
        self.paces.set_rate(RATE_BITS)
        socket = Socket()
        self.paces.opened("ann", socket)
        assert socket.lanes is not None
        socket.lanes.out.take(RATE_BURST_BYTES)
        self.paces.set_rate(8000)
        self.clock.advance(5)
        self.assertAlmostEqual(socket.lanes.out.left, 5000)


class LaneTests(TestCase):
    def test_a_charge_counts_what_has_come_already(self) -> None:
        clock = Clock()
        lane = Lane(clock, 1000, burst=5000)
        self.assertTrue(lane.charge(4999))
        self.assertFalse(lane.charge(1))
        self.assertFalse(lane.charge(2000))
        clock.advance(2)
        self.assertEqual(lane.left, 0)
        clock.advance(1)
        self.assertTrue(lane.charge(999))
