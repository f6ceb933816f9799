from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st
from pyghostty import Terminal
from twisted.trial.unittest import TestCase

from wingthing.wing import ghostty
from wingthing.wing.screen import ALTERNATE_MODES, ANSI_MODES, MODES, Screen, _pen
from wingthing.wire.wing_limits import MAX_ESCAPE_BYTES, MAX_TITLE_CHARS, SCROLLBACK_LINES

COLS, ROWS = 12, 5
SAME_CHARACTERS = b"\x1b(B"
"""Designates the character set that is in force anyway: some replays say so, some do not."""

SEEN_ON_A_SPACE = ("underline", "underline_color", "strikethrough", "overline", "bg")


def style(terminal: Terminal, x: int, y: int) -> str:
    """What is set of a cell's style. A blank that was printed in a colour looks as one erased in it."""
    rows = ghostty.Rows(terminal)
    rows.select(rows.count - terminal.size[1] + y)
    cell = rows.cell(x)
    if cell.is_left_free or (x == rows.cols - 1 and not cell.is_text and not cell.background):
        return "{} "  # left free by a wide character that had no room: its style is the emulator's affair
    found = {name: value for name, value in terminal.style(x, y).items() if value}
    if rows._value(ghostty.lib.GHOSTTY_CELL_DATA_CODEPOINT) in (0, ord(" ")) and "inverse" not in found:
        found = {name: value for name, value in found.items() if name in SEEN_ON_A_SPACE}
    kind, colour = found.pop("bg", ("", ""))
    ground = b"48;5;%d" % colour if kind == "palette" else b"48;2;%d;%d;%d" % colour if kind else b""
    return f"{found} {(ground or cell.background).decode()}"


def styles(screen: Screen) -> list[str]:
    cols, rows = screen.size
    return [style(screen._terminal, x, y) for y in range(rows) for x in range(cols)]


def plain(screen: Screen) -> list[bytes]:
    """The text of each row, the scrollback's too; an empty cell looks as one with a space."""
    text = re.sub(rb"\x1b\[[\d;:]*m", b"", ghostty.format_vt(screen._terminal, unwrap=False))
    return [row.rstrip() for row in text.rstrip().split(b"\r\n")]


def seen(screen: Screen) -> dict[str, object]:
    """All that a person or a program can tell about a screen."""
    return {
        "text": screen.text().rstrip(),
        "all": plain(screen),
        "rows": screen._terminal.get("total_rows", "size_t"),
        "cursor": screen.cursor,
        "title": screen.title,
        "styles": styles(screen),
        "modes": [n for n in (*MODES, *ALTERNATE_MODES) if screen.mode(n)],
        "ansi": [n for n in ANSI_MODES if screen.mode(n, ansi=True)],
        "pen": _pen(screen._terminal).replace(SAME_CHARACTERS, b""),
        "state": screen._state(),
    }


def repainted(screen: Screen) -> Screen:
    other = Screen(*screen.size)
    other.feed(screen.replay())
    return other


text = st.text(st.sampled_from("abc xyz09漢字é\u0301ñ👍─█ "), max_size=30).map(str.encode)
number = st.integers(0, 25)
sgr = st.sampled_from(
    [b"0", b"1", b"3", b"4", b"7", b"9", b"31", b"42", b"91", b"38;5;200", b"48;2;10;20;30", b"22"]
).map(lambda code: b"\x1b[%sm" % code)
simple = st.sampled_from(
    [
        b"\r\n", b"\r", b"\x1b[T", b"\x1b[3g",
        b"\n", b"\b", b"\t", b"\x07", b"\x1b[K", b"\x1b[1K", b"\x1b[J", b"\x1b[2J", b"\x1b[H",
        b"\x1bM",
        b"\x1bD", b"\x1bE", b"\x1b[L", b"\x1b[M", b"\x1b[P", b"\x1b[@", b"\x1b[X", b"\x1b[S",
        b"\x1bH", b"\x1b[r", b"\x1b(0lqxk\x1b(B", b"\x1b7", b"\x1b8",
    ]
)  # fmt: skip
moves = st.builds(lambda y, x: b"\x1b[%d;%dH" % (y, x), number, number) | st.builds(
    lambda n, c: b"\x1b[%d%s" % (n, c), number, st.sampled_from([b"A", b"B", b"C", b"D", b"G", b"d"])
)
region = st.builds(lambda a, b: b"\x1b[%d;%dr" % (min(a, b), max(a, b)), number, number)
modes = st.builds(
    lambda n, on: b"\x1b[?%d%s" % (n, b"h" if on else b"l"),
    st.sampled_from([1, 5, 6, 7, 25, 1000, 1002, 1003, 1004, 1006, 2004]),
    st.booleans(),
)
insert = st.sampled_from([b"\x1b[4h", b"\x1b[4l"])
alternate = st.sampled_from([b"\x1b[?1049h", b"\x1b[?1049l"])
shape = st.integers(0, 6).map(lambda n: b"\x1b[%d q" % n)
title = st.text(st.characters(codec="utf-8", exclude_categories=("C",)), max_size=10).map(
    lambda t: b"\x1b]2;" + t.encode() + b"\x1b\\"
)
piece = text | text | simple | sgr | moves | region | modes | insert | alternate | shape | title
stream = st.lists(piece, max_size=40).map(b"".join)


