"""The wing's link over real sockets, against a node that is nothing but Autobahn's server."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from autobahn.websocket.types import ConnectionDeny
from twisted.internet import reactor as installed
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from wingthing.wing.link import Link, LinkState, Login
from wingthing.wing.link_socket import dialer
from wingthing.wing.roost import Roost
from wingthing.wire import codec
from wingthing.wire.limits import MAX_MESSAGE_BYTES
from wingthing.wire.messages import PtyOutput, WingRegister
from wingthing.wire.node_messages import Registered
from wingthing.wire.wing_limits import LINK_PAUSE_BYTES

reactor: Any = installed
WING_ID = "a" * 24
PATIENCE_SECONDS = 15.0


class NodeSocket(WebSocketServerProtocol):
    """One connection of the wing, as the node has it."""

    factory: Node

    def onConnect(self, request: Any) -> None:
        self.factory.tokens.append(request.headers.get("authorization"))
        if self.factory.statuses:
            raise ConnectionDeny(self.factory.statuses.pop(0), "no")

    def onOpen(self) -> None:
        self.factory.sockets.append(self)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        message = json.loads(payload)
        self.factory.heard.append(message)
        if message["type"] == "wing.register":
            for answer in self.factory.greeting:
                self.say(**answer)

    def say(self, **message: Any) -> None:
        self.sendMessage(json.dumps(message).encode(), isBinary=False)


class Node(WebSocketServerFactory):
    """Answers upgrades with `statuses` first, registrations with `greeting`."""

    protocol = NodeSocket
    noisy = False

    def __init__(self) -> None:
        super().__init__(reactor=reactor)
        self.statuses: list[int] = []
        self.greeting: list[dict[str, Any]] = [
            {"type": "registered", "wing_id": "connection", "relay_pub_key": "key"}
        ]
        self.tokens: list[str] = []
        self.sockets: list[NodeSocket] = []
        self.heard: list[dict[str, Any]] = []


class LinkTests(TestCase):
    timeout = 60

    def setUp(self) -> None:
        self.node = Node()
        self.port = reactor.listenTCP(0, self.node, interface="127.0.0.1")
        self.addCleanup(self.port.stopListening)
        self.roost = Roost.parse(f"http://127.0.0.1:{self.port.getHost().port}")
        self.events: list[str] = []
        self.states: list[LinkState] = []
        # Without chance the first pause is half a second.
        self.link = Link(reactor, dialer(reactor), self.login, self, lambda: 0.0)
        self.addCleanup(self.stop)

    async def login(self) -> Login:
        return Login(self.roost, "the-token", WingRegister(wing_id=WING_ID))

    def stop(self) -> Deferred[None] | None:
        return self.link.stopService() if self.link.running else None

    def registered(self, ack: Registered) -> None:
        self.events.append(f"registered {ack.wing_id}")

    def received(self, kind: str, message: bytes) -> None:
        self.events.append(kind)

    def disconnected(self) -> None:
        self.events.append("disconnected")

    def congested(self) -> None:
        self.events.append("congested")

    def has_room(self) -> None:
        self.events.append("has_room")

    def state_changed(self, state: LinkState, detail: str) -> None:
        self.states.append(state)

    async def until(self, true: Callable[[], Any], what: str) -> None:
        deadline = reactor.seconds() + PATIENCE_SECONDS
        while not true():
            self.assertLess(reactor.seconds(), deadline, f"{what}: {self.events} {self.link.detail}")
            await deferLater(reactor, 0.01)

    async def online(self) -> None:
        if not self.link.running:
            self.link.startService()
        await self.until(lambda: self.link.online, "online")

    def test_registers(self) -> Deferred[None]:
        async def run() -> None:
            await self.online()
            self.assertEqual(self.node.tokens, ["Bearer the-token"])
            self.assertEqual([message["type"] for message in self.node.heard], ["wing.register"])
            self.node.sockets[0].say(type="pty.input", session_id="s", data="")
            await self.until(lambda: "pty.input" in self.events, "a message")
            self.assertEqual(self.events, ["registered connection", "pty.input"])

        return Deferred.fromCoroutine(run())

    def test_401_ends_it(self) -> Deferred[None]:
        async def run() -> None:
            self.node.statuses = [401]
            self.link.startService()
            await self.until(lambda: self.link.state is LinkState.REFUSED, "refused")
            self.assertIn("wt login", self.link.detail)
            self.assertEqual(len(self.node.tokens), 1)

        return Deferred.fromCoroutine(run())

    def test_503_does_not(self) -> Deferred[None]:
        async def run() -> None:
            self.node.statuses = [503, 503]
            self.link.startService()
            await self.until(lambda: self.states[-1:] == [LinkState.WAITING], "waiting")
            self.assertIn("503", self.link.detail)
            await self.online()
            self.assertEqual(len(self.node.tokens), 3)

        return Deferred.fromCoroutine(run())

    def test_nobody_listens_and_then_somebody_does(self) -> Deferred[None]:
        async def run() -> None:
            number = self.port.getHost().port
            await self.port.stopListening()
            self.link.startService()
            await self.until(lambda: self.states[-1:] == [LinkState.WAITING], "waiting")
            self.assertIn("refused", self.link.detail)
            self.port = reactor.listenTCP(number, self.node, interface="127.0.0.1")
            self.addCleanup(self.port.stopListening)
            await self.online()

        return Deferred.fromCoroutine(run())

    def test_a_cut_line_is_dialled_again(self) -> Deferred[None]:
        async def run() -> None:
            await self.online()
            self.node.sockets[0].transport.abortConnection()
            await self.until(lambda: len(self.node.sockets) == 2 and self.link.online, "back")
            self.assertEqual(self.events, ["registered connection", "disconnected", "registered connection"])
            self.assertEqual(self.link.epoch, 2)

        return Deferred.fromCoroutine(run())

    def test_a_restarting_node_is_left_in_good_order(self) -> Deferred[None]:
        async def run() -> None:
            await self.online()
            first = self.node.sockets[0]
            first.say(type="relay.restart")
            await self.until(lambda: len(self.node.sockets) == 2 and self.link.online, "back")
            self.assertTrue(first.wasClean)

        return Deferred.fromCoroutine(run())

    def test_an_error_instead_of_the_ack_ends_it(self) -> Deferred[None]:
        async def run() -> None:
            self.node.greeting = [{"type": "error", "message": "you are not a member of this organisation"}]
            self.link.startService()
            await self.until(lambda: self.link.state is LinkState.REFUSED, "refused")
            self.assertIn("not a member", self.link.detail)
            self.assertEqual(len(self.node.tokens), 1)

        return Deferred.fromCoroutine(run())

    def test_a_message_over_the_limit_ends_the_connection_and_not_the_link(self) -> Deferred[None]:
        async def run() -> None:
            await self.online()
            self.node.sockets[0].say(type="pty.input", data="x" * (MAX_MESSAGE_BYTES + 1))
            await self.until(lambda: len(self.node.sockets) == 2 and self.link.online, "back")
            self.assertNotIn("pty.input", self.events)

        return Deferred.fromCoroutine(run())

    def test_a_node_that_does_not_read_is_noticed(self) -> Deferred[None]:
        async def run() -> None:
            await self.online()
            node = self.node.sockets[0]
            node.transport.pauseProducing()
            message = PtyOutput(session_id="s", data="x" * 100_000)
            sent = 0
            while "congested" not in self.events:
                self.assertTrue(self.link.send(message))
                sent += 1
                self.assertLess(sent * 100_000, 64 * 1024 * 1024)
                if sent % 10 == 0:
                    await deferLater(reactor, 0)
            self.assertGreater(sent * len(codec.write(message)), LINK_PAUSE_BYTES)
            room = Deferred.fromCoroutine(self.link.room())
            self.assertNoResult(room)
            node.transport.resumeProducing()
            await room
            await self.until(lambda: len(self.node.heard) == 1 + sent, "all of it")
            self.assertEqual(self.events[1:], ["congested", "has_room"])

        return Deferred.fromCoroutine(run())

    def test_stops_and_starts(self) -> Deferred[None]:
        async def run() -> None:
            await self.online()
            await self.link.stopService()
            self.assertIs(self.link.state, LinkState.STOPPED)
            await self.until(lambda: self.node.sockets[0].wasClean, "a clean end")
            await self.online()
            self.assertEqual(len(self.node.sockets), 2)

        return Deferred.fromCoroutine(run())
