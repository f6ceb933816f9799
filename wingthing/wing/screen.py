"""The server-side screen of a terminal: fed with its output, asked for a replay.

A replay is a stream of VT sequences that makes a fresh terminal emulator show what this one shows: the
scrollback, the screen, colours and styles, cursor, modes and title; and beneath an alternate screen
(vim, less) the primary one, so that it is there again when the program leaves.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from twisted.logger import Logger

from wingthing.wing import ghostty
from wingthing.wing.rows import write_rows
from wingthing.wire.wing_limits import MAX_ESCAPE_BYTES, MAX_TITLE_CHARS, SCROLLBACK_BYTES, SCROLLBACK_LINES

PAGE_LINES: Final = 1000
"""libghostty drops scrollback by the page: this many more lines, so that a page less is still enough."""

RESET: Final = b"\x1bc"
CANCEL: Final = b"\x18"
PLAIN: Final = b"\x1b[0m\x1b(B\x0f"

ALTERNATE_MODES: Final = (1049, 1047, 47)
MODES: Final = (1, 5, 6, 7, 9, 25, 45, 66, 1000, 1002, 1003, 1004, 1005, 1006, 1015, 1016, 2004)
"""DEC private modes that a browser's terminal knows, beside those of the alternate screen."""

MODES_ON_AFTER_RESET: Final = (7, 25)
ANSI_MODES: Final = (4, 20)

SCROLL_REGION = re.compile(rb"\x1b\[\d+;\d+r")


