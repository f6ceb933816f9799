"""Frames as bytes: masks, headers, and where one ends."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import TestCase
from websockets import speedups

from tests.sockets.streams import masked, raw_frame
from wingthing.sockets import frames
from wingthing.sockets.frames import HEADERS, KEPT_HEADERS, Headers, autobahn_mask, frame_bytes, peel
from wingthing.wire.limits import MAX_MESSAGE_BYTES


class MaskTests(TestCase):
    @given(st.binary(max_size=300), st.binary(min_size=4, max_size=4), st.integers(0, 5))
    def test_both_routines_do_what_the_rfc_says(self, data: bytes, mask: bytes, skip: int) -> None:
        """Section 5.3."""
        view = memoryview(data)[skip:]
        for routine in (frames.apply_mask, autobahn_mask):
            self.assertEqual(routine(data, mask), masked(data, mask))
            self.assertEqual(routine(view, mask), masked(bytes(view), mask))

    def test_the_quick_one_is_there(self) -> None:
        """Should it be gone from its library, this fails and not the program."""
        self.assertIs(frames.apply_mask, speedups.apply_mask)

    def test_without_it_autobahns_does(self) -> None:
        self.patch(frames, "apply_mask", autobahn_mask)
        for size in (0, 1, 125, 126, 70_000):
            messages: list[bytes] = []
            frame = raw_frame(b"x" * size)
            self.assertEqual(peel(frame, 0, messages), (len(frame), 0))
            self.assertEqual(messages, [b"x" * size])


class HeaderTests(TestCase):
    def test_lengths_in_their_shortest_form(self) -> None:
        for size, header in (
            (0, "8100"),
            (125, "817d"),
            (126, "817e007e"),
            (65535, "817effff"),
            (65536, "817f0000000000010000"),
        ):
            self.assertEqual(HEADERS[size].hex(), header)

    def test_no_more_are_kept_than_may_be(self) -> None:
        headers = Headers()
        for size in range(KEPT_HEADERS + 100):
            self.assertEqual(headers[size], headers[size])
        self.assertEqual(len(headers), KEPT_HEADERS)


class EndTests(TestCase):
    @given(
        st.binary(max_size=200) | st.just(b"x" * 70_000),
        st.integers(0, 255),
        st.binary(min_size=4, max_size=4) | st.none(),
        st.sampled_from([None, 64]),
        st.binary(max_size=20),
    )
    def test_a_frame_of_whatever_kind_ends_where_it_ends(
        self, payload: bytes, first: int, mask: bytes | None, form: int | None, rest: bytes
    ) -> None:
        frame = raw_frame(payload, first, mask=mask, length_form=form)
        self.assertEqual(frame_bytes(rest + frame + rest, len(rest)), len(frame))

    def test_a_header_that_is_not_whole_says_nothing(self) -> None:
        for frame in (raw_frame(b"a"), raw_frame(b"a" * 300), raw_frame(b"a" * 70_000), raw_frame(mask=None)):
            whole = len(frame) - {7: 1, 308: 300, 70_014: 70_000, 2: 0}[len(frame)]
            for there in range(1, whole):
                self.assertEqual(frame_bytes(frame[:there], 0), there)

    def test_what_is_wanted_is_no_more_than_the_frame_has(self) -> None:
        """Else a frame would wait for the next one."""
        for size in (0, 1, 125, 126, 300, 65535, 65536, MAX_MESSAGE_BYTES):
            frame = raw_frame(b"x" * size)
            for there in {1, 2, 3, 5, 6, 7, 8, 9, 13, 14, 15, len(frame) - 1}:
                if there < len(frame):
                    at, wanted = peel(b"ab" + frame[:there], 2, [])
                    self.assertEqual(at, 2)
                    self.assertGreater(wanted, there)
                    self.assertLessEqual(wanted, len(frame))
