"""One timer for all: who is silent is pinged, who does not answer is lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from wingthing.sockets.keepalive import NOWHERE, SLOTS, TICK_SECONDS, Keepalive
from wingthing.wire.limits import PING_SECONDS, PING_TIMEOUT_SECONDS


class Socket:
    """Remembers when what was done to it."""

    def __init__(self, clock: Clock, keepalive: Keepalive) -> None:
        self.clock = clock
        self.keepalive = keepalive
        self.slot = NOWHERE
        self.pinged = b""
        self.pings: list[float] = []
        self.lost_at: float | None = None

    def ping(self, payload: bytes) -> None:
        assert payload
        self.pings.append(self.clock.seconds())

    def lost(self) -> None:
        assert self.lost_at is None, "lost twice"
        self.lost_at = self.clock.seconds()
        self.keepalive.closed(self)


class KeepaliveTests(TestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1000.3)
        self.keepalive = Keepalive(self.clock)

    def socket(self) -> Socket:
        socket = Socket(self.clock, self.keepalive)
        self.keepalive.opened(socket)
        return socket

    def pass_time(self, seconds: float, step: float = 0.25) -> None:
        for _ in range(round(seconds / step)):
            self.clock.advance(step)

    def test_a_silent_socket_is_pinged_and_then_lost(self) -> None:
        began = self.clock.seconds()
        socket = self.socket()
        self.pass_time(PING_SECONDS + PING_TIMEOUT_SECONDS + 3 * TICK_SECONDS)
        (pinged,) = socket.pings
        assert socket.lost_at is not None
        for late in (pinged - began - PING_SECONDS, socket.lost_at - pinged - PING_TIMEOUT_SECONDS):
            self.assertTrue(0 <= late <= TICK_SECONDS, late)

    def test_one_that_lives_is_pinged_again_and_again(self) -> None:
        socket = self.socket()
        for number in range(1, 10):
            self.pass_time(PING_SECONDS + TICK_SECONDS)
            self.assertEqual(len(socket.pings), number)
            self.keepalive.heard(socket)
        self.assertIsNone(socket.lost_at)

    def test_one_timer_for_all_and_none_for_none(self) -> None:
        sockets = [self.socket() for _ in range(100)]
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.pass_time(3)
        self.assertEqual((len(self.clock.getDelayedCalls()), len(self.keepalive)), (1, 100))
        for socket in sockets:
            self.keepalive.closed(socket)
            self.keepalive.closed(socket)
        self.assertEqual((self.clock.getDelayedCalls(), len(self.keepalive)), ([], 0))
        self.assertFalse(any(self.keepalive._slots))

    def test_after_a_time_without_sockets_all_begins_anew(self) -> None:
        self.keepalive.closed(self.socket())
        self.clock.advance(12_345.6)
        socket = self.socket()
        self.pass_time(PING_SECONDS - TICK_SECONDS)
        self.assertEqual(socket.pings, [])
        self.pass_time(2 * TICK_SECONDS)
        self.assertEqual(len(socket.pings), 1)

    def test_a_reactor_that_stood_still_loses_nobody_who_was_not_pinged(self) -> None:
        sockets = [self.socket()]
        self.pass_time(10)
        sockets.append(self.socket())
        self.clock.advance(10 * SLOTS)
        self.assertEqual([(len(socket.pings), socket.lost_at) for socket in sockets], [(1, None)] * 2)
        self.pass_time(PING_TIMEOUT_SECONDS + TICK_SECONDS)
        self.assertTrue(all(socket.lost_at for socket in sockets))

    def test_one_that_is_closed_while_others_are_pinged(self) -> None:
        first, second = self.socket(), self.socket()
        first.ping = lambda payload: self.keepalive.closed(second)  # type: ignore[method-assign]
        second.ping = lambda payload: self.keepalive.closed(first)  # type: ignore[method-assign]
        self.pass_time(PING_SECONDS + TICK_SECONDS)
        self.assertEqual(len(self.keepalive), 1)

    def test_what_is_heard_after_the_end_is_nothing(self) -> None:
        socket = self.socket()
        self.keepalive.closed(socket)
        self.keepalive.heard(socket)
        self.assertEqual((socket.slot, self.clock.getDelayedCalls()), (NOWHERE, []))

    @given(st.lists(st.tuples(st.floats(0.1, 40), st.integers(0, 2), st.booleans()), max_size=40))
    def test_nobody_is_lost_before_the_time_or_long_after(self, steps: list[tuple[float, int, bool]]) -> None:
        clock = Clock()
        keepalive = Keepalive(clock)
        sockets = [Socket(clock, keepalive) for _ in range(3)]
        alive = [clock.seconds()] * 3
        for socket in sockets:
            keepalive.opened(socket)
        for seconds, number, close in steps:
            for _ in range(round(seconds / 0.5)):
                clock.advance(0.5)
            socket = sockets[number]
            if socket.lost_at is not None:
                continue
            if close:
                keepalive.closed(socket)
                alive[number] = clock.seconds()
                keepalive.opened(socket)
                socket.pinged = b""
            elif socket.pinged:
                keepalive.heard(socket)
                alive[number] = clock.seconds()
        least = PING_SECONDS + PING_TIMEOUT_SECONDS
        for socket, since in zip(sockets, alive, strict=True):
            silent = (socket.lost_at or clock.seconds()) - since
            if socket.lost_at is not None:
                self.assertGreaterEqual(silent, least)
            self.assertLessEqual(silent, least + 3 * TICK_SECONDS)
        self.assertEqual(len(keepalive), sum(socket.lost_at is None for socket in sockets))
