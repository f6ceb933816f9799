"""The few calls of libghostty-vt that `screen` needs, with Python types and errors.

pyghostty's `Terminal` wraps the common calls; formatter, clone, continuation and callbacks are reached
through its raw `ffi` and `lib`. All of it is synchronous; a terminal is used from one thread.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from pyghostty.core import GhosttyError, Terminal, check, ffi, init_sized, lib, union_fn

MAX_URI_BYTES: Final = 4096

__all__ = ["Clone", "CursorShape", "GhosttyError", "Rows", "format_vt", "new_terminal", "rows_selection"]

CURSOR_STYLE_UNSET = lib.GHOSTTY_TERMINAL_CURSOR_STYLE_BLOCK_HOLLOW
"""A shape no program can ask for (DECSCUSR has none): as default it means that none was asked for."""


def new_terminal(
    cols: int, rows: int, *, scrollback_lines: int, scrollback_bytes: int, string_bytes: int
) -> Any:
    """A terminal whose memory is bounded: lines and bytes of scrollback, bytes of one OSC, APC or DCS.

    It keeps no images, and never reports its title (which would let output type into the program).
    """
    terminal = Terminal(cols, rows, scrollback=scrollback_lines)
    for option, size in (
        ("SCROLLBACK_MAX_BYTES", scrollback_bytes),
        ("CONTINUATION_MAX_BYTES", string_bytes),
        ("APC_MAX_BYTES", string_bytes),
    ):
        _set(terminal, option, ffi.new("size_t*", size))
    _set(terminal, "KITTY_IMAGE_STORAGE_LIMIT", ffi.new("uint64_t*", 0))
    _set(terminal, "TITLE_REPORT", ffi.new("bool*", False))
    _set(terminal, "DEFAULT_CURSOR_STYLE", ffi.new("int*", CURSOR_STYLE_UNSET))
    return terminal


def _set(terminal: Any, option: str, value: Any) -> None:
    check(
        lib.ghostty_terminal_set(terminal._t[0], getattr(lib, f"GHOSTTY_TERMINAL_OPT_{option}"), value),
        f"set {option.lower()}",
    )


def listen(terminal: Any, option: str, function_type: str, heard: Callable[[], None]) -> Any:
    """Have `heard` called, without arguments, for `option` ("BELL", "TITLE_CHANGED").

    The result must be kept as long as the terminal: it owns the C function.
    """
    callback = ffi.callback(function_type, lambda _terminal, _data: heard())
    _set(terminal, option, callback)
    return callback


def title(terminal: Any) -> bytes:
    """What OSC 0 or 2 has set, as raw bytes."""
    text = terminal.get("title", "GhosttyString")
    return bytes(ffi.buffer(text.ptr, text.len)) if text.len else b""


def continuation(terminal: Any) -> bytes:
    """The bytes of the sequence or character in progress; empty when there is none, or it is too long."""
    if terminal.get("vt_ground", "bool"):
        return b""
    needed = ffi.new("size_t*")
    lib.ghostty_terminal_continuation_buf(terminal._t[0], ffi.NULL, 0, needed)
    if not needed[0]:
        return b""
    room = ffi.new("uint8_t[]", needed[0])
    check(lib.ghostty_terminal_continuation_buf(terminal._t[0], room, len(room), needed), "continuation")
    return bytes(ffi.buffer(room, needed[0]))


def rows_selection(
    terminal: Any, first: int, last: int, *, first_col: int = 0, last_col: int | None = None
) -> Any:
    """Rows `first` to `last` counted from the top of the scrollback, or one part of them.

    Valid until the terminal is fed or resized.
    """
    selection = init_sized("GhosttySelection")
    selection.start = terminal.ref(first_col, first, "screen")[0]
    selection.end = terminal.ref(terminal.size[0] - 1 if last_col is None else last_col, last, "screen")[0]
    return selection


def format_vt(
    terminal: Any,
    selection: Any = None,
    *,
    unwrap: bool = True,
    terminal_extra: tuple[str, ...] = (),
    screen_extra: tuple[str, ...] = (),
) -> bytes:
    """Text and styles of the active screen with its scrollback (or of `selection`) as VT sequences.

    With `unwrap` a wrapped line comes as one line, else as one per row; trailing blank lines are left out.
    The extras are field names of GhosttyFormatterTerminalExtra and GhosttyFormatterScreenExtra: the former
    come before the text, the latter after it.
    """
    options = init_sized("GhosttyFormatterTerminalOptions")
    options.emit = lib.GHOSTTY_FORMATTER_FORMAT_VT
    options.unwrap, options.trim = unwrap, False
    for name in terminal_extra:
        setattr(options.extra, name, True)
    for name in screen_extra:
        setattr(options.extra.screen, name, True)
    if selection is not None:
        options.selection = selection
    formatter = ffi.new("GhosttyFormatter*")
    check(lib.ghostty_formatter_terminal_new(ffi.NULL, formatter, terminal._t[0], options[0]), "formatter")
    text, length = ffi.new("uint8_t**"), ffi.new("size_t*")
    try:
        check(lib.ghostty_formatter_format_alloc(formatter[0], ffi.NULL, text, length), "format")
        if not length[0]:
            return b""
        try:
            return bytes(ffi.buffer(text[0], length[0]))
        finally:
            lib.ghostty_free(ffi.NULL, text[0], length[0])
    finally:
        lib.ghostty_formatter_free(formatter[0])


class Cell(NamedTuple):
    """What a cell holds, apart from the style of its text."""

    is_text: bool
    """A character, or the right half of one."""

    is_wide: bool
    """The left half of a wide character."""

    is_wide_tail: bool
    is_left_free: bool
    """Left free at the end of a row by a wide character that went to the next."""

    background: bytes
    """SGR parameters of the colour that an empty cell was erased with."""


class Rows:
    """Reads the rows of a terminal's active screen and scrollback, cell by cell.

    `select(y)` chooses one, counted from the top of the scrollback; the other methods are about it. Valid
    until the terminal is fed or resized.
    """

    def __init__(self, terminal: Any) -> None:
        self._terminal = terminal._t[0]
        self._find = union_fn(
            "ghostty_terminal_grid_ref", "GhosttyResult(*)(GhosttyTerminal, GhosttyPointS, GhosttyGridRef*)"
        )
        self._point = ffi.new("GhosttyPointS*")
        self._point.tag = lib.GHOSTTY_POINT_TAG_SCREEN
        self._at = init_sized("GhosttyGridRef")
        self._row = ffi.new("GhosttyRow*")
        self._cell = ffi.new("GhosttyCell*")
        self._number = ffi.new("uint32_t*")
        self._flag = ffi.new("bool*")
        self._rgb = ffi.new("GhosttyColorRgb*")
        self._uri = ffi.new("uint8_t[]", MAX_URI_BYTES)
        self._length = ffi.new("size_t*")
        self._known: dict[int, Cell] = {}
        self.count: int = terminal.get("total_rows", "size_t")
        self.cols: int = terminal.size[0]

    def select(self, y: int) -> None:
        """Choose row `y`."""
        self._point.value.y = y
        check(self._find(self._terminal, self._point[0], self._at), f"row {y}")
        check(lib.ghostty_grid_ref_row(self._at, self._row), f"row {y}")

    def _row_flag(self, key: int) -> bool:
        check(lib.ghostty_row_get(self._row[0], key, self._flag), "row")
        return bool(self._flag[0])

    def is_wrapped(self) -> bool:
        """Whether the line goes on in the next row."""
        return self._row_flag(lib.GHOSTTY_ROW_DATA_WRAP)

    def has_links(self) -> bool:
        """Whether a cell may be part of an OSC 8 link."""
        return self._row_flag(lib.GHOSTTY_ROW_DATA_HYPERLINK)

    def cell(self, x: int) -> Cell:
        """One cell. Equal cells are looked at once: a row costs little more than a call per cell."""
        self._at.x = x
        check(lib.ghostty_grid_ref_cell(self._at, self._cell), "cell")
        raw = self._cell[0]
        known = self._known.get(raw)
        if known is None:
            known = self._known[raw] = self._read()
        return known

    def _value(self, key: int) -> int:
        self._number[0] = 0
        check(lib.ghostty_cell_get(self._cell[0], key, self._number), "cell")
        return int(self._number[0])

    def _read(self) -> Cell:
        wide = self._value(lib.GHOSTTY_CELL_DATA_WIDE)
        tag = self._value(lib.GHOSTTY_CELL_DATA_CONTENT_TAG)
        background = b""
        if tag == lib.GHOSTTY_CELL_CONTENT_BG_COLOR_PALETTE:
            background = b"48;5;%d" % self._value(lib.GHOSTTY_CELL_DATA_COLOR_PALETTE)
        elif tag == lib.GHOSTTY_CELL_CONTENT_BG_COLOR_RGB:
            check(lib.ghostty_cell_get(self._cell[0], lib.GHOSTTY_CELL_DATA_COLOR_RGB, self._rgb), "cell")
            background = b"48;2;%d;%d;%d" % (self._rgb.r, self._rgb.g, self._rgb.b)
        is_tail = wide == lib.GHOSTTY_CELL_WIDE_SPACER_TAIL
        return Cell(
            is_text=is_tail or bool(self._value(lib.GHOSTTY_CELL_DATA_CODEPOINT)),
            is_wide=wide == lib.GHOSTTY_CELL_WIDE_WIDE,
            is_wide_tail=is_tail,
            is_left_free=wide == lib.GHOSTTY_CELL_WIDE_SPACER_HEAD,
            background=background,
        )

    def link(self, x: int) -> bytes:
        """The URI of the cell's OSC 8 link; empty when there is none, or one over MAX_URI_BYTES."""
        self._at.x = x
        result = lib.ghostty_grid_ref_hyperlink_uri(self._at, self._uri, MAX_URI_BYTES, self._length)
        if result == lib.GHOSTTY_OUT_OF_SPACE:
            return b""
        check(result, "link")
        return bytes(ffi.buffer(self._uri, self._length[0]))


