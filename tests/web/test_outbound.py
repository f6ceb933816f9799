"""Questions to other people's servers: in time, not too long, and without a trail."""

from __future__ import annotations

import base64
import gzip
from typing import Any, cast

from treq.testing import RequestTraversalAgent
from twisted.internet import task
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.task import Clock, Cooperator
from twisted.trial.unittest import TestCase
from twisted.web.iweb import IAgent
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from wingthing.errors import TemporarilyUnavailable
from wingthing.web.outbound import Outbound
from wingthing.wire.account_limits import MAX_PROVIDER_BYTES, PROVIDER_SECONDS


class Server(Resource):
    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Request] = []
        self.bodies: list[bytes] = []
        self.answer: bytes | int = b"{}"
        self.status = 200
        self.packed = False

    def render(self, request: Request) -> Any:
        self.seen.append(request)
        self.bodies.append(request.content.read())
        request.setResponseCode(self.status)
        if self.status == 302:
            request.setHeader("Location", "http://elsewhere.example/")
        request.setHeader("Set-Cookie", "a=b")
        if self.packed:
            request.setHeader("Content-Encoding", "gzip")
        if isinstance(self.answer, int):
            return NOT_DONE_YET
        return self.answer


class OutboundTests(TestCase):
    def setUp(self) -> None:
        self.turns = Clock()
        self.patch(task, "_theCooperator", Cooperator(scheduler=lambda call: self.turns.callLater(0, call)))
        self.clock = Clock()
        self.server = Server()
        self.agent = RequestTraversalAgent(self.server)
        self.out = Outbound(self.clock, self.agent)

    def result(self, coroutine: Any) -> Deferred[tuple[int, object]]:
        found: Deferred[tuple[int, object]] = Deferred.fromCoroutine(coroutine)
        for _ in range(10):
            self.turns.advance(0)
            self.agent.flush()
        return found

    def test_a_question(self) -> None:
        self.server.answer = b'{"a": [1]}'
        answer = self.successResultOf(self.result(self.out.get("http://p.example/x?y=1", bearer="the-token")))
        self.assertEqual(answer, (200, {"a": [1]}))
        (seen,) = self.server.seen
        self.assertEqual(seen.getHeader("authorization"), "Bearer the-token")
        self.assertEqual(seen.getHeader("accept"), "application/json")

    def test_a_form(self) -> None:
        asking = self.out.post_form("http://p.example/t", {"a": "1 2&"}, basic=("id", "s:e+c r\u00e9t"))
        self.successResultOf(self.result(asking))
        (seen,) = self.server.seen
        self.assertEqual(self.server.bodies, [b"a=1+2%26"])
        scheme, _, value = str(seen.getHeader("authorization")).partition(" ")
        self.assertEqual((scheme, base64.b64decode(value)), ("Basic", b"id:s%3Ae%2Bc+r%C3%A9t"))

    def test_what_is_no_json(self) -> None:
        for answer in (b"", b"<html>", b"\xff", b"[" * 100_000):
            self.server.answer = answer
            self.assertEqual(
                self.successResultOf(self.result(self.out.get("http://p.example/"))), (200, None)
            )

    def test_a_redirect_is_not_followed(self) -> None:
        self.server.status = 302
        self.assertEqual(self.successResultOf(self.result(self.out.get("http://p.example/"))), (302, {}))
        self.assertEqual(len(self.server.seen), 1)

    def test_no_cookie_is_carried_from_one_person_to_the_next(self) -> None:
        for _ in range(2):
            self.successResultOf(self.result(self.out.get("http://p.example/")))
        self.assertIsNone(self.server.seen[1].getHeader("cookie"))

    def test_too_long(self) -> None:
        self.server.answer = b" " * (MAX_PROVIDER_BYTES + 1)
        self.failureResultOf(self.result(self.out.get("http://p.example/")), TemporarilyUnavailable)

    def test_nothing_is_unpacked(self) -> None:
        """A kilobyte of gzip can be a megabyte, which is there before anybody counts it."""
        self.server.answer, self.server.packed = gzip.compress(b"{}"), True
        self.assertEqual(self.successResultOf(self.result(self.out.get("http://p.example/"))), (200, None))
        self.assertIsNone(self.server.seen[0].getHeader("accept-encoding"))

    def test_too_late(self) -> None:
        self.server.answer = 0
        waiting = self.result(self.out.get("http://p.example/?code=the-code"))
        self.assertNoResult(waiting)
        self.clock.advance(PROVIDER_SECONDS)
        failure = self.failureResultOf(waiting, TemporarilyUnavailable)
        self.assertNotIn("the-code", str(failure.value))

    def test_nobody_there(self) -> None:
        class Away:
            def request(self, *_arguments: object, **_more: object) -> Deferred[Any]:
                failed: Deferred[Any] = Deferred()
                failed.errback(ConnectionRefusedError())
                return failed

        out = Outbound(self.clock, cast(IAgent, Away()))
        self.failureResultOf(self.result(out.get("http://p.example/")), TemporarilyUnavailable)
