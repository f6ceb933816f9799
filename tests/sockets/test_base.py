"""What all sockets share: limits, refusals, slow readers, timers, the end."""

from __future__ import annotations

import json

from twisted.internet.interfaces import IPushProducer

from tests.sockets.case import SocketTestCase, output
from wingthing.errors import PeerError
from wingthing.sockets.base import RelaySocket
from wingthing.sockets.viewer import ViewerSocket
from wingthing.testing import (
    OP_BINARY,
    OP_CLOSE,
    OP_CONTINUATION,
    OP_PING,
    OP_PONG,
    PUBLIC_KEY,
    WING_ID,
    FakePeer,
    FrameClient,
    frame,
    identity,
)
from wingthing.wire import codec
from wingthing.wire.closing import CloseCode
from wingthing.wire.limits import (
    CLOSE_HANDSHAKE_SECONDS,
    MAX_MESSAGE_BYTES,
    OUTBOX_BYTES,
    OUTBOX_RESUME_BYTES,
    PING_SECONDS,
    PING_TIMEOUT_SECONDS,
    WING_OUTBOX_BYTES,
)

CLOSED_BY_PEER = frame(b"\x03\xe8", OP_CLOSE)


class PeerContractTests(SocketTestCase):
    """The fake peer of the relay's tests offers what a real socket offers."""

    def test_both_have_the_same_interface(self) -> None:
        socket = ViewerSocket(identity(), "", frozenset())
        for name in ("full", "waiting", "send", "close", "pause_reading", "resume_reading"):
            self.assertTrue(hasattr(socket, name) and hasattr(FakePeer(), name), name)

    def test_both_take_nothing_after_close(self) -> None:
        browser = self.browser()
        (viewer,) = self.router._viewers
        for peer in (viewer.peer, FakePeer()):
            peer.close(CloseCode.GOING_AWAY, "bye")
            peer.send(b"{}")
            peer.close(CloseCode.NORMAL, "again")
        self.assertEqual([opcode for opcode, _ in browser.frames()], [OP_CLOSE])

    def test_reading_pauses_and_resumes_the_line(self) -> None:
        browser = self.browser()
        (viewer,) = self.router._viewers
        self.assertEqual(browser.line.producerState, "producing")
        viewer.peer.pause_reading()
        self.assertEqual(browser.line.producerState, "paused")
        viewer.peer.resume_reading()
        self.assertEqual(browser.line.producerState, "producing")

    def test_the_outbox_is_the_producer_of_the_line(self) -> None:
        browser = self.browser()
        (viewer,) = self.router._viewers
        assert isinstance(viewer.peer, RelaySocket)
        self.assertIs(browser.line.producer, viewer.peer.outbox)
        self.assertTrue(IPushProducer.providedBy(viewer.peer.outbox))
        self.assertTrue(browser.line.streaming)