class Clone(Terminal):
    """An exact copy of a terminal, both screens and scrollback; `close` frees it."""

    def __init__(self, original: Any) -> None:
        encoded, length = ffi.new("uint8_t**"), ffi.new("size_t*")
        check(lib.ghostty_snapshot_encode_alloc(original._t[0], ffi.NULL, encoded, length), "snapshot")
        decoder = ffi.new("GhosttySnapshotDecoder*")
        try:
            check(lib.ghostty_snapshot_decoder_new_buf(ffi.NULL, decoder, encoded[0], length[0]), "decoder")
            self._t = ffi.new("GhosttyTerminal*")
            try:
                check(lib.ghostty_snapshot_decoder_decode(decoder[0], self._t), "decode")
            finally:
                lib.ghostty_snapshot_decoder_free(decoder[0])
        finally:
            lib.ghostty_free(ffi.NULL, encoded[0], length[0])
        self._cb_err = None
        # Terminal.close calls it; a second time it does nothing.
        self._free = weakref.finalize(self, lib.ghostty_terminal_free, self._t[0])


class CursorShape:
    """Reads the cursor's shape, which the terminal tells only to a renderer."""

    def __init__(self) -> None:
        self._state = ffi.new("GhosttyRenderState*")
        check(lib.ghostty_render_state_new(ffi.NULL, self._state), "render_state")
        self.close = weakref.finalize(self, lib.ghostty_render_state_free, self._state[0])

    def read(self, terminal: Any) -> int | None:
        """The parameter of DECSCUSR that gives this shape, 1 to 6; None when no program has set one."""
        check(lib.ghostty_render_state_update(self._state[0], terminal._t[0]), "render_state_update")
        style, blinking = ffi.new("int*"), ffi.new("bool*")
        for key, out in (("VISUAL_STYLE", style), ("BLINKING", blinking)):
            name = getattr(lib, f"GHOSTTY_RENDER_STATE_DATA_CURSOR_{key}")
            check(lib.ghostty_render_state_get(self._state[0], name, out), key.lower())
        if style[0] == CURSOR_STYLE_UNSET:
            return None
        steady = {
            lib.GHOSTTY_TERMINAL_CURSOR_STYLE_BLOCK: 2,
            lib.GHOSTTY_TERMINAL_CURSOR_STYLE_UNDERLINE: 4,
            lib.GHOSTTY_TERMINAL_CURSOR_STYLE_BAR: 6,
        }[style[0]]
        return steady - 1 if blinking[0] else steady
