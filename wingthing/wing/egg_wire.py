"""What a wing and an egg say to each other over the egg's socket.

Each frame is a length (4 bytes, big endian) and that many bytes of msgpack. An egg outlives upgrades of
the wing: fields are only ever added at the end, and `EGG_VERSION` changes when that is not enough.
"""

from __future__ import annotations

from typing import Any, Final, Generic, TypeVar

import msgspec

from wingthing.errors import InvalidMessage
from wingthing.wire.wing_limits import MAX_EGG_FRAME_BYTES

EGG_VERSION: Final = 1
LENGTH_BYTES: Final = 4


class Frame(msgspec.Struct, array_like=True, tag=True, frozen=True):
    """The root of all frames."""


# -- wing -> egg -------------------------------------------------------------------------------------------


class Hello(Frame, frozen=True):
    """The first frame. Whoever was connected before is sent away; the program starts if it has not."""

    version: int = EGG_VERSION


class Input(Frame, frozen=True):
    """Keystrokes."""

    data: bytes


class Resize(Frame, frozen=True):
    """The window's new size in cells."""

    cols: int
    rows: int


class Snapshot(Frame, frozen=True):
    """Asks for a Replay with this number."""

    number: int


class Kill(Frame, frozen=True):
    """End the program and all it has started in the terminal."""


class AcknowledgeAttention(Frame, frozen=True):
    """The user has seen that the terminal rings."""


class AcknowledgeExit(Frame, frozen=True):
    """The end was heard of: the egg may go."""


# -- egg -> wing -------------------------------------------------------------------------------------------


class Ready(Frame, frozen=True):
    """The answer to Hello: what changes in a terminal's life. `attention` is the nonce of a ringing one."""

    version: int
    cols: int
    rows: int
    title: str
    attention: str | None = None
    recording_error: str | None = None


class Output(Frame, frozen=True):
    """Output as it comes; never ends inside a UTF-8 character or a short escape sequence."""

    data: bytes


class Replay(Frame, frozen=True):
    """The screen: all Output before it is in it, and none after."""

    number: int
    data: bytes


class Exited(Frame, frozen=True):
    """The program is over."""

    code: int
    error: str | None = None


class Attention(Frame, frozen=True):
    """The program rings for its user."""

    nonce: str


class Title(Frame, frozen=True):
    """The program has named its window."""

    title: str


class RecordingStopped(Frame, frozen=True):
    """The recording is not complete; the terminal goes on."""

    reason: str


class Replaced(Frame, frozen=True):
    """Another reader has connected: this connection ends."""


ToEgg = Hello | Input | Resize | Snapshot | Kill | AcknowledgeAttention | AcknowledgeExit
ToWing = Ready | Output | Replay | Exited | Attention | Title | RecordingStopped | Replaced

_encoder = msgspec.msgpack.Encoder()
F = TypeVar("F")


def encode(frame: Frame) -> bytes:
    """A frame with its length."""
    body = _encoder.encode(frame)
    return len(body).to_bytes(LENGTH_BYTES, "big") + body


class FrameReader(Generic[F]):
    """Finds the frames in a stream that is cut anywhere. `kinds` is ToEgg or ToWing."""

    def __init__(self, kinds: Any, *, limit: int = MAX_EGG_FRAME_BYTES) -> None:
        self._decoder = msgspec.msgpack.Decoder(kinds)
        self._limit = limit
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[F]:
        """The frames that are complete with `data`.

        Raises InvalidMessage when a frame is longer than the limit or not one of `kinds`; the stream is
        of no use then.
        """
        self._buffer += data
        frames: list[F] = []
        at, end = 0, len(self._buffer)
        with memoryview(self._buffer) as view:
            while end - at >= LENGTH_BYTES:
                length = int.from_bytes(view[at : at + LENGTH_BYTES], "big")
                if length > self._limit:
                    raise InvalidMessage(f"a frame of {length} bytes is longer than {self._limit}")
                if end - at - LENGTH_BYTES < length:
                    break
                at += LENGTH_BYTES
                try:
                    frames.append(self._decoder.decode(view[at : at + length]))
                except msgspec.DecodeError as why:
                    raise InvalidMessage(f"not a frame: {why}") from why
                at += length
        del self._buffer[:at]
        return frames
