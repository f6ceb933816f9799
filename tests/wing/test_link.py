"""The link's life: registering, heartbeats, coming back, giving up."""

from __future__ import annotations

from typing import Any

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from wingthing.errors import OperatorError, TemporarilyUnavailable
from wingthing.wing.link import Link, LinkState, Login
from wingthing.wing.link_socket import End
from wingthing.wing.roost import Roost
from wingthing.wire import codec
from wingthing.wire.limits import (
    CLOSE_HANDSHAKE_SECONDS,
    HEARTBEAT_SECONDS,
    MAX_MESSAGE_BYTES,
    REGISTER_TIMEOUT_SECONDS,
)
from wingthing.wire.messages import PtyExited, PtyOutput, WingRegister
from wingthing.wire.node_messages import Registered

WING_ID = "a" * 24
ROOST = Roost.parse("http://node.example:8080")
ACK = codec.write({"type": "registered", "wing_id": "connection", "relay_pub_key": "key"})


class FakeSocket:
    """One attempt to connect, as the node sees it."""

    def __init__(self, token: str, events: Any) -> None:
        self.token = token
        self.events = events
        self.sent: list[dict[str, Any]] = []
        self.left: tuple[int, str] | None = None
        self.was_cut = False
        self.waiting = 0

    def send(self, message: bytes) -> None:
        self.sent.append(msgspec.json.decode(message))

    def leave(self, code: int, reason: str) -> None:
        self.left = (code, reason)

    def cut(self) -> None:
        self.was_cut = True

    def open(self) -> None:
        self.events.opened(self)

    def say(self, kind: str, **fields: Any) -> None:
        self.events.received(codec.write({"type": kind, **fields}))

    def register(self) -> None:
        self.open()
        self.events.received(ACK)

    def end(self, reason: str = "gone", status: int | None = None) -> None:
        self.events.ended(End(reason, status=status))


