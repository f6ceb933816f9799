"""Replays: followed, chained, refused, and come back."""

from __future__ import annotations

import attrs
import h11

from tests.rehearsal.case import FakeMachine, Wire, eventually, header, pause, reactor, respond
from tests.rehearsal.test_proxy import GET, SWITCHED, UPGRADE, ProxyCase
from wingthing.rehearsal.facts import MOST_REPLAYS

POST = b"POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\nfly-replay-src: instance=forged\r\n\r\nthe body"


def field(request: str, name: str) -> str | None:
    """A header of a request."""
    found = [line.partition(": ")[2] for line in request.split("\r\n") if line.lower().startswith(f"{name}:")]
    return found[0] if len(found) == 1 else (None if not found else repr(found))


class ReplayCase(ProxyCase):
    def replay(self, value: str) -> None:
        """Login asks for this."""
        self.login.answer = self.login.replaying(value)

    async def comes_back(self, request: bytes = GET) -> tuple[h11.Response, bytes, dict[str, str]]:
        """An answer of login, to a request that came back; and what the header said about it."""
        asked = len(self.login.requests)
        head, body = await self.ask(request)
        self.assertEqual(len(self.login.requests), asked + 2)
        told = field(self.login.requests[-1], "fly-replay-failed")
        assert told is not None
        return head, body, dict(part.split("=", 1) for part in told.split(";"))  # type: ignore[misc]


