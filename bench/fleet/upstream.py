"""`python -m bench.fleet.upstream`: in login's place, a server that does nothing but take and give bytes.

`GET /bytes/N` answers N bytes; whatever has a body is read to its end and answered with two bytes. One
process on bare sockets, so that a proxy before it is the slower of the two. Prints its port.
"""

from __future__ import annotations

import re
import select
import socket
from contextlib import suppress
from functools import cache

HOST = "127.0.0.1"
HEAD_END = b"\r\n\r\n"
TARGET = re.compile(rb"^[A-Z]+ /bytes/(\d+) ")
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
PIECE = memoryview(bytes(range(256)) * 4096)
RECEIVE_BYTES = 1024 * 1024
TAKEN = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"


@cache
def answer_head(size: int) -> bytes:
    """The headers of an answer of that length, with a small body if it is one."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: {size}\r\n\r\n"
    return head.encode() + (bytes(PIECE[:size]) if size <= len(PIECE) else b"")


class Line:
    """One connection, HTTP/1.1, one request after the other."""

    def __init__(self) -> None:
        self.to_send = b""
        self.pieces_left = 0
        """Bytes of PIECE, again and again, after `to_send`."""

        self._head = b""
        self._body_left = 0

    @property
    def wants_to_send(self) -> bool:
        return bool(self.to_send or self.pieces_left)

    def feed(self, data: bytes) -> None:
        """What the proxy has sent."""
        if self._body_left:
            self._body_left -= len(data)
            if self._body_left <= 0:
                self.to_send += TAKEN
            return
        self._head += data
        end = self._head.find(HEAD_END)
        if end < 0:
            return
        head, rest, self._head = self._head[:end], self._head[end + len(HEAD_END) :], b""
        length = LENGTH.search(head)
        if length is not None and int(length[1]) > 0:
            self._body_left = int(length[1]) - len(rest)
            if self._body_left <= 0:
                self.to_send += TAKEN
            return
        target = TARGET.match(head)
        size = int(target[1]) if target is not None else 2
        self.to_send += answer_head(size)
        self.pieces_left = size if size > len(PIECE) else 0

    def send(self, sock: socket.socket) -> None:
        """As much as the kernel takes."""
        with suppress(BlockingIOError):
            while self.to_send:
                self.to_send = self.to_send[sock.send(self.to_send) :]
            while self.pieces_left:
                self.pieces_left -= sock.send(PIECE[: self.pieces_left])


def serve(listener: socket.socket) -> None:
    """For ever."""
    epoll = select.epoll()
    epoll.register(listener, select.EPOLLIN)
    lines: dict[int, tuple[socket.socket, Line]] = {}
    while True:
        for descriptor, what in epoll.poll():
            if descriptor == listener.fileno():
                accepted, _ = listener.accept()
                accepted.setblocking(False)
                accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                lines[accepted.fileno()] = (accepted, Line())
                epoll.register(accepted, select.EPOLLIN)
                continue
            sock, line = lines[descriptor]
            waiting = line.wants_to_send
            try:
                if what & ~select.EPOLLOUT:
                    data = sock.recv(RECEIVE_BYTES)
                    if not data:
                        raise ConnectionResetError
                    line.feed(data)
                line.send(sock)
            except OSError:
                epoll.unregister(descriptor)
                del lines[descriptor]
                sock.close()
                continue
            if line.wants_to_send != waiting or waiting:
                events = select.EPOLLIN | (select.EPOLLOUT if line.wants_to_send else 0)
                epoll.modify(descriptor, events)


if __name__ == "__main__":
    with socket.create_server((HOST, 0), backlog=1024) as listening:
        print(listening.getsockname()[1], flush=True)
        serve(listening)