class Screen:
    """One terminal's screen of `cols` x `rows` cells.

    `on_reply(bytes)` gets what the terminal would answer to a program's query, `on_bell()` each BEL that
    is not part of a sequence, `on_title(str)` each new title; all are called from within `feed`, after
    the bytes were taken in.
    """

    _log = Logger()

    def __init__(
        self,
        cols: int,
        rows: int,
        *,
        on_reply: Callable[[bytes], None] | None = None,
        on_bell: Callable[[], None] | None = None,
        on_title: Callable[[str], None] | None = None,
    ) -> None:
        self._terminal = ghostty.new_terminal(
            cols,
            rows,
            scrollback_lines=SCROLLBACK_LINES + PAGE_LINES,
            scrollback_bytes=SCROLLBACK_BYTES,
            string_bytes=MAX_ESCAPE_BYTES,
        )
        self._primary: Any = None
        self._shape = ghostty.CursorShape()
        self._on_reply, self._on_bell, self._on_title = on_reply, on_bell, on_title
        self._replies: list[bytes] = []
        self._bells = 0
        self._titled = False
        self._terminal.on_reply(self._replies.append)
        self._callbacks = (
            ghostty.listen(self._terminal, "BELL", "GhosttyTerminalBellFn", self._heard_bell),
            ghostty.listen(
                self._terminal, "TITLE_CHANGED", "GhosttyTerminalTitleChangedFn", self._heard_title
            ),
        )

    def _heard_bell(self) -> None:
        self._bells += 1

    def _heard_title(self) -> None:
        self._titled = True

    def feed(self, data: bytes) -> None:
        """Take in output, cut anywhere."""
        self._terminal.feed(data)
        if self._primary is not None and self._alternate() is None:
            self._drop_primary()
        replies, self._replies[:] = self._replies[:], []
        bells, self._bells = self._bells, 0
        titled, self._titled = self._titled, False
        if self._on_reply is not None:
            for reply in replies:
                self._on_reply(reply)
        if self._on_bell is not None:
            for _ in range(bells):
                self._on_bell()
        if titled and self._on_title is not None:
            self._on_title(self.title)

    def unfinished(self) -> bytes:
        """The end of what was fed that is only the beginning of a character or an escape sequence."""
        return ghostty.continuation(self._terminal)

    def resize(self, cols: int, rows: int) -> None:
        """Change the size; the lines of the primary screen are wrapped anew."""
        if self._alternate() is not None:
            # Afterwards the alternate screen may be cut through a wide character, and cannot be copied.
            self._keep_primary()
        self._terminal.resize(cols, rows)
        if self._primary is not None:
            self._primary.resize(cols, rows)

    def _alternate(self) -> int | None:
        """The mode that has brought the alternate screen; None when the primary one is shown."""
        if not self._terminal.get("active_screen", "int"):
            return None
        return next((n for n in ALTERNATE_MODES if self.mode(n)), None)

    def _keep_primary(self) -> None:
        """Copy what lies beneath the alternate screen; nothing but a resize changes it meanwhile."""
        try:
            copy = ghostty.Clone(self._terminal)
        except ghostty.GhosttyError:
            if self._primary is None:
                self._log.failure("the screen beneath the alternate one is left out of the replay")
            return
        copy.feed(CANCEL + b"\x1b[?%dl" % (self._alternate() or ALTERNATE_MODES[0]))
        self._drop_primary()
        self._primary = copy

    def _drop_primary(self) -> None:
        if self._primary is not None:
            self._primary.close()
            self._primary = None

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows."""
        cols, rows = self._terminal.size
        return cols, rows

    @property
    def cursor(self) -> tuple[int, int]:
        """Column and row, from 0."""
        x, y = self._terminal.cursor
        return x, y

    @property
    def title(self) -> str:
        """The title that the program has set, without control characters and cut to MAX_TITLE_CHARS."""
        text = ghostty.title(self._terminal).decode("utf-8", "replace")
        return "".join(c for c in text if c.isprintable())[:MAX_TITLE_CHARS]

    def text(self) -> str:
        """The visible screen as plain text, a line per row."""
        text: str = self._terminal.text()
        return text

    def mode(self, number: int, *, ansi: bool = False) -> bool:
        """Whether a DEC private mode (or an ANSI mode) is set."""
        is_set: bool = self._terminal.mode(number, ansi=ansi)
        return is_set

    def replay(self) -> bytes:
        """What makes a terminal emulator of the same size show this screen.

        It stands for everything fed so far but `unfinished()`.
        """
        alternate = self._alternate()
        parts = [RESET]
        if alternate is not None:
            self._keep_primary()
            if (primary := self._primary) is not None:
                parts += [write_rows(primary), _cursor(primary), _pen(primary)]
            parts += [b"\x1b[?%dh" % alternate, PLAIN, b"\x1b[H"]
        parts += [write_rows(self._terminal), PLAIN]
        parts += [self._state(), _cursor(self._terminal), _pen(self._terminal)]
        parts += [b"\x1b[%dh" % n for n in ANSI_MODES if self.mode(n, ansi=True)]
        return b"".join(parts)

    def _state(self) -> bytes:
        """Tab stops, scroll region, modes, cursor shape, title."""
        corner = _corner(self._terminal)
        text = ghostty.format_vt(self._terminal, corner)
        tabs = ghostty.format_vt(self._terminal, corner, terminal_extra=("tabstops",))
        region = ghostty.format_vt(self._terminal, corner, terminal_extra=("scrolling_region",))
        parts = [tabs[: len(tabs) - len(text)]]
        parts += SCROLL_REGION.findall(region)
        for number in MODES:
            is_set = self.mode(number)
            if is_set != (number in MODES_ON_AFTER_RESET):
                parts.append(b"\x1b[?%d%c" % (number, b"h" if is_set else b"l"))
        shape = self._shape.read(self._terminal)
        if shape is not None:
            parts.append(b"\x1b[%d q" % shape)
        if title := self.title:
            parts.append(b"\x1b]2;" + title.encode() + b"\x1b\\")
        return b"".join(parts)

    def close(self) -> None:
        """Free the native memory."""
        self._shape.close()
        self._drop_primary()
        self._terminal.close()


def _corner(terminal: Any) -> Any:
    """A selection of one cell: the formatter writes its extras only beside some text."""
    top = terminal.get("total_rows", "size_t") - terminal.size[1]
    return ghostty.rows_selection(terminal, top, top, last_col=0)


def _cursor(terminal: Any) -> bytes:
    """Move the cursor where it is; DECOM counts rows from the top of the scroll region."""
    x, y = terminal.cursor
    top = 0
    if terminal.mode(6):
        region = ghostty.format_vt(terminal, _corner(terminal), terminal_extra=("scrolling_region",))
        if found := SCROLL_REGION.search(region):
            top = int(found.group()[2:].split(b";")[0]) - 1
    move = b"\x1b[%d;%dH" % (y - top + 1, x + 1)
    # After a resize libghostty may say so of a cursor that is not in the last column any more.
    if x < terminal.size[0] - 1 or not terminal.get("cursor_pending_wrap", "bool"):
        return move
    # The next character goes to the next line. Only writing the last cell again brings that state about.
    row = terminal.get("total_rows", "size_t") - terminal.size[1] + y
    rows = ghostty.Rows(terminal)
    rows.select(row)
    first = x - 1 if rows.cell(x).is_wide_tail else x
    cell = ghostty.format_vt(
        terminal, ghostty.rows_selection(terminal, row, row, first_col=first, last_col=x)
    )
    return b"\x1b[%d;%dH" % (y - top + 1, first + 1) + (cell or b" ")


def _pen(terminal: Any) -> bytes:
    """Style, link, protection, keyboard flags and character sets for what is written next."""
    corner = _corner(terminal)
    text = ghostty.format_vt(terminal, corner)
    extras = ("style", "hyperlink", "protection", "kitty_keyboard", "charsets")
    return ghostty.format_vt(terminal, corner, screen_extra=extras)[len(text) :]
