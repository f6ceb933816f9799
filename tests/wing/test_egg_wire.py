from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from wingthing.errors import InvalidMessage
from wingthing.wing.egg_wire import (
    AcknowledgeExit,
    Exited,
    Frame,
    FrameReader,
    Hello,
    Input,
    Kill,
    Output,
    Ready,
    Replay,
    Resize,
    ToEgg,
    ToWing,
    encode,
)

TO_WING: list[Frame] = [Ready(1, 80, 24, "ä"), Output(b"\x00\xff"), Replay(7, b""), Exited(1, "y"), Exited(0)]
TO_EGG: list[Frame] = [Hello(), Input(b"x" * 300), Resize(1, 2), Kill(), AcknowledgeExit()]


class FrameReaderTests(TestCase):
    def test_there_and_back(self) -> None:
        for kinds, frames in ((ToWing, TO_WING), (ToEgg, TO_EGG)):
            reader: FrameReader[Frame] = FrameReader(kinds)
            self.assertEqual(reader.feed(b"".join(map(encode, frames))), frames)

    @given(st.lists(st.integers(1, 40)))
    def test_cut_anywhere(self, sizes: list[int]) -> None:
        stream = b"".join(map(encode, TO_WING))
        reader: FrameReader[Frame] = FrameReader(ToWing)
        found: list[Frame] = []
        for size in sizes:
            found += reader.feed(stream[:size])
            stream = stream[size:]
        self.assertEqual(found + reader.feed(stream), TO_WING)

    def test_too_long(self) -> None:
        reader: FrameReader[Frame] = FrameReader(ToEgg, limit=100)
        why = self.assertRaises(InvalidMessage, reader.feed, (101).to_bytes(4, "big"))
        self.assertIn("longer than 100", str(why))

    def test_nonsense(self) -> None:
        for body in (b"\xc1", b"", b"\x91\xa3xyz", encode(Output(b"not for an egg"))[4:]):
            reader: FrameReader[Frame] = FrameReader(ToEgg)
            self.assertRaises(InvalidMessage, reader.feed, len(body).to_bytes(4, "big") + body)

    def test_fields_of_a_newer_version(self) -> None:
        body = b"\x94\xa6Resize\x50\x18\xc3"  # a third field follows cols and rows
        reader: FrameReader[Frame] = FrameReader(ToEgg)
        self.assertEqual(reader.feed(len(body).to_bytes(4, "big") + body), [Resize(80, 24)])
