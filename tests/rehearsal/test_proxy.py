"""The public proxy between real sockets: requests and answers, streams, WebSockets, and things that break."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import h11
from twisted.internet.defer import Deferred

from tests.rehearsal.case import (
    Answers,
    FakeMachine,
    SocketCase,
    Wire,
    eventually,
    header,
    pause,
    reactor,
    respond,
)
from wingthing.errors import OperatorError
from wingthing.rehearsal.facts import PIPELINE_BYTES
from wingthing.rehearsal.proxy import Proxy

GET = b"GET / HTTP/1.1\r\nHost: app\r\n\r\n"
LONG = 5_000_000


class ProxyCase(SocketCase):
    """Login in ewr, an edge in nrt; a port for each region and for lhr."""

    def setUp(self) -> None:
        super().setUp()
        self.login = FakeMachine(self, 1, "ewr", "login")
        self.edge = FakeMachine(self, 2, "nrt")
        self.machines = [self.login, self.edge]
        self.proxy = Proxy(reactor, "wingthing", lambda: self.machines)
        for region in ("ewr", "nrt", "lhr"):
            self.proxy.listen(region, 0)
        self.addCleanup(self.proxy.close)

    async def client(self, region: str = "ewr") -> Wire:
        return await self.connect(self.proxy.ports[region])

    async def ask(
        self, request: bytes = GET, region: str = "ewr", method: str = "GET"
    ) -> tuple[h11.Response, bytes]:
        """One request on a connection of its own."""
        wire = await self.client(region)
        wire.write(request)
        return await Answers(wire).next(method)

    async def refused(self, status: int, sentence: str, request: bytes = GET, region: str = "ewr") -> None:
        """An answer of the proxy's own."""
        head, body = await self.ask(request, region)
        self.assertEqual((head.status_code, header(head, "x-rehearsal-machine")), (status, None), body)
        self.assertIn(sentence, body.decode())