class FollowTests(ReplayCase):
    async def test_to_a_machine_with_the_state(self) -> None:
        self.replay(f"instance={self.edge.id};state=a=b,c;timeout=5s;fallback=force_self")
        before = reactor.seconds()
        head, body = await self.ask(POST)
        self.assertEqual((head.status_code, body.decode()), (200, self.edge.id))
        self.assertIsNone(header(head, "fly-replay"))
        (request,) = self.edge.requests
        self.assertTrue(request.startswith("POST /p ") and request.endswith("\r\n\r\nthe body"))
        told = dict(part.split("=", 1) for part in str(field(request, "fly-replay-src")).split(";"))
        self.assertEqual((told["instance"], told["region"], told["state"]), (self.login.id, "ewr", "a=b,c"))
        self.assertTrue(before * 1e6 - 1 <= int(told["t"]) <= reactor.seconds() * 1e6 + 1)
        self.assertEqual(field(request, "fly-region"), "ewr")

    async def test_what_a_client_claims_is_passed_on_until_the_proxy_says_it_itself(self) -> None:
        self.replay(f"instance={self.edge.id}")
        await self.ask(POST)
        self.assertEqual(field(self.login.requests[0], "fly-replay-src"), "instance=forged")
        self.assertNotIn("forged", self.edge.requests[0])

    async def test_a_websocket(self) -> None:
        self.replay(f"instance={self.edge.id}")
        self.edge.answer = lambda wire: wire.write(SWITCHED)
        wire = await self.client()
        wire.write(UPGRADE + b"early")
        await wire.has(b"101 Switching")
        self.assertNotIn(b"409", wire.received)
        machine = self.edge.server.wires[0]
        await machine.has(b"Upgrade: websocket", b"early")
        machine.write(b"hello")
        await wire.has(b"hello")

    async def test_by_region_and_elsewhere_and_preference(self) -> None:
        for value in (
            "region=nrt",
            "elsewhere=true",
            f"prefer_instance={self.edge.id}",
            "app=wingthing;region=nrt",
        ):
            self.replay(value)
            self.assertEqual((await self.ask())[1].decode(), self.edge.id, value)

    async def test_the_rest_of_a_body_follows(self) -> None:
        self.replay(f"instance={self.edge.id}")
        self.edge.answer = lambda wire: wire.has(b"second").addCallback(
            lambda _none: respond(wire, b"all of it")
        )
        wire = await self.client()
        wire.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\nfirst")
        await eventually(lambda: self.edge.requests)
        wire.write(b"second")
        await wire.has(b"all of it")
        self.assertTrue(self.edge.requests[0].endswith("firstsecond"))

    async def test_a_body_that_is_too_long(self) -> None:
        self.replay(f"instance={self.edge.id}")
        body = b"x" * 1_100_000
        await self.refused(
            502,
            "second machine",
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body,
        )
        self.login.answer = lambda wire: wire.has(b"0\r\n\r\n").addCallback(
            lambda _none: self.login.replaying(f"instance={self.edge.id}")(wire)
        )
        await self.refused(
            502,
            "second machine",
            b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % len(body)
            + body
            + b"\r\n0\r\n\r\n",
        )
        self.assertEqual(self.edge.requests, [])

    async def test_a_body_of_the_greatest_length(self) -> None:
        self.replay(f"instance={self.edge.id}")
        body = b"x" * 1_000_000
        self.edge.answer = lambda wire: wire.until(lambda: len(wire.received) > len(body)).addCallback(
            lambda _none: respond(wire, b"ok")
        )
        _head, answer = await self.ask(b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n" + body)
        self.assertEqual(answer, b"ok")

    async def test_chained_as_often_as_fly_does(self) -> None:
        asked: list[FakeMachine] = []

        def answer(machine: FakeMachine, other: FakeMachine, wire: Wire) -> None:
            asked.append(machine)
            if len(asked) <= limit:
                machine.replaying(f"instance={other.id}")(wire)
            else:
                machine.plain(wire)

        self.login.answer = lambda wire: answer(self.login, self.edge, wire)
        self.edge.answer = lambda wire: answer(self.edge, self.login, wire)
        limit = MOST_REPLAYS
        self.assertEqual((await self.ask())[0].status_code, 200)
        self.assertEqual(len(asked), MOST_REPLAYS + 1)
        asked.clear()
        limit = 99
        await self.refused(502, f"{MOST_REPLAYS} times")
        self.assertEqual(len(asked), MOST_REPLAYS + 1)

    async def test_what_fly_would_not_take(self) -> None:
        self.replay("machine=x")
        await self.refused(502, "no field 'machine'")
        self.login.answer = lambda wire: wire.write(SWITCHED.replace(b"X-Own: 1", b"fly-replay: region=nrt"))
        await self.refused(502, "upgrades and replays", UPGRADE)

    async def test_a_target_that_dies_without_an_answer(self) -> None:
        self.replay(f"instance={self.edge.id};fallback=force_self")
        self.edge.answer = Wire.close
        await self.refused(502, "has not answered a replay")

    async def test_a_client_that_leaves_meanwhile(self) -> None:
        self.replay(f"instance={self.edge.id}")
        self.edge.answer = lambda _wire: None
        wire = await self.client()
        wire.write(GET)
        await eventually(lambda: self.edge.requests)
        wire.close()
        await self.edge.server.wires[0].ended()


class FallbackTests(ReplayCase):
    async def test_no_such_machine(self) -> None:
        self.replay("instance=gone;fallback=force_self;state=s")
        head, body, told = await self.comes_back(POST)
        self.assertEqual((head.status_code, body), (409, b"not this"), "the answer counts as it is")
        self.assertIsNone(header(head, "fly-replay"))
        self.assertEqual(
            {name: told[name] for name in ("instance", "app", "replay_source", "reason")},
            {
                "instance": "gone",
                "app": "wingthing",
                "replay_source": self.login.id,
                "reason": "no_candidate",
            },
        )
        self.assertGreaterEqual(int(told["elapsed_ms"]), 0)
        self.assertTrue(self.login.requests[-1].endswith("the body"))
        self.assertEqual(self.edge.requests, [])

    async def test_a_machine_out_of_rotation(self) -> None:
        self.edge.ready = False
        self.replay(f"instance={self.edge.id};fallback=prefer_self")
        _head, _body, told = await self.comes_back()
        self.assertEqual((told["reason"], told["region"]), ("no_candidate", "nrt"))

    async def test_a_machine_that_does_not_listen(self) -> None:
        self.edge.place = attrs.evolve(self.edge.place, address="127.0.0.3")
        self.replay(f"instance={self.edge.id};fallback=force_self")
        _head, _body, told = await self.comes_back()
        self.assertEqual(told["reason"], "retries_exhausted")
        self.assertGreaterEqual(int(told["elapsed_ms"]), 200)

    async def test_a_machine_that_cannot_be_reached_in_time(self) -> None:
        self.proxy.cut(self.edge.id)
        self.replay(f"instance={self.edge.id};timeout=150ms;fallback=force_self")
        _head, _body, told = await self.comes_back()
        self.assertEqual(told["reason"], "timeout")
        self.assertGreaterEqual(int(told["elapsed_ms"]), 150)

    async def test_a_machine_that_is_reached_in_the_end(self) -> None:
        self.proxy.cut(self.edge.id)
        self.replay(f"instance={self.edge.id};timeout=10s;fallback=force_self")
        wire = await self.client()
        wire.write(GET)
        await pause(0.05)
        self.proxy.heal(self.edge.id)
        await wire.has(self.edge.id.encode())

    async def test_a_websocket_comes_back_and_is_upgraded(self) -> None:
        def answer(wire: Wire) -> None:
            if b"fly-replay-failed" in wire.received.lower():
                wire.write(SWITCHED)
            else:
                self.login.replaying("instance=gone;fallback=force_self")(wire)

        self.login.answer = answer
        wire = await self.client()
        wire.write(UPGRADE)
        await wire.has(b"101 Switching")

    async def test_without_fallback(self) -> None:
        self.replay("instance=gone")
        await self.refused(502, "no_candidate")
        self.proxy.cut(self.edge.id)
        self.replay(f"instance={self.edge.id};timeout=100ms")
        await self.refused(504, "timeout")
        self.replay("region=nrt;app=other")
        await self.refused(502, "no_candidate")

    async def test_the_asker_is_gone_meanwhile(self) -> None:
        def gone(fallback: str) -> None:
            def answer(wire: Wire) -> None:
                self.login.ready = False
                self.login.replaying(f"instance=gone;fallback={fallback}")(wire)

            self.login.answer = answer
            self.login.ready = True

        gone("force_self")
        await self.refused(502, "gone, too")
        gone("prefer_self")
        self.assertEqual((await self.ask())[1].decode(), self.edge.id)
        self.assertIn("no_candidate", str(field(self.edge.requests[-1], "fly-replay-failed")))
