"""One end of a WebSocket for bytes to be fed to: the quick way, and Autobahn alone to hold it against.

Both echo every message, so that what goes out also tells in which order things were heard.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import Any

import txaio
from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from twisted.internet.task import Clock

from wingthing.sockets.fastpath import FastFactory, FastPath
from wingthing.testing import OP_CLOSE, FakeLine
from wingthing.wire.limits import CLOSE_HANDSHAKE_SECONDS, MAX_MESSAGE_BYTES

REQUEST = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
NOT_TEXT = "every message is text: send JSON in a text frame"
MASK = b"\x37\xfa\x21\x3d"


class Quick(FastPath):
    """The code under test."""

    heard: list[bytes]

    def message_received(self, message: bytes) -> None:
        self.heard.append(message)
        self.send_message(message)


class Plain(WebSocketServerProtocol):
    """Autobahn, with the few lines that any use of it has."""

    heard: list[bytes]

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        if self.state != self.STATE_OPEN:
            return
        if isBinary:
            self.sendCloseFrame(1003, NOT_TEXT.encode(), isReply=False)
        else:
            self.heard.append(payload)
            self.sendMessage(payload, isBinary=False)


class Line(FakeLine):
    """A line without a producer, which a real transport lets go of as often as it is told to."""

    def unregisterProducer(self) -> None:
        self.producer = None


class End:
    """A socket that is open, and what it has said since. Use inside `on_a_clock`."""

    def __init__(self, protocol: Any, factory: Any) -> None:
        self.protocol = protocol
        self.protocol.factory = factory
        self.protocol.heard = []
        self.line = Line()
        self.line.protocol = protocol
        protocol.makeConnection(self.line)
        protocol.dataReceived(REQUEST)
        assert b" 101 " in self.line.value(), self.line.value()
        self.line.clear()

    @classmethod
    def quick(cls) -> End:
        """The quick way."""
        return cls(Quick(), FastFactory(txaio.config.loop))

    @classmethod
    def plain(cls) -> End:
        """Autobahn alone."""
        factory = WebSocketServerFactory()
        factory.setProtocolOptions(
            maxMessagePayloadSize=MAX_MESSAGE_BYTES,
            maxFramePayloadSize=MAX_MESSAGE_BYTES,
            failByDrop=False,
            openHandshakeTimeout=0,
            closeHandshakeTimeout=CLOSE_HANDSHAKE_SECONDS,
        )
        return cls(Plain(), factory)

    def feed(self, chunks: Iterable[bytes]) -> End:
        """These have come, one after the other."""
        for chunk in chunks:
            self.protocol.dataReceived(chunk)
        return self

    @property
    def heard(self) -> list[bytes]:
        """The messages that have come in."""
        heard: list[bytes] = self.protocol.heard
        return heard

    @property
    def said(self) -> bytes:
        """All bytes that went out."""
        return bytes(self.line.value())

    @property
    def missing(self) -> int:
        """How many bytes the quick way waits for, to have a whole frame or to know how long one is."""
        quick: FastPath = self.protocol
        return quick._wanted - len(quick._begun) if quick._begun else 0

    def end(self) -> None:
        """The line is cut."""
        self.line.end()


def compare(chunks: list[bytes]) -> str:
    """How the quick way differs from Autobahn alone, fed with these chunks; empty when it does not.

    Two differences are as they should be. Autobahn refuses text that is no UTF-8 before its frame is whole:
    so the last frame is made whole here. And one bad character in two chunks is for it two faults, of which
    the second ends the line at once, without waiting for the peer's close frame.
    """
    plain, quick = End.plain(), End.quick()
    quick.feed(chunks)
    plain.feed(chunks)
    while quick.missing:
        rest = [bytes(quick.missing)]
        quick.feed(rest)
        plain.feed(rest)
    pairs = [
        ("heard", quick.heard, plain.heard),
        ("said", quick.said, plain.said),
        ("aborted", quick.line.aborted, plain.line.aborted),
    ]
    if close_code(plain.said) != 1007:
        pairs.append(("closing", quick.line.disconnecting, plain.line.disconnecting))
        pairs.append(("state", quick.protocol.state, plain.protocol.state))
    plain.end()
    quick.end()
    return "; ".join(
        f"{name}: {ours!r:.300}, Autobahn: {theirs!r:.300}" for name, ours, theirs in pairs if ours != theirs
    )


def on_a_clock(case: Any) -> Clock:
    """Autobahn's timers stand still until the test is over."""
    clock = Clock()
    before = txaio.config.loop
    txaio.config.loop = clock
    case.addCleanup(setattr, txaio.config, "loop", before)
    return clock


def server_frames(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(first byte, payload) of the frames that a server has sent."""
    at = 0
    while at < len(data):
        first, length, start = data[at], data[at + 1], at + 2
        if length == 126:
            length, start = struct.unpack_from("!H", data, start)[0], start + 2
        elif length == 127:
            length, start = struct.unpack_from("!Q", data, start)[0], start + 8
        yield first, data[start : start + length]
        at = start + length


def close_code(data: bytes) -> int | None:
    """The code of the close frame in what a server has sent; 0 when it says none, None without one."""
    for first, payload in server_frames(data):
        if first & 0x0F == OP_CLOSE:
            return int(struct.unpack_from("!H", payload)[0]) if payload else 0
    return None


def masked(payload: bytes, mask: bytes) -> bytes:
    """`payload` under `mask`."""
    return bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))


def raw_frame(
    payload: bytes = b"",
    first: int = 0x81,
    *,
    mask: bytes | None = MASK,
    length_form: int | None = None,
    length: int | None = None,
) -> bytes:
    """A frame, right or wrong: `first` byte, no `mask`, `length_form` 16 or 64 bits where fewer would do, or
    another `length` than there is payload."""
    size = len(payload) if length is None else length
    form = length_form or (7 if size < 126 else 16 if size < 1 << 16 else 64)
    bit = 0 if mask is None else 0x80
    if form == 7:
        head = struct.pack("!BB", first, bit | size)
    elif form == 16:
        head = struct.pack("!BBH", first, bit | 126, size)
    else:
        head = struct.pack("!BBQ", first, bit | 127, size)
    return head + payload if mask is None else head + mask + masked(payload, mask)


def cut(data: bytes, sizes: Iterable[int]) -> list[bytes]:
    """`data` in chunks of these sizes, the rest as one."""
    chunks, at = [], 0
    for size in sizes:
        if at >= len(data):
            break
        chunks.append(data[at : at + size])
        at += size
    return [chunk for chunk in [*chunks, data[at:]] if chunk]
