"""What waits for one socket's peer to read, bounded in bytes.

The transport takes what the kernel does not (64 KiB in Twisted) and then asks its producer to pause; from
there on messages wait here, whole, so that they can still be thrown away together without cutting a frame.
They also wait here when the rate of their user wants it so.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from wingthing.sockets.pace import Lanes
from wingthing.wire.limits import WRITE_BYTES


@implementer(IPushProducer)
class Outbox:
    """The queue of one socket.

    `write(messages, size)` sends messages of `size` bytes in all. `limit`, `resume` and `at_once` are bytes:
    `on_full()` is called when a message takes the queue past `limit`, `on_room()` when a queue that was full
    has shrunk to `resume`; what has waited goes in runs, each of which ends once it has `at_once`.
    """

    __slots__ = (
        "_at_once",
        "_full",
        "_held",
        "_lanes",
        "_limit",
        "_on_full",
        "_on_room",
        "_paused",
        "_queue",
        "_resume",
        "_waits",
        "_write",
        "closed",
        "size",
    )

    def __init__(
        self,
        write: Callable[[Sequence[bytes], int], None],
        *,
        limit: int,
        resume: int,
        on_full: Callable[[], None],
        on_room: Callable[[], None],
        at_once: int = WRITE_BYTES,
    ) -> None:
        self._write = write
        self._limit = limit
        self._at_once = at_once
        self._resume = resume
        self._on_full = on_full
        self._on_room = on_room
        self._queue: deque[bytes] | None = None
        """None until something has to wait: an empty deque takes 600 bytes, and every socket has one."""

        self._lanes: Lanes | None = None
        self._paused = False
        """The transport takes no more."""

        self._held = False
        """The rate allows no more just now: this waits for its lane."""

        self._waits = False
        """Either of them."""

        self._full = False
        self.closed = False
        """Whether nothing more is taken."""

        self.size = 0

    @property
    def full(self) -> bool:
        """Whether the limit has been passed and the queue has not shrunk to `resume` since."""
        return self._full

    def set_lanes(self, lanes: Lanes | None) -> None:
        """Keep to these; None: as fast as the peer reads."""
        if lanes is self._lanes:
            return
        if self._lanes is not None:
            self._lanes.out.leave(self)
        self._lanes = lanes
        self._held = False
        self._drain()

    def send(self, message: bytes) -> None:
        """Send or queue one message. After `close` it goes nowhere."""
        if self.closed:
            return
        if not self._waits and (self._lanes is None or self._may_go(message)):
            self._write((message,), len(message))
            return
        if self._held and self._lanes is not None:
            self._lanes.delayed.to_browser += len(message)
        if self._queue is None:
            self._queue = deque()
        self._queue.append(message)
        self.size += len(message)
        if self.size > self._limit and not self._full:
            self._full = True
            self._on_full()

    def send_all(self, messages: Sequence[bytes], size: int) -> None:
        """Send or queue messages of `size` bytes in all, the same as one after the other."""
        if self._waits or self._lanes is not None:
            for message in messages:
                self.send(message)
        elif not self.closed:
            self._write(messages, size)

    def close(self) -> None:
        """Throw away what waits and take no more."""
        self.closed = True
        self._queue = None
        self.size = 0
        if self._held and self._lanes is not None:
            self._lanes.out.leave(self)
            self._held = False

    def finish(self, then: Callable[[], None]) -> None:
        """Take no more; call `then` once everything that waits has been written."""
        self.closed = True
        if not self._queue:
            then()
            return
        self._resume = 0
        self._full = True
        self._on_room = then

    def pauseProducing(self) -> None:
        self._paused = self._waits = True

    def resumeProducing(self) -> None:
        self._paused = False
        self._drain()

    def stopProducing(self) -> None:
        self.close()

    def go_on(self) -> None:
        """The lane has something left."""
        self._held = False
        self._drain()

    def _drain(self) -> None:
        """Write what may be written."""
        self._waits = self._paused or self._held
        while self._queue and not self._waits:
            messages: list[bytes] = []
            size = 0
            while self._queue and size < self._at_once and self._may_go(self._queue[0]):
                message = self._queue.popleft()
                messages.append(message)
                size += len(message)
            self.size -= size
            if messages:
                self._write(messages, size)
        if self._full and self.size <= self._resume:
            self._full = False
            self._on_room()

    def _may_go(self, message: bytes) -> bool:
        """Whether the rate lets a message go; if it does not, this waits for its lane."""
        if self._lanes is None or self._lanes.out.take(len(message)):
            return True
        self._held = self._waits = True
        self._lanes.out.wait(self)
        return False
