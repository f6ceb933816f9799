"""The wing's WebSocket, against Autobahn's own server over a pretended wire."""

from __future__ import annotations

import json
from typing import Any

import txaio
from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import TestCase

from wingthing.wing.link_socket import End, SocketFactory
from wingthing.wing.roost import Roost
from wingthing.wire.closing import CloseCode
from wingthing.wire.limits import MAX_MESSAGE_BYTES
from wingthing.wire.wing_limits import LINK_PAUSE_BYTES, LINK_RESUME_BYTES

ROOST = Roost.parse("http://node.example:8080")


class Node(WebSocketServerProtocol):
    """What the node hears."""

    heard: list[tuple[bytes, bool]]
    request: Any = None

    def onConnect(self, request: Any) -> None:
        self.request = request
        self.heard = []

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self.heard.append((payload, isBinary))


class Wire(StringTransport):
    """Remembers that it was cut."""

    cut = False

    def setTcpNoDelay(self, enabled: bool) -> None:
        self.no_delay = enabled

    def unregisterProducer(self) -> None:
        # Unlike StringTransport's, those of real transports do not mind when there is none.
        self.producer = None

    def abortConnection(self) -> None:
        self.cut = True
        self.disconnecting = True


class SocketCase(TestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        # Autobahn's timers use the loop of txaio, whatever reactor its factory is given.
        self.patch(txaio.config, "loop", self.clock)
        self.happened: list[Any] = []
        self.socket = SocketFactory(self.clock, ROOST, "the-token", self).buildProtocol(None)
        self.wire = Wire()
        self.socket.makeConnection(self.wire)

    # -- SocketEvents ----

    def opened(self, socket: Any) -> None:
        self.happened.append("opened")

    def received(self, message: bytes) -> None:
        self.happened.append(message)
        if message == b"boom":
            raise ZeroDivisionError

    def congested(self) -> None:
        self.happened.append("congested")

    def has_room(self) -> None:
        self.happened.append("has_room")

    def ended(self, end: End) -> None:
        self.happened.append(end)

    def answer(self, text: bytes) -> None:
        self.socket.dataReceived(text)

    def upgrade(self) -> None:
        factory = WebSocketServerFactory(reactor=self.clock)
        factory.setProtocolOptions(maxMessagePayloadSize=2 * MAX_MESSAGE_BYTES)
        self.node = Node()
        self.node.factory = factory
        self.node_wire = Wire()
        self.node.makeConnection(self.node_wire)
        self.exchange()

    def exchange(self) -> None:
        while self.wire.value() or self.node_wire.value():
            for wire, other in ((self.wire, self.node), (self.node_wire, self.socket)):
                data = wire.value()
                wire.clear()
                if data:
                    other.dataReceived(data)


class UpgradeTests(SocketCase):
    def test_asks_with_its_token_and_without_delay(self) -> None:
        self.upgrade()
        self.assertEqual(self.node.request.path, "/ws/wing")
        self.assertEqual(self.node.request.headers["authorization"], "Bearer the-token")
        self.assertEqual(self.node.request.headers["host"], "node.example:8080")
        self.assertEqual(self.happened, ["opened"])
        self.assertTrue(self.wire.no_delay)

    def refused(self, status: str, body: bytes = b"") -> End:
        self.answer(f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n\r\n".encode() + body)
        self.assertTrue(self.wire.cut)
        self.socket.connectionLost(self.wire_lost())
        (end,) = self.happened
        assert isinstance(end, End)
        return end

    def wire_lost(self) -> Any:
        from twisted.internet.error import ConnectionAborted
        from twisted.python.failure import Failure

        return Failure(ConnectionAborted())

    def test_401_carries_the_sentence_of_the_server(self) -> None:
        end = self.refused("401 Unauthorized", b'{"error":"the token has expired: log in again"}')
        self.assertEqual(end, End("the token has expired: log in again", status=401))

    def test_a_refusal_without_a_sentence(self) -> None:
        end = self.refused("503 Service Unavailable", b"<html>")
        self.assertEqual(end.status, 503)
        self.assertIn("503", end.reason)

    def test_a_refusal_with_a_body_that_makes_no_sense(self) -> None:
        self.assertEqual(self.refused("401 No", b'{"error": 5}').status, 401)

    def test_what_is_no_http(self) -> None:
        self.assertIsNone(self.refused("nonsense").status)

    def test_a_line_that_is_lost(self) -> None:
        self.socket.connectionLost(self.wire_lost())
        (end,) = self.happened
        self.assertIsNone(end.status)


class TrafficTests(SocketCase):
    def setUp(self) -> None:
        super().setUp()
        self.upgrade()
        self.happened.clear()

    def test_text_both_ways(self) -> None:
        self.socket.send(json.dumps({"type": "wing.heartbeat"}).encode())
        self.exchange()
        self.assertEqual(self.node.heard, [(b'{"type": "wing.heartbeat"}', False)])
        self.node.sendMessage("é".encode(), isBinary=False)
        self.exchange()
        self.assertEqual(self.happened, ["é".encode()])

    def test_a_handler_that_fails_does_not_end_the_connection(self) -> None:
        self.node.sendMessage(b"boom", isBinary=False)
        self.node.sendMessage(b"on", isBinary=False)
        self.exchange()
        self.assertEqual(self.happened, [b"boom", b"on"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_a_binary_message_ends_it(self) -> None:
        self.node.sendMessage(b"{}", isBinary=True)
        self.exchange()
        self.assertEqual(self.node.remoteCloseCode, CloseCode.NOT_TEXT)
        self.assertEqual(self.happened, [])

    def test_a_message_too_long_ends_it(self) -> None:
        self.node.sendMessage(b"x" * (MAX_MESSAGE_BYTES + 1), isBinary=False)
        self.exchange()
        self.assertTrue(self.wire.cut)
        self.assertEqual(self.happened, [])

    def test_a_slow_server_is_noticed_and_nothing_is_lost(self) -> None:
        self.socket.pauseProducing()
        message = b"x" * 100_000
        count = LINK_PAUSE_BYTES // len(message) + 1
        for _ in range(count):
            self.socket.send(message)
        self.assertEqual(self.wire.value(), b"")
        self.assertEqual(self.happened, ["congested"])
        self.assertEqual(self.socket.waiting, count * len(message))
        self.socket.resumeProducing()
        self.assertEqual(self.happened, ["congested", "has_room"])
        self.assertEqual(self.socket.waiting, 0)
        self.exchange()
        self.assertEqual(len(self.node.heard), count)

    def test_room_is_told_before_all_is_sent(self) -> None:
        message = b"x" * 100_000
        self.socket.pauseProducing()
        while self.socket.waiting <= LINK_PAUSE_BYTES:
            self.socket.send(message)
        told: list[int] = []
        self.patch(self, "has_room", lambda: told.append(self.socket.waiting))
        written = 0

        def write_and_fill(data: bytes) -> None:
            nonlocal written
            written += len(data)
            if written > LINK_PAUSE_BYTES - len(message):
                self.socket.pauseProducing()

        self.patch(self.wire, "write", write_and_fill)
        self.socket.resumeProducing()
        self.assertEqual(len(told), 1)
        self.assertTrue(0 < told[0] <= LINK_RESUME_BYTES)

    def test_leaving(self) -> None:
        self.socket.leave(CloseCode.GOING_AWAY, "the wing stops")
        self.socket.leave(CloseCode.NORMAL, "once more")
        self.exchange()
        self.assertEqual(self.node.remoteCloseCode, 1001)
        self.socket.send(b"late")
        self.exchange()
        self.assertEqual(self.node.heard, [])

    def test_after_the_end_nothing_is_kept(self) -> None:
        from twisted.internet.error import ConnectionDone
        from twisted.python.failure import Failure

        self.socket.pauseProducing()
        self.socket.send(b"x" * 1000)
        self.socket.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(len(self.happened), 1)
        self.assertEqual(self.socket.waiting, 0)
        self.socket.send(b"x" * 1000)
        self.socket.resumeProducing()
        self.assertEqual(self.socket.waiting, 0)
