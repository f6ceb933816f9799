"""A repaint of a terminal, cut into pieces that fit `pty.output` (protocol.md section 5)."""

from __future__ import annotations

from collections.abc import Iterator

from wingthing.wire.limits import MAX_CHUNK_BYTES

UTF8_MOST_BYTES = 4


def pieces(replay: bytes, most: int = MAX_CHUNK_BYTES) -> Iterator[bytes]:
    """`replay` in pieces of at most `most` bytes, none of which ends inside a UTF-8 character."""
    start = 0
    while start < len(replay):
        end = min(start + most, len(replay))
        if end < len(replay):
            end = _boundary(replay, end)
        yield replay[start:end]
        start = end


def _boundary(text: bytes, end: int) -> int:
    """The last place at or before `end` where a character begins; `end` itself where the text is no UTF-8."""
    for place in range(end, end - UTF8_MOST_BYTES, -1):
        if text[place] & 0xC0 != 0x80:
            return place
    return end
