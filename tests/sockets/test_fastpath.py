"""The quick way hears and says the same as Autobahn alone, whatever comes and however it is cut."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from tests.sockets.conformance import CASES, Case
from tests.sockets.streams import End, close_code, compare, cut, on_a_clock, raw_frame, server_frames
from wingthing.wire.limits import MAX_MESSAGE_BYTES

SHORT = 400
"""Bytes of a case that is cut everywhere."""

CHUNK = 65536
"""What the transport reads at once."""


class ConformanceTests(TestCase):
    """The table, by both ways, in one piece, in the chunks of a transport, and byte by byte."""

    def setUp(self) -> None:
        on_a_clock(self)

    def check(self, case: Case, make: Callable[[], End], chunks: list[bytes]) -> None:
        end = make().feed(chunks)
        name = f"{case.section} {case.what}"
        self.assertEqual(end.heard, case.messages, name)
        self.assertEqual(close_code(end.said), case.code, name)
        pongs = [payload for first, payload in server_frames(end.said) if first == 0x8A]
        self.assertEqual(pongs, case.pongs, name)
        end.end()

    def test_in_one_piece(self) -> None:
        for case in CASES:
            for make in (End.plain, End.quick):
                self.check(case, make, [case.sent])

    def test_in_chunks(self) -> None:
        for case in CASES:
            for size in (CHUNK, 1000, 7):
                if len(case.sent) < 1000 * size:
                    chunks = cut(case.sent, [size] * (len(case.sent) // size))
                    self.check(case, End.quick, chunks)

    def test_byte_by_byte_and_cut_anywhere(self) -> None:
        for case in CASES:
            if len(case.sent) > SHORT:
                continue
            self.check(case, End.plain, cut(case.sent, [1] * len(case.sent)))
            self.check(case, End.quick, cut(case.sent, [1] * len(case.sent)))
            for at in range(1, len(case.sent)):
                self.check(case, End.quick, cut(case.sent, [at]))

    def test_after_a_message_and_before_one(self) -> None:
        """What is unusual neither keeps the quick way from going on nor takes it along."""
        before, after = raw_frame(b"before"), raw_frame(b"after")
        for case in CASES:
            end = End.quick().feed([before + case.sent + after])
            goes_on = case.code is None and case.what != "a message that has yet to end"
            expected = [b"before", *case.messages, *([b"after"] if goes_on else [])]
            self.assertEqual(end.heard, expected, case.what)
            if goes_on:
                self.assertEqual(end.protocol.data, b"", case.what)
                self.assertIsNone(end.protocol.current_frame, case.what)
            end.end()


masks = st.binary(min_size=4, max_size=4) | st.just(bytes(4))
payloads = (
    st.binary(max_size=200)
    | st.text(max_size=60).map(str.encode)
    | st.sampled_from([125, 126, 127, 300, 65535, 65536, 70000]).map(lambda size: b"x" * size)
)
usual = st.builds(raw_frame, payloads, mask=masks)
first_bytes = st.sampled_from([0x81, 0x81, 0x01, 0x80, 0x00, 0x82, 0x88, 0x89, 0x8A]) | st.integers(0, 255)
others = st.builds(
    raw_frame,
    st.binary(max_size=130) | st.text(max_size=40).map(str.encode),
    first_bytes,
    mask=masks,
    length_form=st.sampled_from([None, None, None, 64]),
)
fragments = st.builds(
    lambda parts, between: (
        raw_frame(parts[0], 0x01)
        + b"".join(between + raw_frame(part, 0x00) for part in parts[1:])
        + raw_frame(b"", 0x80)
    ),
    st.lists(st.text(max_size=20).map(str.encode), min_size=1, max_size=4),
    st.sampled_from([b"", raw_frame(b"p", 0x89), raw_frame(b"", 0x8A)]),
)
wrong = st.sampled_from(
    [
        raw_frame(b"a", mask=None),
        raw_frame(b"a" * 20, length_form=16),
        raw_frame(length=MAX_MESSAGE_BYTES + 1),
        raw_frame(length_form=64, length=1 << 63),
        raw_frame(b"ab", length=40),
        raw_frame(b"\xff"),
        b"\x81",
        b"\x81\xfe",
    ]
)
streams = st.lists(usual | fragments | others | wrong | st.binary(max_size=20), max_size=8).map(b"".join)


class SameAsAutobahnTests(TestCase):
    """Whatever bytes come, in whatever chunks: the same messages, and the same bytes out."""

    def setUp(self) -> None:
        on_a_clock(self)

    def compare(self, stream: bytes, sizes: list[int]) -> None:
        self.assertEqual(compare(cut(stream, sizes)), "")

    @settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
    @given(streams, st.lists(st.integers(1, 40) | st.sampled_from([1, 2, 6, 1000, 65536]), max_size=60))
    def test_any_stream_in_any_chunks(self, stream: bytes, sizes: list[int]) -> None:
        self.compare(stream, sizes)

    @settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
    @given(streams)
    def test_any_stream_byte_by_byte(self, stream: bytes) -> None:
        stream = stream[:2000]
        self.compare(stream, [1] * len(stream))

    @given(st.binary(max_size=100), st.lists(st.integers(1, 10), max_size=20))
    def test_noise(self, noise: bytes, sizes: list[int]) -> None:
        self.compare(noise, sizes)

    def test_a_rule_that_is_broken_at_the_second_byte(self) -> None:
        """Autobahn judges such a header anew with each chunk, and twice is once too often."""
        for stream in (b"\x00\x80\x00\x00\x00\x00", raw_frame(b"a" * 10, 0x83), raw_frame(b"a" * 200, 0xC9)):
            for at in range(1, len(stream)):
                self.compare(stream, [at])
                self.compare(raw_frame(b"a") + stream, [7 + at])

    @settings(max_examples=30, deadline=None)
    @given(st.lists(usual | fragments, min_size=1, max_size=4).map(b"".join))
    def test_cut_at_every_offset(self, stream: bytes) -> None:
        stream = stream[:600]
        for at in range(1, len(stream)):
            self.compare(stream, [at])


class MemoryTests(TestCase):
    """A peer that sends in the smallest pieces does not make the node keep more than it has sent."""

    def setUp(self) -> None:
        on_a_clock(self)

    def test_fragments_of_nothing_without_end(self) -> None:
        quick = End.quick()
        quick.feed([raw_frame(b"a", 0x01), *[raw_frame(b"", 0x00) * 100] * 100])
        self.assertLess(len(quick.protocol.message_data), 1000)
        quick.feed([raw_frame(b"b", 0x80)])
        self.assertEqual(quick.heard, [b"ab"])

    def test_one_fragment_in_single_bytes(self) -> None:
        quick = End.quick()
        fragment = raw_frame(b"a" * 10_000, 0x01)
        for at in range(len(fragment) - 1):
            quick.feed([fragment[at : at + 1]])
        self.assertLess(len(quick.protocol.frame_data), 1000)
        quick.feed([fragment[-1:], raw_frame(b"b", 0x80)])
        self.assertEqual(quick.heard, [b"a" * 10_000 + b"b"])

    def test_a_usual_frame_in_single_bytes(self) -> None:
        quick = End.quick()
        frame = raw_frame(b"a" * 10_000)
        for at in range(len(frame)):
            quick.feed([frame[at : at + 1]])
        self.assertEqual(quick.heard, [b"a" * 10_000])
        self.assertEqual(quick.protocol._begun, b"")


class TurnTests(TestCase):
    """What one chunk causes is written together."""

    def setUp(self) -> None:
        on_a_clock(self)

    def writes(self, end: End) -> list[bytes]:
        written: list[bytes] = []
        before = end.line.write

        def write(data: bytes) -> None:
            written.append(data)
            before(data)

        end.line.write = write  # type: ignore[method-assign]
        return written

    def test_the_echoes_of_one_chunk_are_one_write(self) -> None:
        quick = End.quick()
        written = self.writes(quick)
        quick.feed([raw_frame(b"a") * 50])
        self.assertEqual(len(written), 1)
        quick.protocol.send_message(b"later")
        self.assertEqual(len(written), 2, "between chunks nothing waits")

    def test_no_more_than_the_transport_takes_is_kept(self) -> None:
        quick = End.quick()
        written = self.writes(quick)
        quick.feed([raw_frame(b"a" * 30_000) * 10])
        self.assertEqual([len(data) // 30_000 for data in written], [3, 3, 3, 1])

    def test_order_is_kept_among_messages_pongs_and_the_close(self) -> None:
        quick = End.quick()
        quick.feed([raw_frame(b"a") + raw_frame(b"1", 0x89) + raw_frame(b"b") + raw_frame(b"\x03\xe8", 0x88)])
        self.assertEqual([first for first, _ in server_frames(quick.said)], [0x81, 0x8A, 0x81, 0x88])

    def test_counters_count_what_autobahn_counts(self) -> None:
        sent = raw_frame(b"a") * 3 + raw_frame(b"b" * 200) + raw_frame(b"c" * 70_000)
        unusual = raw_frame(b"d", 0x01) + raw_frame(b"1", 0x89) + raw_frame(b"e", 0x80)
        ends = [End.plain(), End.quick()]
        for end in ends:
            end.feed([sent + unusual])
        plain, quick = (end.protocol.trafficStats.__json__() for end in ends)
        for name in ("preopenIncomingOctetsWireLevel", "preopenOutgoingOctetsWireLevel"):
            self.assertGreater(quick[name], 0)
        self.assertEqual(quick, plain)
