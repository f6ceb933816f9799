"""Fakes that stand in for peers, users and the network in unit tests.

`FakePeer` is held against the real socket by the tests of `wingthing.sockets`; `FrameClient` speaks RFC 6455
frame by frame, so that a test can also say what no well-behaved client would.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import attrs
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from wingthing.errors import PeerError
from wingthing.relay import viewer_side, wing_side
from wingthing.relay.peers import Identity, Viewer, WingLink
from wingthing.relay.router import Router, refusal
from wingthing.wire import codec
from wingthing.wire.records import OrgRecord

WING_ID = "a1b2c3d4e5f6a1b2c3d4e5f6"
OTHER_WING_ID = "00112233445566778899aabb"
PUBLIC_KEY = "AxHfdoCLsF7YSmKCaGI/yqXmD7BMOn7ym5ZkB7sucmM="
"""A browser's X25519 key."""


def identity(user_id: str = "ann", **fields: Any) -> Identity:
    """A user with a name and an address made from the id."""
    known = {"display_name": user_id.title(), "email": f"{user_id}@example.org", **fields}
    return Identity(user_id=user_id, **known)


def counted(form: str) -> Callable[[], str]:
    """Ids that can be foretold: `form % 1`, `form % 2` and so on."""
    numbers = count(1)
    return lambda: form % next(numbers)


def new_router() -> Router:
    """A relay whose session and viewer ids are 00000001, 00000002 ... and connection ids connection-1 ..."""
    router = Router(
        relay_pub_key="c3BraQ==",
        new_session_id=counted("%08x"),
        new_connection_id=counted("connection-%d"),
    )
    router.roster.complete = True
    return router


def org(org_id: str = "org_1", slug: str = "acme", name: str = "Acme", **members: str) -> OrgRecord:
    """An organisation; `members` are their roles."""
    return OrgRecord(id=org_id, slug=slug, name=name, members=members)


