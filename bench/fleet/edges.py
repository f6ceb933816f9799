"""`python -m bench.fleet.edges COUNT KEY [WINGS]`: edges in one process, each at an address of its own.

They answer login's rounds as edges do, with tokens and with EdgeGossip, but keep no directory and check no
token, so that they take little beside the login that is measured. HTTP is the least of it that Twisted's
client understands.

With WINGS they have these, and have not heard of login; without, they have none, and have heard everything.

Prints the port once all listen. Then, for each line that it is sent, the bytes and requests since its start.
"""

from __future__ import annotations

import base64
import json
import re
import select
import socket
import sys
import time
from collections.abc import Sequence
from contextlib import suppress

import msgspec

from bench.fleet.simulation import LOGIN_BOOT
from bench.fleet.wings import SINCE, Forgetful, NoNews, entries, machine
from wingthing.cluster.gossip_edge import EdgeGossip
from wingthing.cluster.trust import Trust
from wingthing.crypto.keyring import KeyRing
from wingthing.crypto.keys import load_signing_key
from wingthing.crypto.node_tokens import Audience
from wingthing.wire.gossip import Round, Snapshot, WingUp
from wingthing.wire.internal import NODE_HEADER

HEAD_END = b"\r\n\r\n"
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
TOKEN = re.compile(NODE_HEADER.encode() + rb": *([^\r]+)", re.IGNORECASE)
RECEIVE_BYTES = 1024 * 1024
FIRST_NET = 77


def edge_boot(number: int) -> str:
    """The name of that edge's run."""
    return f"boot-{number}"


def address(number: int) -> str:
    """Where edge `number` listens."""
    return f"127.{FIRST_NET}.{number // 250}.{number % 250 + 1}"


class SkimmedSnapshot(Snapshot, frozen=True, kw_only=True):
    """A snapshot whose wings are not looked at: a thousand edges in one process have no time for that."""

    wings: msgspec.Raw  # type: ignore[assignment]


class SkimmedRound(Round, frozen=True, kw_only=True):
    """A round with such a snapshot."""

    snapshot: SkimmedSnapshot | None = None

    def whole(self) -> Round:
        """As if there had been no wings in it."""
        if self.snapshot is None:
            return self
        return msgspec.structs.replace(self, snapshot=msgspec.structs.replace(self.snapshot, wings=[]))


class SimulatedEdge:
    """What one of them knows."""

    def __init__(self, number: int, keys: KeyRing, own: Sequence[WingUp] | None) -> None:
        name = machine(number)
        count = iter(range(1 << 60))
        self.gossip = EdgeGossip(
            Forgetful(name), "nrt", edge_boot(number), NoNews(), usage=tuple, counts=lambda: (10, 5)
        )
        if own is None:
            # It has had the whole of LOGIN_BOOT's directory as it was at the start.
            self.gossip.login_boot, self.gossip.login_seq, self.gossip.whole = LOGIN_BOOT, 0, True
        for entry in own or ():
            self.gossip.local_up(entry.record, SINCE)
        self._trust = Trust(keys, name, time.time, lambda: f"{next(count):024x}")

    def answer(self, head: bytes, body: bytes) -> bytes:
        """The whole answer to a request."""
        asked = msgspec.json.decode(body, type=SkimmedRound)
        said = msgspec.json.encode(self.gossip.receive(asked.whole(), time.time()))
        token = TOKEN.search(head)
        assert token is not None
        proof, _jti = self._trust.token(Audience.ANSWER, nonce=_jti_of(token[1]))
        return (
            f"HTTP/1.1 200 OK\r\n{NODE_HEADER}: {proof}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(said)}\r\n\r\n".encode()
            + said
        )


def _jti_of(token: bytes) -> str:
    claims = token.split(b".")[1]
    decoded: str = json.loads(base64.urlsafe_b64decode(claims + b"=" * (-len(claims) % 4)))["jti"]
    return decoded


class Line:
    """One connection of login."""

    def __init__(self, edge: SimulatedEdge, accepted: socket.socket) -> None:
        self.socket = accepted
        self._edge = edge
        self._unread = bytearray()
        self._head = b""
        self._missing = 0

    def feed(self, data: bytes) -> bytes:
        """What is to be sent for what has come."""
        self._unread += data
        if not self._head:
            end = self._unread.find(HEAD_END)
            if end < 0:
                return b""
            self._head = bytes(self._unread[:end])
            length = LENGTH.search(self._head)
            assert length is not None
            self._missing = int(length[1])
            del self._unread[: end + len(HEAD_END)]
        if len(self._unread) < self._missing:
            return b""
        head, body, self._head, self._unread = self._head, self._unread, b"", bytearray()
        return self._edge.answer(head, bytes(body))


class Edges:
    """All of them."""

    def __init__(self, count: int, keys: KeyRing, wings: int | None) -> None:
        self.received = self.sent = self.requests = 0
        self._epoll = select.epoll()
        self._lines: dict[int, Line] = {}
        self._listening: dict[int, tuple[socket.socket, SimulatedEdge]] = {}
        self.port = 0
        every = list(entries(wings or 0, count))
        for number in range(count):
            own = every[number::count] if wings is not None else None
            listener = socket.create_server((address(number), self.port), backlog=16)
            self.port = listener.getsockname()[1]
            self._listening[listener.fileno()] = (listener, SimulatedEdge(number, keys, own))
            self._epoll.register(listener, select.EPOLLIN)
        self._epoll.register(0, select.EPOLLIN)

    def run(self) -> None:
        """Until standard input ends."""
        print(self.port, flush=True)
        while True:
            for descriptor, _ in self._epoll.poll():
                if descriptor == 0:
                    if not sys.stdin.readline():
                        return
                    print(json.dumps([self.received, self.sent, self.requests]), flush=True)
                elif descriptor in self._listening:
                    listener, edge = self._listening[descriptor]
                    accepted, _ = listener.accept()
                    accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    self._lines[accepted.fileno()] = Line(edge, accepted)
                    self._epoll.register(accepted, select.EPOLLIN)
                else:
                    self._serve(self._lines[descriptor])

    def _serve(self, line: Line) -> None:
        data = b""
        with suppress(ConnectionResetError):
            data = line.socket.recv(RECEIVE_BYTES)
        if not data:
            del self._lines[line.socket.fileno()]
            line.socket.close()
            return
        self.received += len(data)
        answer = line.feed(data)
        if answer:
            self.requests += 1
            self.sent += len(answer)
            line.socket.sendall(answer)


if __name__ == "__main__":
    Edges(
        int(sys.argv[1]),
        KeyRing.of(load_signing_key(sys.argv[2], source="the argument"), {}),
        int(sys.argv[3]) if len(sys.argv) > 3 else None,
    ).run()
