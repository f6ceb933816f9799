from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from wingthing.wing.output import Coalescer, cut, partial_character
from wingthing.wire.wing_limits import MAX_HELD_ESCAPE_BYTES, MAX_OUTPUT_FRAME_BYTES, OUTPUT_INTERVAL_SECONDS


class CutTests(TestCase):
    @given(st.text(max_size=8), st.text(st.characters(min_codepoint=128), min_size=1, max_size=3), st.data())
    def test_never_inside_a_character(self, before: str, after: str, draw: st.DataObject) -> None:
        whole = before.encode() + after.encode()
        at = draw.draw(st.integers(0, len(whole)))
        kept = len(whole[:at]) - partial_character(whole[:at])
        whole[:kept].decode()
        self.assertEqual(whole[:kept].decode(), whole[:at].decode(errors="ignore"))

    def test_what_is_no_utf8_is_not_held(self) -> None:
        for data in (b"\xff", b"\x80\x80\x80\x80", b"a\xc0", b"\xc1", b"\xf5", b"", b"\xe4b"):
            self.assertEqual(partial_character(data), 0, data)

    def test_before_an_escape_sequence(self) -> None:
        self.assertEqual(cut(b"ab\x1b[3", b"\x1b[3"), 2)
        self.assertEqual(cut(b"ab", b""), 2)
        self.assertEqual(cut("aé".encode()[:2], b"\xc3"), 1)

    def test_not_before_a_long_one(self) -> None:
        long = b"\x1b]52;c;" + b"A" * MAX_HELD_ESCAPE_BYTES
        self.assertEqual(cut(long, long), len(long))
        self.assertEqual(cut(long + b"\xe4\xb8", long + b"\xe4\xb8"), len(long))


class CoalescerTests(TestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.sent: list[bytes] = []
        self.coalescer = Coalescer(self.clock, self.sent.append)

    def test_the_first_goes_at_once(self) -> None:
        self.coalescer.add(b"a")
        self.assertEqual(self.sent, [b"a"])

    def test_the_next_go_together(self) -> None:
        for piece in (b"a", b"b", b"c"):
            self.coalescer.add(piece)
        self.clock.advance(OUTPUT_INTERVAL_SECONDS)
        self.assertEqual(self.sent, [b"a", b"bc"])
        self.coalescer.add(b"d")
        self.assertEqual(self.sent, [b"a", b"bc"])
        self.clock.pump([OUTPUT_INTERVAL_SECONDS] * 2)
        self.assertEqual(self.sent, [b"a", b"bc", b"d"])
        self.assertEqual(self.clock.getDelayedCalls(), [], "nothing ticks while nothing is said")
        self.coalescer.add(b"e")
        self.assertEqual(self.sent[-1], b"e")

    def test_frames_are_bounded(self) -> None:
        for _ in range(100):
            self.coalescer.add(b"x" * 8192)
        self.assertTrue(all(len(frame) <= MAX_OUTPUT_FRAME_BYTES for frame in self.sent))
        self.coalescer.close()
        self.assertEqual(b"".join(self.sent), b"x" * 819200)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_flush(self) -> None:
        self.coalescer.add(b"a")
        self.coalescer.add(b"")
        self.coalescer.add(b"b")
        self.coalescer.flush()
        self.coalescer.flush()
        self.assertEqual(self.sent, [b"a", b"b"])