class FakePeer:
    """A socket that remembers what it was told. Set `full` to be a peer that does not read."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.closed: tuple[int, str] | None = None
        self.full = False
        self.waiting = 0
        self.reading = True

    def send(self, message: bytes) -> None:
        if self.closed is None:
            self.sent.append(message)

    def send_all(self, messages: Sequence[bytes], size: int) -> None:
        assert size == sum(map(len, messages))
        for message in messages:
            self.send(message)

    def close(self, code: int, reason: str) -> None:
        if self.closed is None:
            self.closed = (int(code), reason)

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def take(self) -> list[dict[str, Any]]:
        """What has been sent since the last call, parsed."""
        sent, self.sent = self.sent, []
        return [json.loads(message) for message in sent]

    def take_types(self) -> list[str]:
        """The types of what has been sent since the last call."""
        return [message["type"] for message in self.take()]


def _bytes_of(message: bytes | str, fields: dict[str, Any]) -> bytes:
    return message if isinstance(message, bytes) else codec.write({"type": message, **fields})


@attrs.define(eq=False)
class FakeWing:
    """A wing at the relay, without a socket. Refusals are answered to it as a socket would."""

    router: Router
    link: WingLink
    peer: FakePeer

    def say(self, message: bytes | str, **fields: Any) -> None:
        """Send bytes as they are, or the message of that type."""
        data = _bytes_of(message, fields)
        try:
            wing_side.receive(self.router, self.link, data)
        except PeerError as why:
            self.peer.send(refusal(data, why))

    def let_in(self, session_id: str) -> None:
        """Answer a `pty.attach`."""
        self.say("pty.started", session_id=session_id, agent="shell", public_key=PUBLIC_KEY)

    def leave(self) -> None:
        """The socket is closed."""
        self.router.wing_gone(self.link)


@attrs.define(eq=False)
class FakeBrowser:
    """A browser at the relay, without a socket. Refusals are answered to it as a socket would."""

    router: Router
    viewer: Viewer
    peer: FakePeer

    def say(self, message: bytes | str, **fields: Any) -> None:
        """Send bytes as they are, or the message of that type."""
        data = _bytes_of(message, fields)
        try:
            viewer_side.receive(self.router, self.viewer, data)
        except PeerError as why:
            self.peer.send(refusal(data, why))

    def start(self, **fields: Any) -> None:
        """`pty.start` with what it needs."""
        self.say(
            "pty.start", **{"agent": "shell", "cols": 80, "rows": 24, "public_key": PUBLIC_KEY, **fields}
        )

    def attach(self, session_id: str, **fields: Any) -> None:
        """`pty.attach` with what it needs."""
        self.say("pty.attach", session_id=session_id, **{"public_key": PUBLIC_KEY, **fields})

    def ask(self, request_id: str, wing_id: str = WING_ID, **fields: Any) -> None:
        """`tunnel.req` with what it needs."""
        known = {"sender_pub": PUBLIC_KEY, "payload": "c2VjcmV0", **fields}
        self.say("tunnel.req", wing_id=wing_id, request_id=request_id, **known)

    def leave(self) -> None:
        """The socket is closed."""
        self.router.viewer_gone(self.viewer)


def registration(wing_id: str = WING_ID, **fields: Any) -> bytes:
    """The bytes of a `wing.register` as wings in the field send it."""
    known = {"agents": None, "skills": None, "labels": None, "identities": None, "locked": False}
    return codec.write({"type": "wing.register", "wing_id": wing_id, **known, **fields})


def connect_wing(
    router: Router, user_id: str = "ann", *, token_pub: str = "", token_wing: str = ""
) -> FakeWing:
    """A wing that is connected and has yet to register."""
    peer = FakePeer()
    link = WingLink(identity(user_id), peer, token_pub=token_pub, token_wing=token_wing)
    router.wing_connected(link)
    return FakeWing(router, link, peer)


def open_wing(router: Router, wing_id: str = WING_ID, user_id: str = "ann", **fields: Any) -> FakeWing:
    """A registered wing; `fields` go into its registration. Its ack has been taken."""
    wing = connect_wing(router, user_id)
    wing_side.register(router, wing.link, registration(wing_id, **fields))
    wing.peer.take()
    return wing


def open_browser(
    router: Router, user_id: str = "ann", wing_id: str = "", features: frozenset[str] = frozenset()
) -> FakeBrowser:
    """A browser that is connected."""
    peer = FakePeer()
    viewer = Viewer(identity(user_id), peer, wing_id, features)
    router.viewer_connected(viewer)
    return FakeBrowser(router, viewer, peer)


# -- the network -------------------------------------------------------------------------------------------


class FakeLine(StringTransport):
    """The server's end of one TCP connection. What the server writes is in `value()`.

    `stall()` is a peer that stops reading: the producer is paused as a full socket buffer would pause it.
    """

    def __init__(self) -> None:
        super().__init__(peerAddress=IPv4Address("TCP", "127.0.0.1", 54321))
        self.protocol: Any = None
        self.aborted = False
        self.ended = False
        self.stalled = False

    def write(self, data: bytes) -> None:
        super().write(data)
        if self.stalled and self.producer is not None:
            self.producer.pauseProducing()

    def stall(self) -> None:
        """From the next byte on, nothing is read."""
        self.stalled = True

    def flow(self) -> None:
        """All is read again."""
        self.stalled = False
        if self.producer is not None:
            self.producer.resumeProducing()

    def abortConnection(self) -> None:
        self.aborted = True
        self.disconnecting = True

    def end(self, *, clean: bool = False) -> None:
        """The connection is lost."""
        if not self.ended:
            self.ended = True
            self.protocol.connectionLost(Failure(ConnectionDone() if clean else ConnectionLost()))


OP_CONTINUATION, OP_TEXT, OP_BINARY, OP_CLOSE, OP_PING, OP_PONG = 0, 1, 2, 8, 9, 10


def frame(payload: bytes, opcode: int = OP_TEXT, *, fin: bool = True, masked: bool = True) -> bytes:
    """One frame of a client, RFC 6455 section 5.2."""
    mask_bit = 0x80 if masked else 0
    head = bytes([(0x80 if fin else 0) | opcode])
    if len(payload) < 126:
        head += bytes([mask_bit | len(payload)])
    elif len(payload) < 1 << 16:
        head += bytes([mask_bit | 126]) + struct.pack("!H", len(payload))
    else:
        head += bytes([mask_bit | 127]) + struct.pack("!Q", len(payload))
    if not masked:
        return head + payload
    mask = os.urandom(4)
    key = int.from_bytes(mask * (len(payload) // 4 + 1), "big")
    padded = payload + bytes(4 * (len(payload) // 4 + 1) - len(payload))
    mixed = (int.from_bytes(padded, "big") ^ key).to_bytes(len(padded), "big")
    return head + mask + mixed[: len(payload)]


class FrameClient:
    """One client of a site: an HTTP request that may become a WebSocket."""

    def __init__(self, site: IProtocolFactory) -> None:
        self.line = FakeLine()
        protocol = site.buildProtocol(self.line.getPeer())
        assert protocol is not None
        self.line.protocol = protocol
        protocol.makeConnection(self.line)
        self._taken = 0

    def request(self, target: str, headers: dict[str, str] | None = None, *, method: str = "GET") -> None:
        """Send the head of a request."""
        fields = [f"{name}: {value}" for name, value in (headers or {}).items()]
        head = [f"{method} {target} HTTP/1.1", *fields, "", ""]
        self.line.protocol.dataReceived("\r\n".join(head).encode("latin-1"))

    def upgrade(self, target: str, headers: dict[str, str] | None = None) -> None:
        """Ask for a WebSocket."""
        known = {
            "Host": "localhost:8080",
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        }
        self.request(target, known | (headers or {}))

    def response(self) -> tuple[int, dict[str, str], bytes]:
        """Status, headers (names in lower case) and the rest of what has come so far."""
        head, _, rest = self._new().partition(b"\r\n\r\n")
        self._taken = len(self.line.value())
        first, *lines = head.decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in lines)
        return int(first.split()[1]), {name.lower(): value.strip() for name, _, value in pairs}, rest

    def send_raw(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.line.protocol.dataReceived(data)

    def say(self, kind: str, **fields: Any) -> None:
        """Send one message."""
        self.send_raw(frame(codec.write({"type": kind, **fields})))

    def frames(self) -> list[tuple[int, bytes]]:
        """(opcode, payload) of the whole frames that have come since the last call."""
        data, found = self._new(), []
        at = 0
        while len(data) - at >= 2:
            opcode, length, start = data[at] & 0x0F, data[at + 1] & 0x7F, at + 2
            if length == 126:
                length, start = struct.unpack_from("!H", data, start)[0], start + 2
            elif length == 127:
                length, start = struct.unpack_from("!Q", data, start)[0], start + 8
            if len(data) < start + length:
                break
            found.append((opcode, data[start : start + length]))
            at = start + length
        self._taken += at
        return found

    def messages(self) -> list[dict[str, Any]]:
        """The text messages that have come since the last call. Fails on a close frame."""
        found = self.frames()
        assert all(opcode != OP_CLOSE for opcode, _ in found), f"the socket was closed: {found[-1]!r}"
        return [json.loads(payload) for opcode, payload in found if opcode == OP_TEXT]

    def close_code(self) -> int | None:
        """The code of the close frame among what has come since the last call; None without one."""
        for opcode, payload in self.frames():
            if opcode == OP_CLOSE:
                return int(struct.unpack_from("!H", payload)[0])
        return None

    def _new(self) -> bytes:
        return bytes(self.line.value()[self._taken :])