class BadInputTests(SocketTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.laptop = self.wing()
        self.other = self.browser()
        self.session_id = self.terminal(self.other, self.laptop)

    def others_go_on(self) -> None:
        """Bad input never kills a connection that did not send it."""
        self.laptop.say("pty.output", **output(self.session_id))
        self.assertEqual([m["type"] for m in self.other.messages()], ["pty.output"])
        self.other.say("pty.input", session_id=self.session_id, data="eA==")
        self.assertEqual([m["type"] for m in self.laptop.messages()], ["pty.input"])

    def closes_with(self, code: int, *chunks: bytes) -> None:
        for path in ("/ws/pty", "/ws/app"):
            client = self.browser(path=path)
            for chunk in chunks:
                client.send_raw(chunk)
            self.assertEqual(client.close_code(), code, path)
            client.send_raw(CLOSED_BY_PEER)
            client.line.end()
        wing = self.wing("b" * 24)
        for chunk in chunks:
            wing.send_raw(chunk)
        self.assertEqual(wing.close_code(), code)
        wing.line.end()
        self.others_go_on()
        self.assertEqual(self.router.open_sockets, 2)

    def test_not_json_is_answered_and_the_socket_stays(self) -> None:
        for message in (b"", b"not json", b"[]", b"{}", b'{"type":5}', b"{" * 5000):
            self.other.send_raw(frame(message))
            self.assertEqual([m["type"] for m in self.other.messages()], ["error"], message)
        self.others_go_on()

    def test_a_binary_frame(self) -> None:
        self.closes_with(CloseCode.NOT_TEXT, frame(b'{"type":"pty.kill"}', OP_BINARY))

    def test_nothing_is_done_after_a_binary_frame(self) -> None:
        kill = codec.write({"type": "pty.kill", "session_id": self.session_id})
        self.other.send_raw(frame(b"\x00", OP_BINARY) + frame(kill))
        self.assertEqual(self.laptop.messages(), [])

    def test_a_message_of_600_kib(self) -> None:
        self.closes_with(CloseCode.TOO_BIG, frame(b"x" * 600 * 1024))

    def test_a_message_of_600_kib_announced_and_never_sent(self) -> None:
        self.closes_with(CloseCode.TOO_BIG, frame(b"x" * 600 * 1024)[:20])

    def test_a_message_of_600_kib_in_fragments(self) -> None:
        part = b"x" * 100 * 1024
        chunks = [frame(part, fin=False), *(frame(part, OP_CONTINUATION, fin=False) for _ in range(5))]
        self.closes_with(CloseCode.TOO_BIG, *chunks)

    def test_the_largest_message_passes(self) -> None:
        head = codec.write({"type": "pty.input", "session_id": self.session_id, "data": ""})
        message = head[:-2] + b"A" * (MAX_MESSAGE_BYTES - len(head)) + head[-2:]
        self.other.send_raw(frame(message))
        self.assertEqual([payload for _, payload in self.laptop.frames()], [message])
        self.other.send_raw(frame(message[:-2] + b"A" + message[-2:]))
        self.assertEqual(self.other.close_code(), CloseCode.TOO_BIG)

    def test_what_is_not_utf8(self) -> None:
        for bad in (b"\xff", b'{"type":"pty.kill","x":"\xc3\x28"}', b"\xed\xa0\x80", b'{"x":"\xe2\x82'):
            self.closes_with(CloseCode.NOT_UTF8, frame(bad))

    def test_frames_that_break_the_protocol(self) -> None:
        for bad in (
            frame(b"{}", masked=False),
            frame(b"{}", OP_CONTINUATION),
            frame(b"{}", 3),
            frame(b"x" * 126, OP_PING),
            frame(b"", OP_PING, fin=False),
            bytes([0xC1]) + frame(b"{}")[1:],
        ):
            self.closes_with(1002, bad)

    def test_a_message_in_pieces_of_one_byte(self) -> None:
        message = codec.write({"type": "pty.input", "session_id": self.session_id, "data": "eA=="})
        for byte in (
            frame(message[:20], fin=False) + frame(b"!", OP_PING) + frame(message[20:], OP_CONTINUATION)
        ):
            self.other.send_raw(bytes([byte]))
        self.assertEqual([payload for _, payload in self.laptop.frames()], [message])
        self.assertEqual(self.other.frames(), [(OP_PONG, b"!")])

    def test_many_messages_in_one_chunk(self) -> None:
        message = codec.write({"type": "pty.input", "session_id": self.session_id, "data": "eA=="})
        self.other.send_raw(frame(message) * 500)
        self.assertEqual([payload for _, payload in self.laptop.frames()], [message] * 500)

    def test_a_bug_of_ours_is_logged_and_answered(self) -> None:
        def broken() -> str:
            raise ZeroDivisionError("secret detail")

        self.router.new_session_id = broken
        self.other.say("pty.start", agent="shell", cols=80, rows=24, public_key=PUBLIC_KEY, request_id="r1")
        said = self.other.messages()
        self.assertEqual([(m["type"], m["request_id"]) for m in said], [("error", "r1")])
        self.assertNotIn("secret", json.dumps(said))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.others_go_on()


class SlowViewerTests(SocketTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.laptop = self.wing()
        self.slow, self.quick = self.browser(), self.browser()
        self.slow_id = self.terminal(self.slow, self.laptop)
        self.quick_id = self.terminal(self.quick, self.laptop)

    def flood(self, total: int) -> None:
        message = frame(codec.write({"type": "pty.output", **output(self.slow_id, 64 * 1024)}))
        for _ in range(total // (64 * 1024)):
            self.laptop.send_raw(message)

    def test_it_is_closed_by_name_and_costs_at_most_the_bound(self) -> None:
        self.slow.line.stall()
        (socket,) = [v.peer for v in self.router._viewers if self.slow_id in v.controls]
        assert isinstance(socket, RelaySocket)
        most = 0
        for _ in range(20):
            self.flood(10 * 1024 * 1024)
            most = max(most, socket.outbox.size)
            self.laptop.say("pty.output", **output(self.quick_id))
            self.assertEqual(len(self.quick.messages()), 1)
        self.assertLessEqual(most, OUTBOX_BYTES)
        self.assertEqual(socket.outbox.size, 0)
        self.assertLess(len(self.slow.line.value()), 200 * 1024)
        self.assertEqual(self.slow.close_code(), CloseCode.TOO_SLOW)
        self.assertEqual(self.factory.cut_off, {"browser": 1})

    def test_frames_are_never_cut(self) -> None:
        self.slow.line.stall()
        self.flood(3 * OUTBOX_BYTES)
        self.slow.line.flow()
        found = self.slow.frames()
        self.assertEqual(found[-1][0], OP_CLOSE)
        for _, payload in found[:-1]:
            json.loads(payload)
        self.assertEqual(sum(len(payload) for _, payload in found), sum(len(p) for _, p in found))

    def test_one_that_reads_again_in_time_gets_everything_in_order(self) -> None:
        self.slow.line.stall()
        for number in range(100):
            self.laptop.say("pty.output", session_id=self.slow_id, data=f"{number}")
        self.slow.line.flow()
        self.assertEqual([m["data"] for m in self.slow.messages()], [str(number) for number in range(100)])

    def test_it_comes_back_and_attaches(self) -> None:
        self.slow.line.stall()
        self.flood(2 * OUTBOX_BYTES)
        back = self.browser()
        back.say("pty.attach", session_id=self.slow_id, public_key=PUBLIC_KEY, wing_id=WING_ID)
        self.assertEqual(self.laptop.messages()[-1]["type"], "pty.attach")
        self.laptop.say("pty.started", session_id=self.slow_id, agent="shell", public_key=PUBLIC_KEY)
        self.laptop.say("pty.output", **output(self.slow_id))
        self.assertEqual([m["type"] for m in back.messages()], ["pty.started", "pty.output"])
        self.clock.advance(CLOSE_HANDSHAKE_SECONDS + 1)
        self.assertTrue(self.slow.line.aborted)
        self.slow.line.end()
        self.laptop.say("pty.output", **output(self.slow_id))
        self.assertEqual([m["type"] for m in back.messages()], ["pty.output"])

    def test_one_that_never_answers_the_close_is_cut_off(self) -> None:
        self.slow.line.stall()
        self.flood(2 * OUTBOX_BYTES)
        self.assertFalse(self.slow.line.aborted)
        self.clock.advance(CLOSE_HANDSHAKE_SECONDS + 1)
        self.assertTrue(self.slow.line.aborted)
        self.slow.line.end()
        self.assertEqual(self.router.open_sockets, 2)
        self.assertEqual(self.router.route_count, 1)

    def test_a_slow_dashboard_is_closed_too(self) -> None:
        dashboard = self.browser(path="/ws/app")
        dashboard.line.stall()
        event = frame(codec.write({"type": "session.attention", "session_id": self.slow_id}))
        for _ in range(OUTBOX_BYTES // 80):
            self.laptop.send_raw(event)
        self.assertEqual(dashboard.close_code(), CloseCode.TOO_SLOW)
        self.assertEqual(self.factory.cut_off, {"dashboard": 1})


class SlowWingTests(SocketTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.laptop = self.wing()
        self.desk = self.wing("d" * 24)
        self.typist, self.onlooker = self.browser(), self.browser()
        self.session_id = self.terminal(self.typist, self.laptop)
        self.other_id = self.terminal(self.onlooker, self.laptop)

    def paste(self, browser: FrameClient, session_id: str, total: int = OUTBOX_BYTES + 128 * 1024) -> int:
        """Type until the line is paused; how many messages that were."""
        message = frame(codec.write({"type": "pty.input", "session_id": session_id, "data": "A" * 64 * 1024}))
        for number in range(total // (64 * 1024)):
            if browser.line.producerState != "producing":
                return number
            browser.send_raw(message)
        return total // (64 * 1024)

    def test_it_pauses_who_writes_to_it_and_releases_them(self) -> None:
        self.laptop.line.stall()
        sent = self.paste(self.typist, self.session_id)
        self.assertEqual(self.typist.line.producerState, "paused")
        self.assertEqual(self.onlooker.line.producerState, "producing")
        self.assertEqual(self.paste(self.onlooker, self.other_id), 1)
        self.laptop.line.flow()
        self.assertEqual(self.typist.line.producerState, "producing")
        self.assertEqual(self.onlooker.line.producerState, "producing")
        self.assertEqual(len(self.laptop.messages()), sent + 1)

    def test_they_are_released_only_when_there_is_room(self) -> None:
        self.laptop.line.stall()
        self.paste(self.typist, self.session_id)
        (wing,) = [w for w in self.router.wings.online() if w.record.wing_id == WING_ID]
        assert wing.link is not None
        socket = wing.link.peer
        assert isinstance(socket, RelaySocket)
        while socket.outbox.size > OUTBOX_RESUME_BYTES:
            self.assertEqual(self.typist.line.producerState, "paused")
            # The line takes one message and is full again.
            socket.outbox.resumeProducing()
        self.assertEqual(self.typist.line.producerState, "producing")

    def test_the_other_way_and_other_wings_go_on(self) -> None:
        self.laptop.line.stall()
        self.paste(self.typist, self.session_id)
        self.laptop.say("pty.output", **output(self.session_id))
        self.assertEqual([m["type"] for m in self.typist.messages()], ["pty.output"])
        self.onlooker.say("pty.start", agent="shell", cols=80, rows=24, public_key="k", wing_id="d" * 24)
        self.assertEqual([m["type"] for m in self.desk.messages()], ["pty.start"])

    def test_a_wing_that_is_cut_off_releases_them(self) -> None:
        self.laptop.line.stall()
        self.paste(self.typist, self.session_id)
        self.laptop.line.end()
        self.assertEqual(self.typist.line.producerState, "producing")
        self.assertEqual([m["type"] for m in self.typist.messages()], ["wing.offline"])

    def test_a_wing_that_comes_back_on_a_new_line_releases_them(self) -> None:
        self.laptop.line.stall()
        self.paste(self.typist, self.session_id)
        again = self.wing()
        self.assertEqual(self.typist.line.producerState, "producing")
        self.typist.say("pty.input", session_id=self.session_id, data="eA==")
        self.assertEqual([m["type"] for m in again.messages()], ["pty.input"])

    def test_browsers_that_come_and_go_do_not_fill_the_memory(self) -> None:
        """Each adds a message to a full outbox before it is held, leaves, and another one comes."""
        self.laptop.line.stall()
        self.paste(self.typist, self.session_id)
        (wing,) = [w for w in self.router.wings.online() if w.record.wing_id == WING_ID]
        assert wing.link is not None
        socket = wing.link.peer
        assert isinstance(socket, RelaySocket)
        most = 0
        for _ in range(40):
            browser = self.browser()
            browser.say(
                "pty.attach", session_id=self.session_id, public_key="A" * 500 * 1024, wing_id=WING_ID
            )
            most = max(most, socket.outbox.size)
            browser.line.end()
        self.assertLessEqual(most, WING_OUTBOX_BYTES)
        self.assertEqual(self.laptop.close_code(), CloseCode.TOO_SLOW)
        self.assertEqual(self.factory.cut_off, {"wing": 1})


class TimerTests(SocketTestCase):
    def test_an_idle_socket_is_pinged_and_lives_while_it_answers(self) -> None:
        browser = self.browser()
        for _ in range(5):
            self.clock.advance(PING_SECONDS + 1)
            pings = [payload for opcode, payload in browser.frames() if opcode == OP_PING]
            self.assertEqual(len(pings), 1)
            browser.send_raw(frame(pings[0], OP_PONG))
        self.assertFalse(browser.line.aborted)

    def test_a_peer_that_is_gone_without_a_word_is_noticed(self) -> None:
        laptop, browser = self.wing(), self.browser()
        self.terminal(browser, laptop)
        self.clock.advance(PING_SECONDS + 1)
        ping = next(payload for opcode, payload in browser.frames() if opcode == OP_PING)
        browser.send_raw(frame(ping, OP_PONG))
        self.clock.advance(PING_TIMEOUT_SECONDS + 1)
        self.assertEqual((laptop.line.aborted, browser.line.aborted), (True, False))
        laptop.line.end()
        self.assertEqual([m["type"] for m in browser.messages()], ["wing.offline"])

    def test_nothing_is_left_on_the_clock(self) -> None:
        clients = [self.wing(), self.browser(), self.browser(path="/ws/app")]
        self.clock.advance(PING_SECONDS + 1)
        for client in clients:
            client.line.end()
        self.clock.advance(1)
        self.assertEqual(self.router.open_sockets, 0)
        # Autobahn's buckets of timers run once more, empty.
        self.clock.advance(PING_SECONDS + PING_TIMEOUT_SECONDS)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class EndTests(SocketTestCase):
    def test_a_peer_that_says_goodbye(self) -> None:
        browser = self.browser()
        browser.send_raw(CLOSED_BY_PEER)
        self.assertEqual(browser.close_code(), CloseCode.NORMAL)
        self.assertTrue(browser.line.disconnecting)
        self.assertIsNone(browser.line.producer)
        browser.line.end(clean=True)
        self.assertEqual(self.router.open_sockets, 0)

    def test_one_that_says_goodbye_and_does_not_read_is_cut_off(self) -> None:
        browser = self.browser()
        laptop = self.wing()
        session_id = self.terminal(browser, laptop)
        browser.line.stall()
        for _ in range(10):
            laptop.say("pty.output", **output(session_id, 64 * 1024))
        browser.send_raw(CLOSED_BY_PEER)
        self.clock.advance(CLOSE_HANDSHAKE_SECONDS + 1)
        self.assertTrue(browser.line.aborted)

    def test_messages_that_wait_go_out_before_the_close(self) -> None:
        browser = self.browser()
        browser.line.stall()
        self.router.announce_restart()
        self.router.announce_restart()
        self.router.close_all()
        self.assertEqual(browser.close_code(), None)
        browser.line.flow()
        self.assertEqual(browser.close_code(), CloseCode.GOING_AWAY)

    def test_nothing_is_taken_while_the_close_waits_its_turn(self) -> None:
        laptop, browser = self.wing(), self.browser()
        session_id = self.terminal(browser, laptop)
        browser.line.stall()
        for _ in range(2):
            laptop.say("pty.output", **output(session_id))
        (viewer,) = self.router._viewers
        viewer.peer.close(CloseCode.GOING_AWAY, "bye")
        browser.say("pty.input", session_id=session_id, data="eA==")
        self.assertEqual(laptop.frames(), [])
        browser.line.flow()
        self.assertEqual([opcode for opcode, _ in browser.frames()], [1, 1, OP_CLOSE])

    def test_the_end_is_told_once(self) -> None:
        laptop, browser = self.wing(), self.browser()
        session_id = self.terminal(browser, laptop)
        laptop.line.end()
        laptop.line.end()
        self.assertEqual([m["type"] for m in browser.messages()], ["wing.offline"])
        browser.line.end()
        self.assertEqual(self.router.route_count, 0)
        self.assertEqual(len(session_id), 8)

    def test_a_socket_that_never_opened_ends_nothing(self) -> None:
        socket = ViewerSocket(identity(), "", frozenset())
        socket.onClose(False, 1006, "never opened")
        self.assertTrue(socket.outbox.closed)

    def test_reasons_fit_into_a_close_frame(self) -> None:
        """RFC 6455 section 5.5: at most 123 bytes."""
        laptop = self.wing(register=False)
        laptop.say("pty.output", session_id="x" * 60, data="")
        for opcode, payload in laptop.frames():
            if opcode == OP_CLOSE:
                self.assertLessEqual(len(payload), 125)

    def test_a_socket_must_say_what_it_takes(self) -> None:
        self.assertIsInstance(PeerError("x"), Exception)
        socket = RelaySocket()
        socket.send_message = lambda message: None  # type: ignore[method-assign]
        socket.message_received(b"{}")
        self.assertFalse(socket.outbox.closed)
