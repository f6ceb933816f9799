"""HTTP load from one process on bare sockets: each connection has one request at a time, and the next one
follows at once."""

from __future__ import annotations

import re
import select
import socket
import time
from collections.abc import Sequence

import attrs

HEAD_END = b"\r\n\r\n"
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
RECEIVE_BYTES = 1024 * 1024
PIECE = memoryview(bytes(range(256)) * 4096)
STALL_SECONDS = 30.0


@attrs.frozen
class Kind:
    """A kind of request. Bodies are `down` bytes in the answer, `up` bytes in the request."""

    name: str
    down: int = 0
    up: int = 0

    @property
    def head(self) -> bytes:
        """The request's headers."""
        if self.up:
            first, length = "POST /up", f"Content-Length: {self.up}\r\n"
        else:
            first, length = f"GET /bytes/{self.down}", ""
        named = "Host: bench.test\r\nUser-Agent: bench\r\nAccept: */*\r\n"
        return f"{first} HTTP/1.1\r\n{named}{length}\r\n".encode()

    @property
    def size(self) -> int:
        """Bytes of a body that is worth counting."""
        return self.up or self.down


@attrs.frozen
class Answered:
    """One run."""

    seconds: float
    latencies: Sequence[float]
    """Seconds of each request, from its first byte sent to the last one received."""

    cpu_seconds: float
    """Processor time of the generator."""

    @property
    def rate(self) -> float:
        """Requests per second."""
        return len(self.latencies) / self.seconds


class Client:
    """One connection with its request."""

    def __init__(self, port: int, kind: Kind) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), STALL_SECONDS)
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._head = kind.head
        self._up = kind.up
        self.to_send = b""
        self.pieces_left = 0
        self.began = 0.0
        self._unread = b""
        self._missing = -1
        """Of the answer's body; -1 before its headers are there."""

    def begin(self) -> None:
        """Start a request."""
        self.began = time.perf_counter()
        self.to_send, self.pieces_left = self._head, self._up
        self._unread, self._missing = b"", -1
        self.push()

    def push(self) -> bool:
        """Send as much as the kernel takes; whether that was all."""
        try:
            while self.to_send:
                self.to_send = self.to_send[self.socket.send(self.to_send) :]
            while self.pieces_left:
                self.pieces_left -= self.socket.send(PIECE[: self.pieces_left])
        except BlockingIOError:
            return False
        return True

    def pull(self, buffer: bytearray) -> bool:
        """Take in what there is; whether the answer is complete. Raises ConnectionError."""
        count = self.socket.recv_into(buffer)
        if not count:
            raise ConnectionError("the proxy closed a connection under load")
        if self._missing >= 0:
            self._missing -= count
        else:
            self._unread += buffer[:count]
            end = self._unread.find(HEAD_END)
            if end < 0:
                return False
            head = self._unread[:end]
            if not head.startswith(b"HTTP/1.1 200 "):
                raise ConnectionError(f"the proxy answered {head[:200]!r}")
            length = LENGTH.search(head)
            if length is None:
                raise ConnectionError(f"the proxy does not say how long its answer is: {head[:400]!r}")
            self._missing = int(length[1]) - (len(self._unread) - end - len(HEAD_END))
        if self._missing < 0:
            raise ConnectionError("the answer is longer than it says")
        return self._missing == 0


def load(port: int, kind: Kind, connections: int, seconds: float, least: int = 1) -> Answered:
    """Keep `connections` busy for `seconds`, and until `least` requests have been answered.

    Requests that are under way at the end are waited for. Raises ConnectionError, and TimeoutError when
    nothing moves.
    """
    clients = {client.socket.fileno(): client for client in (Client(port, kind) for _ in range(connections))}
    epoll = select.epoll()
    buffer = bytearray(RECEIVE_BYTES)
    latencies: list[float] = []
    busy = set(clients)
    waiting: set[int] = set()

    def send(descriptor: int, whole: bool) -> None:
        if whole == (descriptor in waiting):
            waiting.symmetric_difference_update({descriptor})
            epoll.modify(descriptor, select.EPOLLIN | (0 if whole else select.EPOLLOUT))

    try:
        for descriptor in clients:
            epoll.register(descriptor, select.EPOLLIN)
        cpu, begin = time.thread_time(), time.perf_counter()
        until = begin + seconds
        for descriptor, client in clients.items():
            client.begin()
            send(descriptor, not (client.to_send or client.pieces_left))
        while busy:
            ready = epoll.poll(STALL_SECONDS)
            if not ready:
                raise TimeoutError(f"nothing has moved for {STALL_SECONDS:g} s")
            for descriptor, what in ready:
                client = clients[descriptor]
                if what & select.EPOLLOUT:
                    send(descriptor, client.push())
                if what & ~select.EPOLLOUT and client.pull(buffer):
                    now = time.perf_counter()
                    latencies.append(now - client.began)
                    if now >= until and len(latencies) >= least:
                        busy.discard(descriptor)
                    else:
                        client.begin()
                        send(descriptor, not (client.to_send or client.pieces_left))
        return Answered(time.perf_counter() - begin, latencies, time.thread_time() - cpu)
    finally:
        epoll.close()
        for client in clients.values():
            client.socket.close()
