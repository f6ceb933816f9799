"""The rows of a terminal, scrollback and screen, as a stream that writes them again.

libghostty's formatter does it at once and fast, but has its faults. It writes the empty cells after a
styled text in that style (a label in inverse would bleed to the right), takes a row that was only erased
in a colour for blank, drops links, and writes a wide character that a resize has cut in half as a whole
one, which would go to the next row. The few rows where that can be seen are written anew, run by run.
"""

from __future__ import annotations

import itertools
import re
from typing import Any, Final

from wingthing.wing import ghostty

VISIBLE = rb"\x1b\[(?:4|7|9|21|53|4:\d|4[0-7]|48;[\d;]+|10[0-7])m"
"""A style that can be seen on a space: underlined, inverse, struck out, on a colour."""

MAY_BLEED = re.compile(VISIBLE + rb".*? ")
BLEEDS = re.compile(VISIBLE + rb"[^\x1b]* \x1b")
"""A space at the end of the run: of a gap within one this is not so, but that is rare."""

MAX_REWRITTEN_ROWS: Final = 2000
"""Rewriting a row takes some 50 microseconds, and an egg does nothing else meanwhile."""


def write_rows(terminal: Any) -> bytes:
    """All rows from the top of the scrollback, as many as there are.

    A line that was wrapped is written as one: the emulator wraps it again, and wraps it anew in another
    width. The stream starts at the left edge in plain style, and ends so.
    """
    rows = ghostty.Rows(terminal)
    text = ghostty.format_vt(terminal, unwrap=False)
    lines = text.split(b"\r\n") if text else []
    lines += [b""] * (rows.count - len(lines))
    _rewrite(terminal, rows, lines)
    parts = []
    for y, line in enumerate(lines):
        parts.append(line)
        if y + 1 < rows.count and not (lines[y + 1] and _leads_on(rows, y)):
            parts.append(b"\r\n")
    return b"".join(parts)


def _leads_on(rows: ghostty.Rows, y: int) -> bool:
    """Whether writing on after the row comes to the next one, as it did the first time."""
    rows.select(y)
    if not rows.is_wrapped():
        return False
    last = rows.cols - 1
    if not rows.cell(last).is_left_free:
        return rows.cell(last).is_text
    if not (last and rows.cell(last - 1).is_text):
        return False
    rows.select(y + 1)
    return rows.cell(1).is_wide_tail


def _rewrite(terminal: Any, rows: ghostty.Rows, lines: list[bytes]) -> None:
    """Replace the lines that the formatter has got wrong: on the screen, then upwards while time allows."""
    first_on_screen = rows.count - terminal.size[1]
    left = MAX_REWRITTEN_ROWS
    for y in reversed(range(rows.count)):
        rows.select(y)
        if _is_wrong(rows, lines[y], on_screen=y >= first_on_screen):
            lines[y] = _write_row(terminal, rows, y)
            left -= 1
            if not left:
                return


def _is_wrong(rows: ghostty.Rows, line: bytes, *, on_screen: bool) -> bool:
    if line:
        if on_screen and rows.cell(rows.cols - 1).is_wide:
            return True
        return rows.has_links() or (MAY_BLEED if on_screen else BLEEDS).search(line) is not None
    # What is erased in a colour reaches the right edge, as a rule; on the screen every cell is asked.
    return any(rows.cell(x).background for x in (range(rows.cols) if on_screen else (rows.cols - 1,)))


def _write_row(terminal: Any, rows: ghostty.Rows, y: int) -> bytes:
    links = rows.has_links()
    parts = []
    x = 0
    for (kind, value), run in itertools.groupby(_kind(rows, x, links=links) for x in range(rows.cols)):
        width = len(list(run))
        if kind == "text":
            span = ghostty.rows_selection(terminal, y, y, first_col=x, last_col=x + width - 1)
            text = ghostty.format_vt(terminal, span)
            parts.append(b"\x1b]8;;%s\x1b\\%s\x1b]8;;\x1b\\" % (value, text) if value else text)
        elif kind == "colour":
            parts.append(b"\x1b[%sm%s\x1b[0m" % (value, b" " * width))
        elif x + width < rows.cols:
            parts.append(b" " * width)
        x += width
    return b"".join(parts)


def _kind(rows: ghostty.Rows, x: int, *, links: bool) -> tuple[str, bytes]:
    cell = rows.cell(x)
    if cell.is_wide and x == rows.cols - 1:
        return "gap", b""
    if cell.is_text:
        return "text", rows.link(x) if links else b""
    return ("colour", cell.background) if cell.background else ("gap", b"")
