"""What RFC 6455 sections 5 to 7 ask of a server, case by case, and what this program adds to it.

Each case is what a client sends, the messages that come of it, the answers other than their echoes, and the
code of the close frame (None: the socket stays open).
"""

from __future__ import annotations

import attrs

from tests.sockets.streams import raw_frame
from wingthing.wire.limits import MAX_MESSAGE_BYTES

TEXT, BINARY, CONTINUATION, CLOSE, PING, PONG = 0x81, 0x82, 0x80, 0x88, 0x89, 0x8A
BEGIN, BEGIN_BINARY, MIDDLE = 0x01, 0x02, 0x00
"""First bytes of frames; the second line is what is not final."""


@attrs.frozen
class Case:
    """One row."""

    section: str
    what: str
    sent: bytes
    messages: list[bytes] = attrs.field(factory=list)
    pongs: list[bytes] = attrs.field(factory=list)
    code: int | None = None


def close(code: int | None = None, reason: bytes = b"") -> bytes:
    """A client's close frame."""
    return raw_frame((b"" if code is None else code.to_bytes(2, "big")) + reason, CLOSE)


def text(message: bytes) -> bytes:
    """A client's text frame."""
    return raw_frame(message, TEXT)


_SIZES = (0, 1, 2, 3, 4, 5, 124, 125, 126, 127, 128, 4095, 4096, 4097, 65535, 65536, 65537, MAX_MESSAGE_BYTES)
_UTF8 = "Grüße, κόσμε, 世界, \U0001f600".encode()
_BAD_UTF8 = {
    "a byte that never begins a character": b"\xff",
    "a continuation byte alone": b"abc\x80",
    "a character that is cut": b"abc\xe2\x82",
    "a surrogate": b"\xed\xa0\x80",
    "an overlong slash": b"\xc0\xaf",
    "an overlong NUL": b"\xe0\x80\x80",
    "beyond U+10FFFF": b"\xf4\x90\x80\x80",
    "a long form of five bytes": b"\xf8\x88\x80\x80\x80",
    "good, then bad": _UTF8 + b"\xc3\x28",
}

