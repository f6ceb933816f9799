from __future__ import annotations

from typing import Any

from twisted.trial.unittest import TestCase

from wingthing.wing import ghostty


def terminal() -> Any:
    return ghostty.new_terminal(20, 5, scrollback_lines=100, scrollback_bytes=10**6, string_bytes=1000)


class GhosttyTests(TestCase):
    def test_closing_twice_frees_once(self) -> None:
        one = terminal()
        for native in (ghostty.Clone(one), ghostty.CursorShape(), one):
            native.close()
            native.close()

    def test_a_clone_lives_its_own_life(self) -> None:
        one = terminal()
        one.feed(b"same\x1b[?1049hother")
        with ghostty.Clone(one) as copy:
            copy.feed(b"\x1b[?1049l")
            self.assertEqual((copy.text(), one.text().strip()), ("same", "other"))

    def test_backgrounds(self) -> None:
        one = terminal()
        one.feed(b"\x1b[41m\x1b[K\x1b[2;1H\x1b[48;2;1;2;3m\x1b[K\x1b[0m\x1b[3;1Hx")
        rows = ghostty.Rows(one)
        found = []
        for y in range(4):
            rows.select(y)
            found.append(rows.cell(0).background)
        self.assertEqual(found, [b"48;5;1", b"48;2;1;2;3", b"", b""])

    def test_wide_characters(self) -> None:
        one = terminal()
        one.feed("漢x".encode())
        rows = ghostty.Rows(one)
        rows.select(0)
        self.assertEqual([rows.cell(x).is_wide_tail for x in range(3)], [False, True, False])
        self.assertEqual([rows.cell(x).is_text for x in range(4)], [True, True, True, False])
