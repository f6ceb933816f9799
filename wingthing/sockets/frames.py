"""WebSocket frames as bytes (RFC 6455 section 5.2): the usual ones taken off, text frames written.

The unmasking is the one thing that Python cannot do by itself. Autobahn's own native routine is made for one
frame that comes in pieces: an object for each frame and three copies of its payload, 3.7 us for 150 bytes and
8 us for 64 KiB. `apply_mask` of `websockets` is one call, 0.09 us and 1.3 us, in a library that is kept well
and needs no other. Its name is not part of that library's published interface; where it is missing, or was
built without its C part, Autobahn's does the work, and only speed is lost.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final

from wingthing.wire.limits import MAX_MESSAGE_BYTES

TEXT: Final = 0x81
"""First byte of a text frame that is a whole message, without a reserved bit."""

MASKED: Final = 0x80
LENGTH_16, LENGTH_64 = 126, 127
MASK_BYTES: Final = 4
MOST_HEADER_BYTES: Final = 14

VIEW_BYTES: Final = 4096
"""From this size on a view of a payload is cheaper than a copy."""

KEPT_HEADERS: Final = 4096


def autobahn_mask(data: bytes | memoryview, mask: bytes) -> bytes:
    """`data` under `mask`, by Autobahn's routine."""
    from autobahn.websocket.xormasker import create_xor_masker

    done: bytes = create_xor_masker(mask, len(data)).process(bytes(data))
    return done


apply_mask: Callable[[bytes | memoryview, bytes], bytes]
try:
    from websockets.speedups import apply_mask
except ImportError:
    apply_mask = autobahn_mask


def peel(data: bytes, at: int, messages: list[bytes]) -> tuple[int, int]:
    """Take usual frames off `data` from `at` on, and append what they say to `messages`.

    Usual is a masked text frame that is a whole message of valid UTF-8, not longer than it may be, its length
    written in the shortest form. Answers where the first frame begins that was not taken, and how many bytes
    of it must be there before another look is worth it; 0 when it is for somebody else to judge, or nothing
    is left.
    """
    end = len(data)
    while end - at >= 2 + MASK_BYTES:
        if data[at] != TEXT:
            return at, 0
        length = data[at + 1] - MASKED
        if length < LENGTH_16:
            if length < 0:
                return at, 0
            start = at + 6
        elif length == LENGTH_16:
            start = at + 8
            if start > end:
                return at, 8
            length = data[at + 2] << 8 | data[at + 3]
            if length < LENGTH_16:
                return at, 0
        else:
            start = at + 14
            if start > end:
                return at, 14
            length = int.from_bytes(data[at + 2 : at + 10], "big")
            if length < 1 << 16 or length > MAX_MESSAGE_BYTES:
                return at, 0
        stop = start + length
        if stop > end:
            return at, stop - at
        if length < VIEW_BYTES:
            message = apply_mask(data[start:stop], data[start - MASK_BYTES : start])
        else:
            message = apply_mask(memoryview(data)[start:stop], data[start - MASK_BYTES : start])
        # Autobahn's validator is the largest cost of a long message; this is a hundredth of it.
        if not message.isascii():
            try:
                message.decode()
            except UnicodeDecodeError:
                return at, 0
        messages.append(message)
        at = stop
    if at == end or data[at] != TEXT:
        return at, 0
    if end - at < 2:
        return at, 2
    return at, 2 + MASK_BYTES if data[at + 1] >= MASKED else 0


def frame_bytes(data: bytes, at: int) -> int:
    """The length of the frame that begins at `at`, of whatever kind; while its header is not whole, of what
    there is."""
    there = len(data) - at
    if there < 2:
        return there
    length = data[at + 1] & ~MASKED
    extended = 0 if length < LENGTH_16 else 2 if length == LENGTH_16 else 8
    header = 2 + extended + (MASK_BYTES if data[at + 1] & MASKED else 0)
    if there < header:
        return there
    return header + (int.from_bytes(data[at + 2 : at + 2 + extended], "big") if extended else length)


class Headers(dict[int, bytes]):
    """Length of a message -> the header of the text frame that a server sends it in."""

    def __missing__(self, length: int) -> bytes:
        if length < LENGTH_16:
            header = struct.pack("!BB", TEXT, length)
        elif length < 1 << 16:
            header = struct.pack("!BBH", TEXT, LENGTH_16, length)
        else:
            header = struct.pack("!BBQ", TEXT, LENGTH_64, length)
        if len(self) < KEPT_HEADERS:
            self[length] = header
        return header


HEADERS: Final = Headers()
