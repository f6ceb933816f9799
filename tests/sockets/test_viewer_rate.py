"""The rate on real sockets: what a browser is sent waits, what it sends makes it wait, wings never do."""

from __future__ import annotations

from tests.sockets.case import SocketTestCase, output
from wingthing.sockets.viewer import ViewerSocket
from wingthing.testing import FrameClient
from wingthing.wire.closing import CloseCode
from wingthing.wire.limits import OUTBOX_BYTES, RATE_BITS, RATE_BURST_BYTES, RATE_TICK_SECONDS

RATE = RATE_BITS / 8
PIECE = 64 * 1024


class RateCase(SocketTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.laptop = self.wing()
        self.window = self.browser()
        self.session_id = self.terminal(self.window, self.laptop)
        self.laptop.messages()

    def set_rate(self) -> None:
        self.factory.paces.set_rate(RATE_BITS)

    def output(self, pieces: int) -> None:
        for _ in range(pieces):
            self.laptop.say("pty.output", **output(self.session_id, PIECE))

    def type(self, size: int, window: FrameClient | None = None) -> None:
        (window or self.window).say("pty.input", session_id=self.session_id, data="A" * size)

    def received(self, window: FrameClient | None = None) -> int:
        return len((window or self.window).messages())

    @property
    def socket(self) -> ViewerSocket:
        (viewer,) = self.router._viewers
        assert isinstance(viewer.peer, ViewerSocket)
        return viewer.peer


class ToBrowserTests(RateCase):
    def test_off_by_default(self) -> None:
        self.output(200)
        self.assertEqual(self.received(), 200)

    def test_output_beyond_the_burst_waits_and_comes(self) -> None:
        self.set_rate()
        self.output(48)
        burst = self.received()
        self.assertEqual(burst, RATE_BURST_BYTES // PIECE)
        self.assertGreater(self.socket.waiting, 0)
        for _ in range(120):
            self.clock.advance(RATE_TICK_SECONDS)
        self.assertEqual(self.received(), 48 - burst)
        self.assertGreater(self.factory.paces.delayed.to_browser, 0)

    def test_a_rate_that_comes_later_is_kept_by_open_sockets(self) -> None:
        self.output(100)
        self.set_rate()
        self.received()
        self.output(48)
        self.assertLess(self.received(), 20)

    def test_an_outbox_that_is_full_closes_the_browser_by_name(self) -> None:
        self.set_rate()
        self.output((RATE_BURST_BYTES + OUTBOX_BYTES) // PIECE + 5)
        self.assertEqual(self.window.close_code(), CloseCode.TOO_SLOW)
        self.assertEqual(self.factory.cut_off, {"browser": 1})
        self.assertEqual([call for call in self.clock.getDelayedCalls() if "_grant" in str(call.func)], [])

    def test_coming_back_brings_no_new_burst(self) -> None:
        self.set_rate()
        self.output(16)
        self.window.line.end()
        window = self.browser()
        session_id = self.terminal(window, self.laptop)
        window.messages()
        self.laptop.say("pty.output", **output(session_id, PIECE))
        self.laptop.say("pty.output", **output(session_id, PIECE))
        self.assertLess(self.received(window), 2)

    def test_wings_are_not_slowed_down(self) -> None:
        self.set_rate()
        for _ in range(30):
            self.laptop.say("pty.output", **output("0" * 8, PIECE * 4))
        self.assertEqual(self.laptop.line.producerState, "producing")


class FromBrowserTests(RateCase):
    def setUp(self) -> None:
        super().setUp()
        self.set_rate()

    def reading(self, window: FrameClient | None = None) -> bool:
        return (window or self.window).line.producerState == "producing"

    def test_a_browser_that_sends_too_much_is_not_read_for_a_while(self) -> None:
        sent = 0
        while self.reading():
            self.type(PIECE)
            sent += 1
        self.assertIn(sent, (RATE_BURST_BYTES // PIECE, RATE_BURST_BYTES // PIECE + 1))
        self.assertEqual(len(self.laptop.messages()), sent, "nothing is dropped")
        self.clock.advance(RATE_TICK_SECONDS / 2)
        self.assertFalse(self.reading())
        self.clock.advance(PIECE / RATE + RATE_TICK_SECONDS)
        self.assertTrue(self.reading())
        self.assertGreater(self.factory.paces.delayed.from_browser, 0)

    def test_in_the_long_run_3_megabits_a_second(self) -> None:
        sent, piece = 0, 10_000
        for _ in range(1000):
            while self.reading():
                self.type(piece)
                sent += piece
            self.clock.advance(0.01)
        self.assertLess(abs(sent - RATE_BURST_BYTES - 10 * RATE), RATE * 2 * RATE_TICK_SECONDS + 2 * piece)

    def test_all_browsers_of_a_user_together(self) -> None:
        other = self.browser()
        for _ in range(RATE_BURST_BYTES // PIECE):
            self.type(PIECE)
        other.say("pty.detach", session_id="0" * 8)
        self.assertFalse(self.reading(other))
        eve = self.browser("eve")
        eve.say("pty.detach", session_id="0" * 8)
        self.assertTrue(self.reading(eve))

    def test_a_wing_that_is_full_and_the_rate_both_have_their_say(self) -> None:
        socket = self.socket
        for _ in range(RATE_BURST_BYTES // PIECE + 1):
            self.type(PIECE)
        socket.pause_reading()
        self.clock.advance(5)
        self.assertFalse(self.reading(), "the wing is still full")
        socket.resume_reading()
        self.assertTrue(self.reading())
        for _ in range(RATE_BURST_BYTES // PIECE + 1):
            self.type(PIECE)
        socket.pause_reading()
        socket.resume_reading()
        self.assertFalse(self.reading(), "the rate is still passed")

    def test_a_browser_that_leaves_leaves_nothing(self) -> None:
        for _ in range(RATE_BURST_BYTES // PIECE + 1):
            self.type(PIECE)
        before = len(self.clock.getDelayedCalls())
        self.window.line.end()
        self.assertLess(len(self.clock.getDelayedCalls()), before)
        self.assertEqual(self.factory.paces._sockets, {})
