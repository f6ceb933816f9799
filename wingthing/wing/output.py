"""From reads of a PTY to frames: whole characters, whole sequences, and not too many of them."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from wingthing.wire.wing_limits import MAX_HELD_ESCAPE_BYTES, MAX_OUTPUT_FRAME_BYTES, OUTPUT_INTERVAL_SECONDS


def partial_character(data: bytes) -> int:
    """How many bytes at the end of `data` are the beginning of a UTF-8 character (RFC 3629): 0 to 3."""
    for back in range(1, min(3, len(data)) + 1):
        byte = data[-back]
        if byte & 0xC0 == 0x80:
            continue
        length = 2 if 0xC2 <= byte <= 0xDF else 3 if byte & 0xF0 == 0xE0 else 4 if 0xF0 <= byte <= 0xF4 else 1
        return back if length > back else 0
    return 0


def cut(data: bytes, unfinished: bytes) -> int:
    """Where to end a frame: before `unfinished`, which is what a terminal holds of the end of `data`.

    An escape sequence longer than MAX_HELD_ESCAPE_BYTES is not waited for, a character always is.
    """
    if unfinished and len(unfinished) <= MAX_HELD_ESCAPE_BYTES and data.endswith(unfinished):
        return len(data) - len(unfinished)
    return len(data) - partial_character(data)


class Coalescer:
    """Gathers output that comes fast.

    `send(data)` gets at most MAX_OUTPUT_FRAME_BYTES, unless a single `add` was more.
    The first bytes after a pause go at once; what follows within OUTPUT_INTERVAL_SECONDS goes together.
    """

    def __init__(self, clock: IReactorTime, send: Callable[[bytes], None]) -> None:
        self._clock = clock
        self._send = send
        self._parts: list[bytes] = []
        self._size = 0
        self._timer: IDelayedCall | None = None

    def add(self, data: bytes) -> None:
        """Output that may be sent."""
        if not data:
            return
        if self._timer is None:
            self._timer = self._clock.callLater(OUTPUT_INTERVAL_SECONDS, self._interval_over)
            self._send(data)
            return
        if self._size + len(data) > MAX_OUTPUT_FRAME_BYTES:
            self.flush()
        self._parts.append(data)
        self._size += len(data)

    def _interval_over(self) -> None:
        self._timer = None
        if self._parts:
            self._timer = self._clock.callLater(OUTPUT_INTERVAL_SECONDS, self._interval_over)
            self.flush()

    def flush(self) -> None:
        """Send what has been gathered."""
        if self._parts:
            data = b"".join(self._parts)
            self._parts.clear()
            self._size = 0
            self._send(data)

    def close(self) -> None:
        """Send the rest; nothing may be added after it."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.flush()
