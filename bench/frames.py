"""WebSocket frames (RFC 6455 section 5.2) as a load generator needs them: made beforehand, counted after."""

from __future__ import annotations

import base64
import json
import os
import struct
from collections.abc import Callable

import attrs

TEXT = 0x81
"""First byte of a text frame that is a whole message."""

PING, PONG, CLOSE = 0x89, 0x8A, 0x88
MASK = b"\x37\xfa\x21\x3d"
"""One mask for all frames: a receiver has the same work with it as with any other."""

MASK_BYTES = len(MASK)


def header(length: int, *, masked: bool, first: int = TEXT) -> bytes:
    """The header of a frame of `length` payload bytes, with MASK at its end when `masked`."""
    bit = 0x80 if masked else 0
    mask = MASK if masked else b""
    if length < 126:
        return bytes((first, bit | length)) + mask
    if length < 1 << 16:
        return struct.pack("!BBH", first, bit | 126, length) + mask
    return struct.pack("!BBQ", first, bit | 127, length) + mask


def masked(payload: bytes, offset: int = 0) -> bytes:
    """`payload` under MASK; `offset` is its distance from the begin of the frame's payload."""
    turned = MASK[offset % MASK_BYTES :] + MASK[: offset % MASK_BYTES]
    key = (turned * (len(payload) // MASK_BYTES + 1))[: len(payload)]
    return (int.from_bytes(payload) ^ int.from_bytes(key)).to_bytes(len(payload))


def client_frame(payload: bytes, first: int = TEXT) -> bytes:
    """One whole frame of a client."""
    return header(len(payload), masked=True, first=first) + masked(payload)


def client_message(fields: dict[str, object]) -> bytes:
    """One JSON message as a frame of a client."""
    return client_frame(json.dumps(fields).encode())


def split(data: bytes) -> tuple[int, bytes, bytes] | None:
    """The first frame of what a server sent: first byte, payload, rest. None while it is not whole."""
    if len(data) < 2:
        return None
    length, start = data[1] & 0x7F, 2
    if length >= 126:
        start = 4 if length == 126 else 10
        if len(data) < start:
            return None
        length = int.from_bytes(data[2:start])
    if len(data) < start + length:
        return None
    return data[0], data[start : start + length], data[start + length :]


@attrs.frozen
class Output:
    """The `pty.output` messages of one size: all of a message but its session id is shared by all pairs."""

    size: int
    """Bytes of the JSON text."""

    tail: bytes
    """What follows the session id, under the mask."""

    @classmethod
    def of_size(cls, size: int) -> Output:
        """Raises ValueError when no message is as short as `size`."""
        begin = cls._begin("0" * 8)
        letters = size - len(begin) - 2
        if letters < 0:
            raise ValueError(f"a pty.output has at least {len(begin) + 2} bytes")
        data = base64.b64encode(os.urandom(letters * 3 // 4 + 3))[:letters]
        return cls(size, masked(data + b'"}', len(begin)))

    @staticmethod
    def _begin(session_id: str) -> bytes:
        return f'{{"type":"pty.output","session_id":"{session_id}","data":"'.encode()

    def head(self, session_id: str) -> bytes:
        """The header and the begin of the frame for one session, up to `tail`."""
        return header(self.size, masked=True) + masked(self._begin(session_id))

    @property
    def sent_bytes(self) -> int:
        """Length of the frame as a wing sends it."""
        return len(header(self.size, masked=True)) + self.size

    @property
    def received_bytes(self) -> int:
        """Length of the frame as a browser gets it: a server does not mask."""
        return len(header(self.size, masked=False)) + self.size


class Inflow:
    """Counts frames of one length in a stream without reading them, and picks out the pings in between.

    `frame_bytes` None says that no data frames may come. `on_ping(payload)` is called for each ping. Whatever
    else stands where a frame must begin is an error.
    """

    __slots__ = ("_expected", "_frame", "_on_ping", "_rest", "received")

    def __init__(self, frame_bytes: int | None, on_ping: Callable[[bytes], None]) -> None:
        self._expected = bytes((TEXT,)) if frame_bytes else b""
        self._frame = frame_bytes or 1
        self._on_ping = on_ping
        self._rest = b""
        self.received = 0
        """Bytes of data frames so far, the last of them perhaps not whole."""

    def feed(self, buffer: bytearray, count: int) -> None:
        """Take the first `count` bytes of `buffer`. Raises ValueError for a frame that was not expected."""
        if self._rest:
            buffer, self._rest = bytearray(self._rest + buffer[:count]), b""
            count = len(buffer)
        while True:
            begin = -self.received % self._frame
            firsts = buffer[begin : count : self._frame]
            good = len(firsts) - len(firsts.lstrip(self._expected))
            if good == len(firsts):
                self.received += count
                return
            end = begin + good * self._frame
            self.received += end
            frame = split(bytes(buffer[end:count]))
            if buffer[end] not in (PING, PONG):
                said = frame[1] if frame else bytes(buffer[end + 1 : min(count, end + 160)])
                raise ValueError(f"the relay sent a frame that starts with {buffer[end]:#x}: {said[:160]!r}")
            if frame is None:
                self._rest = bytes(buffer[end:count])
                return
            first, payload, rest = frame
            if first == PING:
                self._on_ping(payload)
            buffer, count = bytearray(rest), len(rest)