CASES: list[Case] = [
    # -- framing (5.2) ---------------------------------------------------------------------------------------
    *(Case("5.2", f"text of {n} bytes", text(b"x" * n), [b"x" * n]) for n in _SIZES),
    Case("5.2", "several frames at once", text(b"a") + text(b"") + text(b"b" * 300), [b"a", b"", b"b" * 300]),
    Case("5.2", "reserved bit 1", raw_frame(b"a", TEXT | 0x40), code=1002),
    Case("5.2", "reserved bit 2", raw_frame(b"a", TEXT | 0x20), code=1002),
    Case("5.2", "reserved bit 3", raw_frame(b"a", TEXT | 0x10), code=1002),
    Case("5.2", "reserved bit on a ping", raw_frame(b"a", PING | 0x40), code=1002),
    Case("5.2", "reserved bit after a message", text(b"a") + raw_frame(b"b", TEXT | 0x40), [b"a"], code=1002),
    *(Case("5.2", f"reserved opcode {n}", raw_frame(b"a", 0x80 | n), code=1002) for n in (3, 4, 5, 6, 7)),
    *(
        Case("5.2", f"reserved opcode {n}", raw_frame(b"a", 0x80 | n), code=1002)
        for n in (11, 12, 13, 14, 15)
    ),
    Case("5.2", "16 bits of length where 7 would do", raw_frame(b"a" * 125, length_form=16), code=1002),
    Case("5.2", "64 bits of length where 7 would do", raw_frame(b"a" * 125, length_form=64), code=1002),
    Case("5.2", "64 bits of length where 16 would do", raw_frame(b"a" * 65535, length_form=64), code=1002),
    Case("5.2", "the highest bit of the length", raw_frame(length_form=64, length=1 << 63), code=1002),
    Case("5.2", "a long length for nothing", raw_frame(b"", length_form=16), code=1002),
    # -- masking (5.1, 5.3) ----------------------------------------------------------------------------------
    Case("5.1", "no mask", raw_frame(b"hello", mask=None), code=1002),
    Case("5.1", "no mask on nothing", raw_frame(b"", mask=None), code=1002),
    Case("5.1", "no mask on a ping", raw_frame(b"a", PING, mask=None), code=1002),
    Case("5.1", "no mask after a message", text(b"a") + raw_frame(b"b", mask=None), [b"a"], code=1002),
    Case("5.3", "a mask of zeros", raw_frame(b"hello", mask=bytes(4)), [b"hello"]),
    Case("5.3", "a mask of ones", raw_frame(b"hello", mask=b"\xff" * 4), [b"hello"]),
    Case("5.3", "the mask of the RFC's example", bytes.fromhex("818537fa213d7f9f4d5158"), [b"Hello"]),
    # -- fragments (5.4) -------------------------------------------------------------------------------------
    Case("5.4", "two fragments", raw_frame(b"Hel", BEGIN) + raw_frame(b"lo", CONTINUATION), [b"Hello"]),
    Case(
        "5.4",
        "fragments of nothing",
        raw_frame(b"", BEGIN) + raw_frame(b"", MIDDLE) + raw_frame(b"", CONTINUATION),
        [b""],
    ),
    Case(
        "5.4",
        "a thousand fragments",
        raw_frame(b"a", BEGIN) + raw_frame(b"b", MIDDLE) * 1000 + raw_frame(b"c", CONTINUATION) + text(b"d"),
        [b"a" + b"b" * 1000 + b"c", b"d"],
    ),
    Case(
        "5.4",
        "a character over two fragments",
        raw_frame(_UTF8[:3], BEGIN) + raw_frame(_UTF8[3:], CONTINUATION),
        [_UTF8],
    ),
    Case(
        "5.4",
        "control frames between fragments",
        raw_frame(b"Hel", BEGIN)
        + raw_frame(b"1", PING)
        + raw_frame(b"2", PONG)
        + raw_frame(b"lo", CONTINUATION)
        + text(b"!"),
        [b"Hello", b"!"],
        [b"1"],
    ),
    Case("5.4", "a continuation of nothing", raw_frame(b"a", CONTINUATION), code=1002),
    Case("5.4", "a fragment that continues nothing", raw_frame(b"a", MIDDLE), code=1002),
    Case("5.4", "a continuation after a whole one", text(b"a") + raw_frame(b"b", 0x80), [b"a"], code=1002),
    Case("5.4", "text inside a message", raw_frame(b"a", BEGIN) + text(b"b"), code=1002),
    Case("5.4", "binary inside a message", raw_frame(b"a", BEGIN) + raw_frame(b"b", BINARY), code=1002),
    Case("5.4", "a begin inside a message", raw_frame(b"a", BEGIN) + raw_frame(b"b", BEGIN), code=1002),
    Case("5.4", "a message that has yet to end", raw_frame(b"a", BEGIN)),
    # -- control frames (5.5) --------------------------------------------------------------------------------
    Case("5.5", "a ping of 126 bytes", raw_frame(b"a" * 126, PING), code=1002),
    Case("5.5", "a ping in fragments", raw_frame(b"a", PING & 0x7F), code=1002),
    Case("5.5", "a close in fragments", raw_frame(b"", CLOSE & 0x7F), code=1002),
    Case("5.5.2", "a ping of nothing", raw_frame(b"", PING), pongs=[b""]),
    Case("5.5.2", "a ping of 125 bytes", raw_frame(b"\xff" * 125, PING), pongs=[b"\xff" * 125]),
    Case(
        "5.5.2",
        "pings between messages",
        text(b"a") + raw_frame(b"1", PING) + text(b"b") + raw_frame(b"2", PING),
        [b"a", b"b"],
        [b"1", b"2"],
    ),
    Case("5.5.3", "a pong that nobody asked for", raw_frame(b"a", PONG) + text(b"b"), [b"b"]),
    # -- data frames (5.6) -----------------------------------------------------------------------------------
    Case("5.6", "text beyond ASCII", text(_UTF8), [_UTF8]),
    Case("5.6", "NUL and control characters", text(b"\x00\x1f\x7f"), [b"\x00\x1f\x7f"]),
    Case("5.6", "binary, which this program does not take", raw_frame(b"a", BINARY), code=1003),
    Case("5.6", "text after binary", raw_frame(b"a", BINARY) + text(b"b"), code=1003),
    # -- closing (5.5.1, 7) ----------------------------------------------------------------------------------
    Case("5.5.1", "a close without a code", close(), code=1000),
    Case("5.5.1", "a close of one byte", raw_frame(b"\x03", CLOSE), code=1002),
    Case("5.5.1", "a close with a reason", close(1000, _UTF8), code=1000),
    Case("5.5.1", "a close of 125 bytes", close(1000, b"r" * 123), code=1000),
    Case("5.5.1", "a close of 126 bytes", close(1000, b"r" * 124), code=1002),
    Case("5.5.1", "a reason that is no UTF-8", close(1000, b"\xff"), code=1007),
    Case("5.5.1", "text after a close", text(b"a") + close(1000) + text(b"b"), [b"a"], code=1000),
    Case("5.5.1", "a ping after a close", close(1000) + raw_frame(b"a", PING), code=1000),
    Case("5.5.1", "a close inside a message", raw_frame(b"a", BEGIN) + close(1001), code=1000),
    *(
        Case("7.4.1", f"close code {n}", close(n), code=1000)
        for n in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999)
    ),
    *(
        Case("7.4.2", f"close code {n}, which nobody may send", close(n), code=1002)
        for n in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)
    ),
    Case("7.1.7", "text after a broken rule", raw_frame(b"a", 0x83) + text(b"b"), code=1002),
    # -- UTF-8 (8.1) -----------------------------------------------------------------------------------------
    *(Case("8.1", what, text(bad), code=1007) for what, bad in _BAD_UTF8.items()),
    *(
        Case("8.1", f"{what}, at the end of 64 KiB", text(b"x" * (1 << 16) + bad), code=1007)
        for what, bad in _BAD_UTF8.items()
    ),
    Case("8.1", "bad text after good", text(b"a") + text(b"\xff") + text(b"b"), [b"a"], code=1007),
    Case("8.1", "bad text in a fragment", raw_frame(b"a", BEGIN) + raw_frame(b"\xff", MIDDLE), code=1007),
    Case(
        "8.1",
        "a message that ends within a character",
        raw_frame(b"a", BEGIN) + raw_frame(b"\xe2\x82", CONTINUATION),
        code=1007,
    ),
    # -- size (7.4.1: 1009) ----------------------------------------------------------------------------------
    Case("7.4.1", "one byte too long", text(b"x" * (MAX_MESSAGE_BYTES + 1)), code=1009),
    Case("7.4.1", "too long, and only announced", raw_frame(length=MAX_MESSAGE_BYTES + 1), code=1009),
    Case("7.4.1", "far too long, and only announced", raw_frame(length=(1 << 63) - 1), code=1009),
    Case(
        "7.4.1",
        "too long in fragments",
        raw_frame(b"x" * MAX_MESSAGE_BYTES, BEGIN) + raw_frame(b"x", CONTINUATION),
        code=1009,
    ),
]
