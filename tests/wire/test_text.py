"""Names that show what they are."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from wingthing.wire.text import is_plain


class PlainTests(TestCase):
    def test_names_of_people(self) -> None:
        for name in ("", "desk", "Büro 2", "机器", "עברית", "👩\u200d💻", "a\u00a0b"):
            self.assertTrue(is_plain(name), name)

    def test_what_hides_something(self) -> None:
        for code in (0x00, 0x09, 0x0A, 0x1B, 0x7F, 0x85, 0x9F, 0x2028, 0x202A, 0x202E, 0x2066, 0x2069):
            self.assertFalse(is_plain(f"a{chr(code)}b"), hex(code))