class LinkCase(TestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.sockets: list[FakeSocket] = []
        self.heard: list[Any] = []
        self.states: list[tuple[LinkState, str]] = []
        self.refusal: Exception | None = None
        self.token = "token-1"
        self.link = Link(self.clock, self.dial, self.login, self, lambda: 1.0)

    # -- the dialer and the handler ----

    def dial(self, roost: Roost, token: str, events: Any) -> Any:
        socket = FakeSocket(token, events)
        self.sockets.append(socket)
        return socket.cut

    async def login(self) -> Login:
        if self.refusal is not None:
            raise self.refusal
        return Login(ROOST, self.token, WingRegister(wing_id=WING_ID))

    def registered(self, ack: Registered) -> None:
        self.heard.append("registered")

    def received(self, kind: str, message: bytes) -> None:
        self.heard.append(kind)
        if kind == "pty.kill":
            raise ZeroDivisionError

    def disconnected(self) -> None:
        self.heard.append("disconnected")

    def congested(self) -> None:
        self.heard.append("congested")

    def has_room(self) -> None:
        self.heard.append("has_room")

    def state_changed(self, state: LinkState, detail: str) -> None:
        self.states.append((state, detail))

    def online(self) -> FakeSocket:
        self.link.startService()
        self.sockets[-1].register()
        return self.sockets[-1]


class RegisterTests(LinkCase):
    def test_registers_first(self) -> None:
        socket = self.online()
        self.assertEqual(socket.token, "token-1")
        self.assertEqual(socket.sent[0]["type"], "wing.register")
        self.assertEqual(socket.sent[0]["wing_id"], WING_ID)
        self.assertTrue(self.link.online)
        self.assertEqual(self.link.epoch, 1)
        self.assertEqual(self.heard, ["registered"])
        self.assertEqual(self.states[-1], (LinkState.ONLINE, "connected to http://node.example:8080"))

    def test_nothing_is_sent_or_heard_before_the_ack(self) -> None:
        self.link.startService()
        (socket,) = self.sockets
        socket.open()
        self.assertFalse(self.link.send(PtyExited(session_id="s", exit_code=0)))
        socket.say("pty.start", session_id="s")
        self.assertEqual(len(socket.sent), 1)
        self.assertEqual(self.heard, [])

    def test_no_ack_in_time(self) -> None:
        self.link.startService()
        self.sockets[0].open()
        self.clock.advance(REGISTER_TIMEOUT_SECONDS)
        self.assertTrue(self.sockets[0].was_cut)
        self.clock.advance(1)
        self.assertEqual(len(self.sockets), 2)

    def test_heartbeats(self) -> None:
        socket = self.online()
        for _ in range(3):
            self.clock.advance(HEARTBEAT_SECONDS)
        self.assertEqual(socket.sent[1:], [{"type": "wing.heartbeat", "wing_id": WING_ID}] * 3)
        socket.end()
        self.clock.advance(HEARTBEAT_SECONDS)
        self.assertEqual(len(socket.sent), 4)

    def test_an_error_before_the_ack_ends_it(self) -> None:
        self.link.startService()
        (socket,) = self.sockets
        socket.open()
        socket.say("error", message="this wing_id belongs to another account")
        self.assertIsNotNone(socket.left)
        socket.end()
        self.clock.advance(100)
        self.assertEqual(len(self.sockets), 1)
        self.assertIs(self.link.state, LinkState.REFUSED)
        self.assertIn("another account", self.link.detail)

    def test_an_error_after_the_ack_is_only_logged(self) -> None:
        socket = self.online()
        socket.say("error", message="what was that")
        self.assertTrue(self.link.online)

    def test_a_second_ack_changes_nothing(self) -> None:
        socket = self.online()
        socket.events.received(ACK)
        self.assertEqual((self.heard, self.link.epoch), (["registered"], 1))


class ReconnectTests(LinkCase):
    def test_comes_back_with_growing_pauses(self) -> None:
        self.link.startService()
        for pause in (1, 2, 4, 8, 10, 10):
            tries = len(self.sockets)
            self.sockets[-1].end("connection refused")
            self.assertEqual(self.states[-1][0], LinkState.WAITING)
            self.assertIn("connection refused", self.states[-1][1])
            self.clock.advance(pause - 0.01)
            self.assertEqual(len(self.sockets), tries)
            self.clock.advance(0.01)
            self.assertEqual(len(self.sockets), tries + 1)

    def test_pauses_begin_anew_after_a_time_online(self) -> None:
        self.online()
        for _ in range(4):
            self.sockets[-1].end()
            self.clock.advance(10)
        self.sockets[-1].register()
        self.clock.advance(60)
        self.sockets[-1].end()
        self.clock.advance(1)
        self.sockets[-1].register()
        self.assertEqual(self.link.epoch, 3)

    def test_being_thrown_out_again_and_again_does_not_hammer(self) -> None:
        self.online()
        for _ in range(5):
            self.sockets[-1].end()
            self.clock.advance(10)
            self.sockets[-1].register()
        before = len(self.sockets)
        self.sockets[-1].end()
        self.clock.advance(9.9)
        self.assertEqual(len(self.sockets), before)

    def test_registers_anew_with_the_login_of_the_day(self) -> None:
        self.online().end()
        self.token = "token-2"
        self.clock.advance(1)
        self.sockets[-1].register()
        self.assertEqual(self.sockets[-1].token, "token-2")
        self.assertEqual(self.heard, ["registered", "disconnected", "registered"])

    def test_401_ends_it_with_a_sentence(self) -> None:
        self.link.startService()
        self.sockets[0].end("the token has expired: log in again", status=401)
        self.clock.advance(1000)
        self.assertEqual(len(self.sockets), 1)
        self.assertIs(self.link.state, LinkState.REFUSED)
        self.assertIn("wt login", self.link.detail)
        self.assertIn("expired", self.link.detail)

    def test_every_other_status_is_a_passing_fault(self) -> None:
        for status in (403, 404, 426, 500, 502, 503):
            self.setUp()
            self.link.startService()
            self.sockets[0].end("no", status=status)
            self.assertIn(str(status), self.link.detail)
            self.clock.advance(1)
            self.assertEqual(len(self.sockets), 2)

    def test_the_server_of_the_same_process_is_not_looked_for_again(self) -> None:
        self.link = Link(self.clock, self.dial, self.login, self, lambda: 1.0, inside=True)
        socket = self.online()
        socket.say("relay.restart")
        socket.end()
        self.clock.advance(60)
        self.assertEqual(len(self.sockets), 1)
        self.assertEqual(self.states[-1], (LinkState.STOPPED, ""))
        self.successResultOf(self.link.stopService())

    def test_the_server_of_the_same_process_is_found_again_when_only_the_line_breaks(self) -> None:
        self.link = Link(self.clock, self.dial, self.login, self, lambda: 1.0, inside=True)
        self.online().end()
        self.clock.advance(60)
        self.assertEqual(len(self.sockets), 2)
        self.link.stopService()

    def test_a_restarting_server_is_left_and_found_again(self) -> None:
        socket = self.online()
        socket.say("relay.restart")
        self.assertIsNotNone(socket.left)
        socket.end()
        self.clock.advance(1)
        self.assertEqual(len(self.sockets), 2)

    def test_a_login_that_cannot_work_ends_it(self) -> None:
        self.refusal = OperatorError("run 'wt login'")
        self.link.startService()
        self.assertEqual((self.link.state, self.link.detail), (LinkState.REFUSED, "run 'wt login'"))
        self.assertEqual(self.sockets, [])

    def test_a_login_that_cannot_be_checked_now_is_tried_again(self) -> None:
        self.refusal = TemporarilyUnavailable("no answer")
        self.link.startService()
        self.assertIs(self.link.state, LinkState.WAITING)
        self.refusal = None
        self.clock.advance(1)
        self.assertEqual(len(self.sockets), 1)


class StopTests(LinkCase):
    def test_leaves_in_good_order(self) -> None:
        socket = self.online()
        stopped = self.link.stopService()
        self.assertEqual(socket.left, (1000, "the wing stops"))
        self.assertNoResult(stopped)
        socket.end()
        self.successResultOf(stopped)
        self.assertIs(self.link.state, LinkState.STOPPED)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertNotIn(LinkState.WAITING, [state for state, _detail in self.states])

    def test_does_not_wait_for_a_silent_server(self) -> None:
        socket = self.online()
        stopped = self.link.stopService()
        self.clock.advance(CLOSE_HANDSHAKE_SECONDS)
        self.assertTrue(socket.was_cut)
        self.successResultOf(stopped)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stops_while_it_connects_or_waits(self) -> None:
        self.link.startService()
        self.successResultOf(self.link.stopService())
        self.assertTrue(self.sockets[0].was_cut)
        self.link.startService()
        self.sockets[1].end()
        self.successResultOf(self.link.stopService())
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_starts_again(self) -> None:
        socket = self.online()
        stopped = self.link.stopService()
        socket.end()
        self.successResultOf(stopped)
        self.online()
        self.assertTrue(self.link.online)

    def test_stops_while_the_login_is_checked(self) -> None:
        never: Deferred[Login] = Deferred()

        async def login() -> Login:
            return await never

        self.link = Link(self.clock, self.dial, login, self, lambda: 1.0)
        self.link.startService()
        self.successResultOf(self.link.stopService())
        self.assertEqual((self.sockets, self.clock.getDelayedCalls()), ([], []))


class TrafficTests(LinkCase):
    def test_messages_reach_the_handler(self) -> None:
        socket = self.online()
        socket.say("pty.input", session_id="s", data="x")
        socket.say("something.new")
        self.assertEqual(self.heard, ["registered", "pty.input", "something.new"])

    def test_nonsense_ends_nothing(self) -> None:
        socket = self.online()
        for message in (b"", b"[]", b"{}", b"nonsense", b'{"type": 5}', b"[" * 100_000, b"\xff"):
            socket.events.received(message)
        for kind in ("registered", "error"):
            socket.say(kind)
        self.assertTrue(self.link.online)
        self.assertEqual(self.heard, ["registered"])

    def test_a_message_too_long_is_not_sent(self) -> None:
        socket = self.online()
        self.assertFalse(self.link.send(PtyOutput(session_id="s", data="x" * MAX_MESSAGE_BYTES)))
        self.assertEqual(len(self.flushLoggedErrors()), 0)
        self.assertEqual(len(socket.sent), 1)

    def test_room(self) -> None:
        socket = self.online()
        self.successResultOf(Deferred.fromCoroutine(self.link.room()))
        socket.events.congested()
        waiting = Deferred.fromCoroutine(self.link.room())
        self.assertNoResult(waiting)
        socket.events.has_room()
        self.successResultOf(waiting)
        self.assertEqual(self.heard[1:], ["congested", "has_room"])

    def test_nobody_waits_for_a_link_that_is_gone(self) -> None:
        socket = self.online()
        socket.events.congested()
        waiting = Deferred.fromCoroutine(self.link.room())
        socket.end()
        self.successResultOf(waiting)