class ReplayTests(TestCase):
    maxDiff = None

    def assert_replayed(self, screen: Screen) -> Screen:
        other = repainted(screen)
        for name, value in seen(screen).items():
            self.assertEqual(seen(other)[name], value, name)
        return other

    def check(self, data: bytes, after: bytes = b"") -> bytes:
        screen = Screen(COLS, ROWS)
        screen.feed(data)
        other = self.assert_replayed(screen)
        screen.feed(after)
        other.feed(after)
        self.assertEqual(seen(other), seen(screen))
        return other.text().encode()

    @settings(max_examples=60, deadline=None, derandomize=True)
    @given(stream, stream)
    def test_any_stream(self, data: bytes, after: bytes) -> None:
        screen = Screen(COLS, ROWS)
        screen.feed(data)
        other = self.assert_replayed(screen)
        # DECSC is a state that no sequence reads back: what is restored to is not compared.
        after = after.replace(b"\x1b8", b"").replace(b"\x1b[?1049l", b"")
        screen.feed(after)
        other.feed(after)
        self.assertEqual(other.text().rstrip(), screen.text().rstrip())

    @settings(max_examples=40, deadline=None, derandomize=True)
    @given(stream, st.integers(2, 40), st.integers(2, 12), stream)
    def test_any_stream_with_a_resize_in_between(
        self, data: bytes, cols: int, rows: int, more: bytes
    ) -> None:
        screen = Screen(COLS, ROWS)
        screen.feed(data)
        screen.resize(cols, rows)
        self.assert_replayed(screen)
        screen.feed(more)
        self.assert_replayed(screen)

    @settings(max_examples=60, deadline=None, derandomize=True)
    @given(stream, st.data())
    def test_a_stream_may_be_cut_anywhere(self, data: bytes, draw: st.DataObject) -> None:
        whole, parts = Screen(COLS, ROWS), Screen(COLS, ROWS)
        whole.feed(data)
        at = draw.draw(st.integers(0, len(data)))
        parts.feed(data[:at])
        begun = parts.unfinished()
        # A replay and the unfinished rest are together the state, wherever the stream was cut.
        other = Screen(COLS, ROWS)
        other.feed(parts.replay() + begun)
        self.assertTrue(data[:at].endswith(begun))
        parts.feed(data[at:])
        self.assertEqual(parts.text(), whole.text())
        self.assertEqual(parts.cursor, whole.cursor)

    def test_scrollback(self) -> None:
        screen = Screen(80, 24)
        screen.feed(b"".join(b"line %d\r\n" % n for n in range(20_000)))
        lines = repainted(screen)._terminal.contents().splitlines()
        self.assertGreaterEqual(len(lines), SCROLLBACK_LINES)
        self.assertLess(len(lines), SCROLLBACK_LINES * 1.3)
        self.assertEqual(lines[-1], "line 19999")
        self.assertEqual(lines[-SCROLLBACK_LINES], f"line {20_000 - SCROLLBACK_LINES}")

    def test_cleared_screen_below_scrollback(self) -> None:
        self.check(b"x\r\n" * 30 + b"\x1b[2J\x1b[H$ ", b"ls\r\n")

    def test_nothing_at_all(self) -> None:
        self.check(b"", b"hello")

    def test_pending_wrap(self) -> None:
        self.check(b"x" * COLS, b"y")
        self.check("漢".encode() * (COLS // 2), b"y")
        self.check(b"\x1b[31m" + b"x" * COLS + b"\x1b[32m", b"y")

    def test_wrapped_lines_stay_one_line(self) -> None:
        screen = Screen(COLS, ROWS)
        screen.feed(b"w" * (COLS + 5))
        other = repainted(screen)
        for one in (screen, other):
            one.resize(COLS * 2, ROWS)
        self.assertEqual(other.text(), "w" * (COLS + 5))
        self.assertEqual(seen(other), seen(screen))

    def test_leaving_an_alternate_screen(self) -> None:
        for mode in (b"1049", b"1047", b"47"):
            enter, leave = b"\x1b[?%sh" % mode, b"\x1b[?%sl" % mode
            edited = b"one\r\n" * 30 + b"$ vim" + enter + b"\x1b[2J\x1b[Hedit \x1b[1mme"
            shown = self.check(edited, leave + b"!")
            self.assertIn(b"$ vim", shown)
            self.assertNotIn(b"edit", shown)

    def test_leaving_an_alternate_screen_after_a_resize(self) -> None:
        screen = Screen(COLS, ROWS)
        screen.feed(b"0123456789abcdefghij\r\n$ vim\x1b[?1049hedit")
        screen.resize(10, ROWS)
        other = repainted(screen)
        for one in (screen, other):
            one.feed(b"\x1b[?1049l")
        self.assertEqual(other.text(), "0123456789\nabcdefghij\n$ vim")
        self.assertEqual(seen(other), seen(screen))

    def test_a_resize_that_cuts_the_alternate_screen_through_a_wide_character(self) -> None:
        screen = Screen(COLS, ROWS)
        screen.feed("primary\x1b[?1049h\x1b[H9 漢".encode())
        for size in ((3, ROWS), (3, ROWS + 1)):
            screen.resize(*size)
            other = repainted(screen)
            self.assertTrue(other.text().startswith("9"))
            other.feed(b"\x1b[?1049l")
            self.assertEqual(other.text().split(), ["pri", "mar", "y"])
        screen.feed(b"\x1b[?1049l")
        self.assert_replayed(screen)

    def test_rows_erased_in_a_colour(self) -> None:
        self.check(b"a\r\nb\x1b[44m\x1b[J\x1b[4;3H\x1b[48;2;1;2;3m\x1b[5X\x1b[0m")
        self.check(b"\x1b[44m\x1b[2J\x1b[0m" + b"\r\n" * ROWS + b"$ ")

    def test_origin_mode(self) -> None:
        self.check(b"\x1b[2;4r\x1b[?6h\x1b[2;3Hab", b"\r\n" * 9 + b"end")

    def test_cursor_shape_only_when_a_program_has_set_it(self) -> None:
        screen = Screen(COLS, ROWS)
        self.assertNotIn(b" q", screen.replay())
        screen.feed(b"\x1b[5 q")
        self.assertIn(b"\x1b[5 q", screen.replay())
        screen.feed(b"\x1b[0 q")
        self.assertNotIn(b" q", screen.replay())

    def test_character_set(self) -> None:
        self.check(b"\x1b(0lqk", b"x")

    def test_modes_are_replayed(self) -> None:
        screen = Screen(COLS, ROWS)
        screen.feed(b"\x1b[?2004h\x1b[?1h\x1b[?1002h\x1b[?1006h\x1b[?25l\x1b[?7l\x1b=")
        other = repainted(screen)
        self.assertEqual([n for n in MODES if other.mode(n)], [1, 66, 1002, 1006, 2004])

    def test_a_style_does_not_bleed_into_the_gap_after_it(self) -> None:
        for style in (b"7", b"4", b"41", b"48;2;1;2;3", b"9", b"101", b"4:3"):
            self.check(b"\x1b[%smab\x1b[0m\x1b[1;7Hx\x1b[2;9Hy" % style)
            self.check(b"\x1b[%sm a \x1b[1;7H\x1b[1mx" % style)

    def test_links(self) -> None:
        screen = Screen(COLS, ROWS)
        screen.feed(b"see \x1b]8;;http://a.example/?b\x1b\\th\x1b[1mis\x1b[0m\x1b]8;;\x1b\\ too")
        self.assertEqual(repainted(screen).text(), "see this too")
        self.assertIn(b"\x1b]8;;http://a.example/?b\x1b\\th", repainted(screen).replay())
        self.assertEqual(repainted(screen).replay().count(b"\x1b]8;;\x1b\\"), 1)

    def test_a_replay_asks_nothing(self) -> None:
        """It is written to an emulator whose answers would be typed into the program."""
        screen = Screen(COLS, ROWS)
        screen.feed(b"\x1b[c\x1b[6n\x1b[>q\x1b]11;?\x07text\x1b]2;\x1b[6n\x07")
        asked: list[bytes] = []
        Screen(COLS, ROWS, on_reply=asked.append).feed(screen.replay())
        self.assertEqual(asked, [])


class ScreenTests(TestCase):
    def test_bells(self) -> None:
        bells: list[None] = []
        screen = Screen(COLS, ROWS, on_bell=lambda: bells.append(None))
        screen.feed(b"a\x07b\x07")
        self.assertEqual(len(bells), 2)
        screen.feed(b"\x1b]0;title\x07\x1b]8;;http://example\x07link\x1b]8;;\x07")
        self.assertEqual(len(bells), 2, "a BEL that ends an OSC is not a bell")
        screen.feed(b"\x1b]0;tit")
        screen.feed(b"le\x07")
        self.assertEqual(len(bells), 2)

    def test_title(self) -> None:
        titles: list[str] = []
        screen = Screen(COLS, ROWS, on_title=titles.append)
        screen.feed("\x1b]2;häuschen\x07".encode())
        screen.feed(b"\x1b]2;" + b"x" * 1000 + b"\x07")
        self.assertEqual(titles[0], "häuschen")
        self.assertEqual(len(titles[1]), MAX_TITLE_CHARS)
        screen.feed(b"\x1b]2;a\xff\xc2\x9bb\x1b\\")
        self.assertTrue(all(c.isprintable() for c in screen.title))

    def test_replies(self) -> None:
        replies: list[bytes] = []
        screen = Screen(COLS, ROWS, on_reply=replies.append)
        screen.feed(b"ab\x1b[6n")
        self.assertEqual(replies, [b"\x1b[1;3R"])
        screen.feed(b"\x1b]2;rm -rf\r\x07\x1b[21t")
        self.assertEqual(replies, [b"\x1b[1;3R"], "a title is never typed into the program")

    def test_unfinished(self) -> None:
        screen = Screen(COLS, ROWS)
        for data, rest in (
            (b"a", b""), (b"\xe6\xbc", b"\xe6\xbc"), (b"\xa2", b""), (b"x\x1b", b"\x1b"), (b"[3", b"\x1b[3"),
            (b"1m", b""), (b"\x1b]2;ab", b"\x1b]2;ab"), (b"c\x07", b""),
        ):  # fmt: skip
            screen.feed(data)
            self.assertEqual(screen.unfinished(), rest)

    def test_endless_sequences_cost_little(self) -> None:
        screen = Screen(COLS, ROWS)
        for start in (b"\x1b]52;c;", b"\x1bP", b"\x1b_G", b"\x1b[", b"\x1b]2;"):
            screen.feed(start)
            for _ in range(64):
                screen.feed(b"A" * MAX_ESCAPE_BYTES if start != b"\x1b[" else b"1;" * 100)
            self.assertLessEqual(len(screen.unfinished()), MAX_ESCAPE_BYTES)
            screen.feed(b"\x1b\\\x18")
        screen.feed(b"\x1bcstill here")
        self.assertEqual(screen.text(), "still here")

    def test_size(self) -> None:
        screen = Screen(COLS, ROWS)
        screen.resize(33, 7)
        self.assertEqual(screen.size, (33, 7))
        screen.resize(1, 1)
        self.assertTrue(re.match(rb"\x1bc", screen.replay()))
        screen.close()
