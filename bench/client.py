"""Wings and browsers as bare sockets: upgrade, registration and the start of a terminal.

Everything is done for many at once, so that ten thousand of them do not take ten thousand round trips.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import socket
from collections.abc import Iterator, Sequence
from typing import Any

import attrs

from bench.frames import CLOSE, PING, PONG, client_frame, client_message, split

PATIENCE_SECONDS = 30.0
BATCH = 64
"""How many connections are made at the same time."""


@attrs.frozen
class Relay:
    """Where a relay listens and how it is entered."""

    name: str
    host: str
    port: int
    token: str = ""
    """Bearer token of wings and browsers; empty for a relay that asks for none."""

    pid: int = 0
    cookie: str = ""
    """Cookie of browsers, in place of a token."""

    named: str = ""
    """What the relay is called in `Host`, if not by its address."""


class Client:
    """One WebSocket, blocking, for what comes before the load."""

    def __init__(self, relay: Relay, path: str, source: str = "") -> None:
        self.path = path
        self._unread = b""
        self.socket = socket.create_connection(
            (relay.host, relay.port), PATIENCE_SECONDS, (source, 0) if source else None
        )
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            f"GET {path} HTTP/1.1",
            f"Host: {relay.named or f'{relay.host}:{relay.port}'}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key}",
            "Sec-WebSocket-Version: 13",
        ]
        if relay.token:
            lines.append(f"Authorization: Bearer {relay.token}")
        if relay.cookie:
            lines.append(f"Cookie: {relay.cookie}")
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode())

    def upgraded(self) -> None:
        """Wait for the end of the upgrade. Raises ConnectionError when it is refused."""
        while b"\r\n\r\n" not in self._unread:
            self._receive()
        head, _, self._unread = self._unread.partition(b"\r\n\r\n")
        status = head.split(b"\r\n", 1)[0]
        if b" 101 " not in status:
            raise ConnectionError(f"{self.path}: {status.decode()} {self._unread[:200]!r}")

    def say(self, kind: str, **fields: Any) -> None:
        """Send one message."""
        self.socket.sendall(client_message({"type": kind, **fields}))

    def hear(self, kind: str) -> dict[str, Any]:
        """The next message. Raises ConnectionError when it is of another type."""
        while True:
            frame = split(self._unread)
            if frame is None:
                self._receive()
                continue
            first, payload, self._unread = frame
            if first == PING:
                self.socket.sendall(client_frame(payload, PONG))
            elif first == CLOSE:
                raise ConnectionError(f"{self.path} was closed: {payload!r}")
            else:
                message: dict[str, Any] = json.loads(payload)
                if message["type"] != kind:
                    raise ConnectionError(f"{kind} was expected, this came: {message}")
                return message

    def quiet(self) -> socket.socket:
        """The socket, from now on non-blocking; nothing may have come that was not heard."""
        if self._unread:
            raise ConnectionError(f"{self.path}: {self._unread[:200]!r} was not expected")
        self.socket.setblocking(False)
        return self.socket

    def _receive(self) -> None:
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError(f"{self.path}: the relay closed the connection")
        self._unread += data


@attrs.frozen
class Pair:
    """A wing and a browser with one terminal between them: what is sent here comes out there."""

    sender: socket.socket
    receiver: socket.socket
    session_id: str
    still_masked: bool = False
    """Whether what comes out is still the frame that went in (no relay in between)."""

    def close(self) -> None:
        self.sender.close()
        self.receiver.close()


def open_wings(relay: Relay, count: int, source: str = "") -> list[Client]:
    """Register `count` wings from address `source`, all at once: not many more than BATCH."""
    wings = [Client(relay, "/ws/wing", source) for _ in range(count)]
    for wing in wings:
        wing.upgraded()
        wing.say("wing.register", **registration())
    for wing in wings:
        wing.hear("registered")
    return wings


def open_browsers(relay: Relay, count: int, source: str = "") -> list[Client]:
    """Open `count` browsers that have no terminal, all at once: not many more than BATCH."""
    return _opened(relay, "/ws/pty", count, source)


def open_dashboards(relay: Relay, count: int, source: str = "") -> list[Client]:
    """The same with the sockets on which a page hears of its wings."""
    return _opened(relay, "/ws/app", count, source)


def _opened(relay: Relay, path: str, count: int, source: str) -> list[Client]:
    clients = [Client(relay, path, source) for _ in range(count)]
    for client in clients:
        client.upgraded()
    return clients


def registration() -> dict[str, Any]:
    """What a wing says of itself."""
    return {
        "wing_id": secrets.token_hex(12),
        "hostname": "bench",
        "platform": "linux",
        "version": "1.0",
        "agents": ["shell"],
        "skills": None,
        "labels": None,
        "identities": None,
        "public_key": base64.b64encode(os.urandom(32)).decode(),
        "locked": False,
    }


def open_pairs(relay: Relay, count: int) -> list[Pair]:
    """`count` wings, each with a browser that has started a terminal on it."""
    pairs: list[Pair] = []
    for size in _batches(count):
        pairs += _open_batch(relay, size)
    return pairs


def _open_batch(relay: Relay, count: int) -> list[Pair]:
    who = [registration() for _ in range(count)]
    wings = [Client(relay, "/ws/wing") for _ in who]
    for wing, fields in zip(wings, who, strict=True):
        wing.upgraded()
        wing.say("wing.register", **fields)
    for wing in wings:
        wing.hear("registered")
    browsers = [Client(relay, f"/ws/pty?wing_id={fields['wing_id']}") for fields in who]
    for browser, fields in zip(browsers, who, strict=True):
        browser.upgraded()
        browser.say("pty.start", agent="shell", cols=80, rows=24, public_key=fields["public_key"])
    sessions = []
    for wing, fields in zip(wings, who, strict=True):
        session_id = wing.hear("pty.start")["session_id"]
        wing.say("pty.started", session_id=session_id, agent="shell", public_key=fields["public_key"])
        sessions.append(session_id)
    pairs = []
    for wing, browser, session_id in zip(wings, browsers, sessions, strict=True):
        browser.hear("pty.started")
        pairs.append(Pair(wing.quiet(), browser.quiet(), session_id))
    return pairs


def open_direct(count: int) -> list[Pair]:
    """`count` senders joined straight to their receivers over loopback: the load generator alone."""
    pairs = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        for number in range(count):
            sender = socket.create_connection(listener.getsockname(), PATIENCE_SECONDS)
            receiver, _ = listener.accept()
            sender.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sender.setblocking(False)
            receiver.setblocking(False)
            pairs.append(Pair(sender, receiver, f"{number:08x}", still_masked=True))
    return pairs


def close_all(pairs: Sequence[Pair]) -> None:
    """Cut all lines."""
    for pair in pairs:
        pair.close()


def _batches(count: int) -> Iterator[int]:
    while count > 0:
        yield min(BATCH, count)
        count -= BATCH