class RequestTests(ProxyCase):
    async def test_what_the_machine_sees(self) -> None:
        await self.ask(
            b"GET /a%20b?c=%C3%A4 HTTP/1.1\r\nHost: app:99\r\nX-Forwarded-For: 9.9.9.9\r\n"
            b"X-Mixed-Case: kept\r\nFly-Client-IP: forged\r\nfly-region: forged\r\n"
            b"X-Forwarded-Proto: https\r\nTE: trailers\r\nfly-replay-src: instance=forged\r\n"
            b"Cookie: a=1\r\nCookie: b=2\r\nConnection: keep-alive\r\n\r\n",
            "nrt",
        )
        (request,) = self.edge.requests
        lines = request.split("\r\n")
        self.assertEqual(lines[0], "GET /a%20b?c=%C3%A4 HTTP/1.1")
        for line in (
            "Host: app:99",
            "X-Mixed-Case: kept",
            "fly-replay-src: instance=forged",
            "Cookie: a=1",
            "Cookie: b=2",
            "Fly-Client-IP: 127.0.0.1",
            f"Fly-Forwarded-Port: {self.proxy.ports['nrt']}",
            "Fly-Region: nrt",
            "X-Forwarded-For: 9.9.9.9, 127.0.0.1",
            "X-Forwarded-Proto: http",
        ):
            self.assertIn(line, lines)
        for word in ("forged\r\nfly-region", "https", "TE:", "keep-alive"):
            self.assertNotIn(word, request)

    async def test_what_the_client_sees(self) -> None:
        self.login.answer = lambda wire: respond(
            wire,
            b"hello",
            "Set-Cookie: a=1",
            "Set-Cookie: b=2",
            "fly-replay-cache: /x/*",
            "X-Own: yes",
            status="404 Not Here",
        )
        head, body = await self.ask()
        self.assertEqual((head.status_code, head.reason, body), (404, b"Not Here", b"hello"))
        self.assertEqual(header(head, "x-rehearsal-machine"), self.login.id)
        self.assertEqual([value for name, value in head.headers if name == b"set-cookie"], [b"a=1", b"b=2"])
        self.assertEqual((header(head, "x-own"), header(head, "fly-replay-cache")), ("yes", None))

    async def test_the_machines_of_a_region_in_turn(self) -> None:
        second = FakeMachine(self, 3, "nrt")
        self.machines.append(second)
        wire = await self.client("nrt")
        answers = Answers(wire)
        found = []
        for _ in range(4):
            wire.write(GET)
            found.append((await answers.next())[1].decode())
        self.assertEqual(found, [self.edge.id, second.id] * 2)

    async def test_a_region_without_machines(self) -> None:
        self.assertIn((await self.ask(region="lhr"))[1].decode(), (self.login.id, self.edge.id))
        self.edge.ready = False
        self.assertEqual((await self.ask(region="nrt"))[1].decode(), self.login.id)

    async def test_a_client_that_says_where(self) -> None:
        for line, machine in (
            ("Fly-Prefer-Region: nrt", self.edge),
            ("Fly-Prefer-Region: fra", self.login),
            (f"Fly-Prefer-Instance-Id: {self.edge.id}", self.edge),
            ("Fly-Prefer-Instance-Id: gone", self.login),
            (f"Fly-Force-Instance-Id: {self.edge.id}", self.edge),
            ("Fly-Force-Region: nrt", self.edge),
        ):
            _head, body = await self.ask(f"GET / HTTP/1.1\r\nHost: x\r\n{line}\r\n\r\n".encode())
            if "fra" not in line:
                self.assertEqual(body.decode(), machine.id, line)
        for line in ("Fly-Force-Instance-Id: gone", "Fly-Force-Region: lhr"):
            await self.refused(503, "No machine", f"GET / HTTP/1.1\r\nHost: x\r\n{line}\r\n\r\n".encode())

    async def test_requests_sent_ahead_are_answered_in_order(self) -> None:
        wire = await self.client()
        wire.write(b"".join(b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % number for number in range(20)))
        answers = Answers(wire)
        for _ in range(20):
            await answers.next()
        self.assertEqual([r.split()[1] for r in self.login.requests], [f"/{n}" for n in range(20)])

    async def test_a_client_that_sends_ahead_without_end_is_not_read(self) -> None:
        self.login.answer = lambda _wire: None
        wire = await self.client()
        wire.write(GET)
        await eventually(lambda: self.login.requests)
        wire.write(b"GET /" + b"x" * 60_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        wire.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 200_000)
        await pause(0.1)
        (side,) = self.proxy._clients
        self.assertLess(len(side._http.trailing_data[0]), PIPELINE_BYTES + 131_072)

    async def test_heads_without_a_body(self) -> None:
        self.login.answer = lambda wire: wire.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n")
        head, body = await self.ask(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n", method="HEAD")
        self.assertEqual((header(head, "content-length"), body), ("1234", b""))
        for status in ("204 No Content", "304 Not Modified"):
            self.login.answer = lambda wire, status=status: wire.write(f"HTTP/1.1 {status}\r\n\r\n".encode())
            head, body = await self.ask()
            self.assertEqual((f"{head.status_code} {head.reason.decode()}", body), (status, b""))

    async def test_old_and_closing_clients(self) -> None:
        wire = await self.client()
        wire.write(b"GET / HTTP/1.0\r\n\r\n")
        await wire.ended()
        self.assertIn(self.login.id.encode(), wire.received)
        wire = await self.client()
        wire.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        await wire.ended()
        self.assertIn(b"Connection: close", wire.received)

    async def test_100_continue(self) -> None:
        def machine(wire: Wire) -> None:
            wire.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            wire.has(b"the body").addCallback(lambda _none: respond(wire, b"thanks"))

        self.login.answer = machine
        wire = await self.client()
        wire.write(b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 8\r\n\r\n")
        await wire.has(b"100 Continue")
        wire.write(b"the body")
        await wire.has(b"thanks")

    async def test_an_answer_that_ends_with_its_connection(self) -> None:
        def machine(wire: Wire) -> None:
            wire.write(b"HTTP/1.1 200 OK\r\n\r\nuntil the end")
            wire.close()

        self.login.answer = machine
        wire = await self.client()
        answers = Answers(wire)
        for _ in range(2):
            wire.write(GET)
            head, body = await answers.next()
            self.assertEqual((body, header(head, "transfer-encoding")), (b"until the end", "chunked"))

    async def test_a_port_that_is_taken(self) -> None:
        why = self.assertRaises(OperatorError, self.proxy.listen, "fra", self.proxy.ports["ewr"])
        self.assertIn("--port", str(why))


class StreamTests(ProxyCase):
    def collect(self, done: Callable[[bytes], bool]) -> None:
        """A machine that answers when `done(received)`."""
        self.login.answer = lambda wire: wire.until(lambda: done(wire.received)).addCallback(
            lambda _none: respond(wire, b"got it")
        )

    async def test_a_long_request(self) -> None:
        data = bytes(range(256)) * (LONG // 256)
        self.collect(lambda received: len(received) > len(data))
        _head, body = await self.ask(
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(data) + data
        )
        self.assertEqual(body, b"got it")
        self.assertTrue(self.login.server.wires[0].received.endswith(data))

    async def test_a_long_answer(self) -> None:
        data = bytes(range(256)) * (LONG // 256)
        self.login.answer = lambda wire: respond(wire, data)
        _head, body = await self.ask()
        self.assertEqual(body, data)

    async def test_chunks_both_ways(self) -> None:
        def machine(wire: Wire) -> None:
            wire.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
            wire.has(b"0\r\n\r\n").addCallback(lambda _none: wire.write(b"6\r\nsecond\r\n0\r\n\r\n"))

        self.login.answer = machine
        wire = await self.client()
        wire.write(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
        await wire.has(b"first")
        await eventually(lambda: "one" in self.login.requests[0])
        wire.write(b"3\r\ntwo\r\n0\r\n\r\n")
        head, body = await Answers(wire).next()
        self.assertEqual((body, header(head, "transfer-encoding")), (b"firstsecond", "chunked"))
        self.assertIn("Transfer-Encoding: chunked", self.login.requests[0])
        self.assertIn("two", self.login.requests[0])

    async def test_a_client_that_does_not_read(self) -> None:
        produced = Producer()

        def machine(wire: Wire) -> None:
            wire.write(b"HTTP/1.1 200 OK\r\n\r\n")
            produced.start(wire)

        self.login.answer = machine
        wire = await self.client()
        wire.transport.pauseProducing()
        wire.write(GET)
        await produced.stuck()
        sent = produced.stop()
        wire.transport.resumeProducing()
        await wire.until(lambda: wire.received.endswith(b"0\r\n\r\n"))
        _head, body = await Answers(wire).next()
        self.assertEqual(len(body), sent)

    async def test_a_machine_that_does_not_read(self) -> None:
        self.login.answer = lambda wire: wire.transport.pauseProducing()
        wire = await self.client()
        wire.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n")
        produced = Producer()
        produced.start(wire)
        await produced.stuck()
        sent = produced.stop(close=False)
        machine = self.login.server.wires[0]
        machine.transport.resumeProducing()
        await machine.until(lambda: len(machine.received) > sent)

    async def test_an_answer_before_the_end_of_the_request(self) -> None:
        self.login.answer = lambda wire: respond(wire, b"too long", status="413 No")
        wire = await self.client()
        wire.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n" + b"x" * 1_000_000)
        answers = Answers(wire)
        self.assertEqual((await answers.next())[1], b"too long")
        self.login.answer = self.login.plain
        wire.write(b"x" * 2_000_000 + GET)
        self.assertEqual((await answers.next())[1], self.login.id.encode())


class Producer:
    """Writes into a Wire for as long as its transport takes it."""

    def __init__(self) -> None:
        self.full = False
        self.sent = 0
        self._running: Deferred[None] | None = None

    def start(self, wire: Wire) -> None:
        self.wire = wire
        wire.transport.registerProducer(self, True)
        self._running = Deferred.fromCoroutine(self._run())

    async def _run(self) -> None:
        while True:
            if not self.full:
                self.wire.write(b"x" * 1_000_000)
                self.sent += 1_000_000
                assert self.sent < 200_000_000, "nothing held the writer back"
            await pause()

    async def stuck(self) -> None:
        """Back when nothing is taken any more."""
        known = -1
        while not (self.full and known == self.sent):
            known = self.sent
            await pause(0.1)

    def stop(self, close: bool = True) -> int:
        """Write no more; how much it was."""
        assert self._running is not None
        self._running.addErrback(lambda _cancelled: None)
        self._running.cancel()
        self.wire.transport.unregisterProducer()
        if close:
            self.wire.close()
        return self.sent

    def pauseProducing(self) -> None:
        self.full = True

    def resumeProducing(self) -> None:
        self.full = False

    def stopProducing(self) -> None:
        pass


class BreakTests(ProxyCase):
    async def test_a_machine_that_is_gone_and_not_known_to_be(self) -> None:
        dead = FakeMachine(self, 3, "ewr")
        dead.place = self.nobody(dead)
        self.machines.insert(0, dead)
        for _ in range(3):
            self.assertEqual((await self.ask())[1].decode(), self.login.id)

    def nobody(self, machine: FakeMachine) -> Any:
        """The place of a machine at which nothing listens."""
        return attrs.evolve(machine.place, address="127.0.0.3")

    async def test_a_machine_that_dies_before_it_answers(self) -> None:
        for cut in (Wire.close, lambda wire: wire.transport.abortConnection()):
            self.login.answer = cut
            _head, body = await self.ask(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody")
            self.assertEqual(body.decode(), self.edge.id)
            self.assertTrue(self.edge.requests[-1].endswith("body"))

    async def test_no_machine_answers(self) -> None:
        for machine in self.machines:
            machine.answer = Wire.close
        await self.refused(502, "No machine has answered")

    async def test_no_machine_runs(self) -> None:
        for machine in self.machines:
            machine.ready = False
        await self.refused(503, "No machine")
        wire = await self.client()
        answers = Answers(wire)
        wire.write(GET * 1500)
        for _ in range(1500):
            self.assertEqual((await answers.next())[0].status_code, 503)

    async def test_a_long_request_is_not_sent_to_a_second_machine(self) -> None:
        def machine(wire: Wire) -> None:
            wire.until(lambda: len(wire.received) > 1_500_000).addCallback(lambda _none: wire.close())

        self.login.answer = machine
        await self.refused(
            502,
            "cannot be sent to a second",
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1600000\r\n\r\n" + b"x" * 1_600_000,
        )
        self.assertEqual(self.edge.requests, [])

    async def test_an_answer_that_breaks_off(self) -> None:
        def machine(wire: Wire) -> None:
            wire.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of")
            wire.close()

        self.login.answer = machine
        wire = await self.client()
        wire.write(GET)
        await wire.ended()
        self.assertTrue(wire.received.endswith(b"half of"), "the client must not take it for a whole one")

    async def test_an_answer_that_is_no_http(self) -> None:
        self.login.answer = lambda wire: wire.write(b"SSH-2.0-OpenSSH\r\n\r\n")
        self.edge.ready = False
        await self.refused(502, "No machine has answered")

    async def test_a_client_that_leaves(self) -> None:
        self.login.answer = lambda _wire: None
        for request in (GET, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n"):
            wire = await self.client()
            wire.write(request)
            await eventually(lambda wire=wire: len(self.login.requests) == len(self._clients))
            wire.close()
            await self.login.server.wires[-1].ended()

    async def test_a_client_that_leaves_in_the_middle_of_the_answer(self) -> None:
        self.login.answer = lambda wire: wire.write(b"HTTP/1.1 200 OK\r\n\r\nbegun")
        wire = await self.client()
        wire.write(GET)
        await wire.has(b"begun")
        wire.transport.abortConnection()
        await self.login.server.wires[0].ended()

    async def test_what_is_no_request(self) -> None:
        for text, status in (
            (b"nonsense\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 200_000 + b"\r\n\r\n", 431),
            (b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        ):
            wire = await self.client()
            wire.write(text)
            await wire.ended()
            self.assertTrue(wire.received.startswith(b"HTTP/1.1 %d " % status), wire.received[:80])
        self.assertEqual(self.login.requests, [])

    async def test_a_body_that_is_none(self) -> None:
        self.login.answer = lambda _wire: None
        wire = await self.client()
        wire.write(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nnot a number\r\n")
        await wire.ended()
        self.assertTrue(wire.received.startswith(b"HTTP/1.1 400 "))

    async def test_the_word_of_forward_proxies(self) -> None:
        await self.refused(405, "forward proxy", b"CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n")


UPGRADE = (
    b"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Key: k\r\n\r\n"
)
SWITCHED = (
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Own: 1\r\n\r\n"
)


class SocketTests(ProxyCase):
    async def switched(self, early: bytes = b"", after: bytes = b"") -> tuple[Wire, Wire]:
        """The two ends of an open WebSocket."""
        self.login.answer = lambda wire: wire.write(SWITCHED + after)
        wire = await self.client()
        wire.write(UPGRADE + early)
        await wire.has(b"101", b"\r\n\r\n")
        return wire, self.login.server.wires[-1]

    async def test_the_handshake(self) -> None:
        wire, machine = await self.switched()
        for line in (b"HTTP/1.1 101 ", b"Upgrade: websocket", b"Connection: Upgrade", b"X-Own: 1"):
            self.assertIn(line, wire.received)
        self.assertIn(self.login.id.encode(), wire.received)
        for line in (
            b"Upgrade: websocket",
            b"Connection: Upgrade",
            b"Sec-WebSocket-Key: k",
            b"Fly-Region: ewr",
        ):
            self.assertIn(line, machine.received)

    async def test_bytes_as_they_are(self) -> None:
        wire, machine = await self.switched(early=b"\x00early", after=b"\x01soon")
        await machine.has(b"\x00early")
        await wire.has(b"\x01soon")
        data = bytes(range(256)) * 8000
        wire.write(data)
        machine.write(data[::-1])
        await machine.until(lambda: machine.received.endswith(data))
        await wire.until(lambda: wire.received.endswith(data[::-1]))

    async def test_the_end_of_either_side_is_the_end_of_the_other(self) -> None:
        wire, machine = await self.switched()
        machine.write(b"last words")
        machine.close()
        await wire.ended()
        self.assertTrue(wire.received.endswith(b"last words"))
        for end in (Wire.close, lambda wire: wire.transport.abortConnection()):
            wire, machine = await self.switched()
            end(wire)
            await machine.ended()
        wire, machine = await self.switched()
        machine.transport.abortConnection()
        await wire.ended()

    async def test_readers_that_stand_still(self) -> None:
        wire, machine = await self.switched()
        for reader, writer in ((wire, machine), (machine, wire)):
            reader.transport.pauseProducing()
            produced = Producer()
            produced.start(writer)
            await produced.stuck()
            sent, known = produced.stop(close=False), len(reader.received)
            reader.transport.resumeProducing()
            await reader.until(
                lambda reader=reader, sent=sent, known=known: len(reader.received) >= sent + known
            )

    async def test_an_upgrade_that_is_refused(self) -> None:
        self.login.answer = lambda wire: respond(wire, b"who are you?", status="401 No")
        wire = await self.client()
        answers = Answers(wire)
        wire.write(UPGRADE)
        self.assertEqual((await answers.next())[1], b"who are you?")
        self.login.answer = self.login.plain
        wire.write(GET)
        self.assertEqual((await answers.next())[1], self.login.id.encode())

    async def test_cut_off_from_the_public(self) -> None:
        wire, machine = await self.switched()
        self.proxy.cut(self.login.id)
        wire.write(b"forth")
        machine.write(b"back")
        await pause(0.1)
        self.assertFalse(machine.received.endswith(b"forth") or wire.received.endswith(b"back"))
        waiting = await self.client()
        waiting.write(UPGRADE)
        await pause(0.05)
        self.assertEqual(len(self.login.requests), 1)
        self.proxy.heal(self.login.id)
        await machine.has(b"forth")
        await wire.has(b"back")
        await waiting.has(b"101")
