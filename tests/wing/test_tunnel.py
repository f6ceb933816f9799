"""Requests through the tunnel: opened, answered, refused."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import msgspec
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from tests.wing.browser import WING_KEY, Browser, FakeSender
from wingthing.crypto.box import TUNNEL
from wingthing.errors import NotFound
from wingthing.wing.access import Person
from wingthing.wing.tunnel import Request, Tunnel
from wingthing.wire import codec
from wingthing.wire.limits import MAX_MESSAGE_BYTES
from wingthing.wire.wing_limits import MAX_TUNNEL_ANSWER_BYTES, MAX_TUNNEL_CHANGES, MAX_TUNNEL_REQUESTS


class Sized(msgspec.Struct):
    size: int


class TunnelTests(TestCase):
    def setUp(self) -> None:
        self.sender = FakeSender()
        self.refusal: str | None = None
        self.waiting: list[Deferred[Any]] = []
        self.closed = 0
        self.tunnel = Tunnel(
            self.sender,
            WING_KEY,
            {
                "who": self.who,
                "wait": self.wait,
                "sized": self.sized,
                "missing": self.missing,
                "broken": self.broken,
                "open": self.who,
            },
            {"parts": self.parts, "no parts": self.no_parts},
            refusal=self.refuse,
            refused_info=lambda: {"hostname": "here"},
            unlocked=frozenset({"open"}),
            once=frozenset({"who"}),
        )
        self.browser = Browser("alice", "a@x")

    def refuse(self, person: Person, token: str) -> str | None:
        return None if token == f"token of {person.user_id}" else self.refusal

    async def who(self, request: Request) -> Any:
        return {"user": request.person.user_id, "email": request.person.email}

    async def wait(self, request: Request) -> Any:
        waiting: Deferred[Any] = Deferred()
        self.waiting.append(waiting)
        return await waiting

    async def sized(self, request: Request) -> Any:
        return {"text": "x" * request.read(Sized).size}

    async def missing(self, request: Request) -> Any:
        raise NotFound("there is no such thing")

    async def broken(self, request: Request) -> Any:
        raise ZeroDivisionError

    async def parts(self, request: Request) -> AsyncGenerator[Any, None]:
        try:
            for number in range(3):
                yield {"data": str(number)}
        finally:
            self.closed += 1

    async def no_parts(self, request: Request) -> AsyncGenerator[Any, None]:
        if request.fields:
            raise NotFound("nothing is recorded")
        yield {}

    def ask(self, kind: str, **fields: Any) -> Any:
        self.tunnel.received(self.browser.asks("r1", kind, **fields))
        (answer,) = self.sender.take()
        self.assertEqual((answer["type"], answer["request_id"]), ("tunnel.res", "r1"))
        return self.browser.answer(answer)

    def test_the_sender_is_who_the_node_says(self) -> None:
        self.assertEqual(self.ask("who", user_id="root"), {"user": "alice", "email": "a@x"})

    def test_unknown_types_are_answered_as_written(self) -> None:
        self.assertEqual(self.ask("wing.fly"), {"error": "unknown type: wing.fly"})

    def test_errors_have_one_sentence(self) -> None:
        self.assertEqual(self.ask("missing"), {"error": "there is no such thing"})
        self.assertIn("size", self.ask("sized", size="big")["error"])
        self.assertIn("size", self.ask("sized")["error"])
        self.assertIn("internal", self.ask("broken")["error"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_what_cannot_be_opened_is_answered_under_the_senders_key(self) -> None:
        box = self.browser.box(TUNNEL)
        for payload in (
            "",
            "not base64!",
            "AAAA" * 20,
            box.seal(b"not json"),
            box.seal(b"[]"),
            box.seal(b"{}"),
            box.seal(b'{"type": 5}'),
            box.seal(b"\xff\xfe"),
            box.seal(b"[" * 100_000),
            self.browser.box().seal(b'{"type": "who"}'),
        ):
            self.tunnel.received(self.browser.sends("r2", payload))
            (answer,) = self.sender.take()
            self.assertEqual(list(self.browser.answer(answer)), ["error"], payload[:20])

    def test_without_a_key_there_is_no_answer(self) -> None:
        for key in ("", "AAAA", "not base64!", "A" * 43 + "="):
            message = self.browser.sends("r3", "AAAA", sender_pub=key)
            self.tunnel.received(message)
        self.tunnel.received(codec.write({"type": "tunnel.req"}))
        self.tunnel.received(codec.write({"type": "tunnel.req", "request_id": "x" * 1000}))
        self.assertEqual(self.sender.take(), [])
        # The server can tell the browser, where it knows how.
        self.assertEqual([request for request, _why in self.sender.complaints], ["r3"] * 4 + ["x" * 1000])

    def test_what_changes_something_is_done_once_however_often_a_node_sends_it(self) -> None:
        """A node that has kept the request by which somebody was let in could undo that they were put out."""
        for kind, times in (("who", 1), ("open", 2)):
            asked = self.browser.asks("r1", kind)
            again = self.browser.sends("r2", codec.read_object(asked)["payload"])
            for message in (asked, again):
                self.tunnel.received(message)
            answers = [self.browser.answer(each) for each in self.sender.take()]
            self.assertEqual(sum("user" in each for each in answers), times, answers)
        self.assertEqual(self.ask("who")["user"], "alice")

    def test_what_is_refused_is_not_remembered(self) -> None:
        asked = self.browser.asks("r1", "who")
        self.refusal = "not_allowed"
        self.tunnel.received(asked)
        self.refusal = None
        self.tunnel.received(asked)
        refused, answer = (self.browser.answer(each) for each in self.sender.take())
        self.assertEqual((refused, answer["user"]), ({"error": "not_allowed"}, "alice"))

    def test_so_many_are_remembered(self) -> None:
        for _ in range(MAX_TUNNEL_CHANGES + 1):
            self.ask("who")
        self.assertEqual(len(self.tunnel._done), MAX_TUNNEL_CHANGES)

    def test_a_locked_wing(self) -> None:
        self.refusal = "not_allowed"
        self.assertEqual(self.ask("who"), {"error": "not_allowed"})
        self.assertEqual(self.ask("parts"), {"error": "not_allowed"})
        self.refusal = "passkey_required"
        self.assertEqual(self.ask("who"), {"error": "passkey_required", "hostname": "here"})
        self.assertEqual(self.ask("open")["user"], "alice")
        self.assertEqual(self.ask("who", auth_token="token of alice")["user"], "alice")
        for token in ("token of bob", "", None, 5, ["token of alice"]):
            self.assertEqual(self.ask("who", auth_token=token)["error"], "passkey_required")

    def test_an_answer_always_fits_a_message(self) -> None:
        most = MAX_TUNNEL_ANSWER_BYTES - len('{"text":""}')
        self.tunnel.received(self.browser.asks("r1", "sized", size=most))
        (answer,) = self.sender.take()
        self.assertLess(len(codec.write(answer)), MAX_MESSAGE_BYTES)
        self.assertIn("text", self.browser.answer(answer))
        self.assertEqual(self.ask("sized", size=most + 1), {"error": "the answer is too long to be sent"})

    def test_too_many_at_a_time(self) -> None:
        for number in range(MAX_TUNNEL_REQUESTS):
            self.tunnel.received(self.browser.asks(f"w{number}", "wait"))
        self.assertIn("busy", self.ask("who")["error"])
        self.waiting[0].callback({"late": True})
        (answer,) = self.sender.take()
        self.assertEqual((answer["request_id"], self.browser.answer(answer)), ("w0", {"late": True}))
        self.assertEqual(self.ask("who")["user"], "alice")

    def test_a_stream_ends_with_done_outside(self) -> None:
        self.tunnel.received(self.browser.asks("s1", "parts"))
        sent = self.sender.take()
        self.assertEqual([said["type"] for said in sent], ["tunnel.stream"] * 4)
        self.assertEqual([said.get("done", False) for said in sent], [False, False, False, True])
        self.assertEqual(
            [self.browser.answer(said) for said in sent],
            [{"data": "0"}, {"data": "1"}, {"data": "2"}, {"done": True}],
        )
        self.assertEqual(self.closed, 1)

    def test_a_stream_waits_for_the_link(self) -> None:
        self.sender.full = True
        self.tunnel.received(self.browser.asks("s1", "parts"))
        self.assertEqual(self.sender.take(), [])
        self.sender.drain()
        self.assertEqual(len(self.sender.take()), 4)

    def test_a_stream_ends_with_its_connection(self) -> None:
        for lose in (self.reconnect, self.go_offline):
            self.sender.full = True
            self.tunnel.received(self.browser.asks("s1", "parts"))
            lose()
            self.sender.drain()
            self.assertEqual(self.sender.take(), [])
        self.assertEqual(self.closed, 2)

    def reconnect(self) -> None:
        self.sender.epoch += 1

    def go_offline(self) -> None:
        self.sender.online = False

    def test_a_stream_that_cannot_begin_is_an_answer(self) -> None:
        self.assertEqual(self.ask("no parts"), {"error": "nothing is recorded"})
