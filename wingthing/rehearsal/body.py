"""The body of a request: passed on as it comes, and kept as long as it could be sent once more."""

from __future__ import annotations

from typing import Protocol

from wingthing.rehearsal.facts import REPLAY_BODY_BYTES


class Sink(Protocol):
    """Where a body goes."""

    def send(self, data: bytes) -> None:
        """A part of it."""

    def finish(self) -> None:
        """That was all."""


class RequestBody:
    """`declared` is the request's Content-Length, 0 when there is none."""

    def __init__(self, declared: int) -> None:
        self._kept: list[bytes] = []
        self._size = 0
        self._sink: Sink | None = None
        self.complete = False
        self._declared = declared

    @property
    def repeatable(self) -> bool:
        """Whether all of it can be sent to another machine."""
        return max(self._size, self._declared) <= REPLAY_BODY_BYTES

    @property
    def untouched(self) -> bool:
        """Whether nothing of it is lost yet: true also of a long one that has not gone anywhere."""
        return self._size == sum(map(len, self._kept))

    def add(self, data: bytes) -> None:
        """The next part has come from the client."""
        self._size += len(data)
        if self._size <= REPLAY_BODY_BYTES or self._sink is None:
            self._kept.append(data)
        else:
            self._kept.clear()
        if self._sink is not None:
            self._sink.send(data)

    def end(self) -> None:
        """The client has sent all of it."""
        self.complete = True
        if self._sink is not None:
            self._sink.finish()

    def flow_to(self, sink: Sink) -> None:
        """Send it to `sink` from its beginning, and go on with what comes."""
        self._sink = sink
        for data in self._kept:
            sink.send(data)
        if self._size > REPLAY_BODY_BYTES:
            self._kept.clear()
        if self.complete:
            sink.finish()

    def stop(self) -> None:
        """Keep what comes, until it flows again."""
        self._sink = None
