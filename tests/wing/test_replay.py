"""Repaints are cut into pieces that are whole text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from wingthing.wing.replay import pieces


class PiecesTests(TestCase):
    @given(st.text(max_size=200), st.integers(4, 40))
    def test_every_piece_is_text(self, text: str, most: int) -> None:
        data = text.encode("utf-8", "replace")
        parts = list(pieces(data, most))
        self.assertEqual(b"".join(parts), data)
        for part in parts:
            part.decode()
            self.assertTrue(0 < len(part) <= most)

    @given(st.binary(max_size=200), st.integers(4, 40))
    def test_what_is_no_text_is_cut_all_the_same(self, data: bytes, most: int) -> None:
        parts = list(pieces(data, most))
        self.assertEqual(b"".join(parts), data)
        self.assertTrue(all(0 < len(part) <= most for part in parts))
