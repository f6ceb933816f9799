"""The device login, against a server that says what the test wants."""

from __future__ import annotations

import json
from typing import Any

import jwt
from treq.client import HTTPClient
from treq.testing import StubTreq
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionRefusedError, DNSLookupError
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from wingthing.crypto.keys import new_signing_key
from wingthing.crypto.tokens import mint
from wingthing.errors import NotAuthenticated, OperatorError
from wingthing.wing.device import Claims, DeviceCode, DeviceLogin, Grant, claims_of, half_spent, renewed
from wingthing.wing.home import DeviceToken
from wingthing.wing.roost import Roost
from wingthing.wire.limits import MAX_BODY_BYTES
from wingthing.wire.wing_limits import HANDSHAKE_SECONDS

ROOST = Roost.parse("http://node.example")
CODE = DeviceCode("the-code", "ABC234", "http://node.example/auth/claim?code=ABC234", 900, 5)


class FakeNode(Resource):
    """Answers each request with the next of `answers`: (status, body), or None for never."""

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[tuple[int, Any] | None] = []
        self.asked: list[tuple[str, Any, str | None]] = []

    def render(self, request: Any) -> Any:
        body = request.content.read()
        path = f"{request.method.decode()} {request.path.decode()}"
        self.asked.append((path, json.loads(body) if body else None, request.getHeader("authorization")))
        answer = self.answers.pop(0)
        if answer is None:
            return NOT_DONE_YET
        request.setResponseCode(answer[0])
        return answer[1] if isinstance(answer[1], bytes) else json.dumps(answer[1]).encode()


class DeviceCase(TestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.node = FakeNode()
        self.http = StubTreq(self.node)
        self.login = DeviceLogin(self.clock, self.http, ROOST)

    def run_to(self, coroutine: Any) -> Deferred[Any]:
        running = Deferred.fromCoroutine(coroutine)
        self.http.flush()
        return running

    def tick(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.http.flush()


class LoginTests(DeviceCase):
    def test_begin(self) -> None:
        self.node.answers = [
            (200, {"device_code": "d", "user_code": "ABC234", "verification_url": "u", "interval": 1, "x": 1})
        ]
        code = self.successResultOf(self.run_to(self.login.begin("wing", "key")))
        self.assertEqual(code, DeviceCode("d", "ABC234", "u", 900, 1))
        self.assertEqual(
            self.node.asked, [("POST /auth/device", {"wing_id": "wing", "public_key": "key"}, None)]
        )

    def test_polls_at_the_interval_and_slows_down_when_told(self) -> None:
        self.node.answers = [
            (200, {"error": "authorization_pending"}),
            (200, {"error": "slow_down"}),
            (200, {"token": "t", "expires_at": 7, "display_name": "Ann", "email": "a@x"}),
        ]
        waiting = self.run_to(self.login.wait(CODE))
        for seconds, asked in ((4.9, 0), (0.1, 1), (4.9, 1), (0.1, 2), (9.9, 2), (0.1, 3)):
            self.tick(seconds)
            self.assertEqual(len(self.node.asked), asked)
        grant = self.successResultOf(waiting)
        self.assertEqual((grant.token, grant.expires_at, grant.who), ("t", 7, "Ann (a@x)"))
        self.assertEqual(self.node.asked[0][1], {"device_code": "the-code"})

    def test_codes_that_yield_nothing(self) -> None:
        for error, words in (("expired_code", "in time"), ("invalid_code", "invalid_code"), ("", "refused")):
            self.node.answers = [(200, {"error": error})]
            waiting = self.run_to(self.login.wait(CODE))
            self.tick(5)
            self.assertIn(words, str(self.failureResultOf(waiting, OperatorError).value))

    def test_gives_up_when_the_code_has_run_out(self) -> None:
        self.node.answers = [(200, {"error": "authorization_pending"})] * 2
        waiting = self.run_to(self.login.wait(DeviceCode("d", "u", "v", 10, 5)))
        self.tick(5)
        self.assertNoResult(waiting)
        self.tick(5)
        self.failureResultOf(waiting, OperatorError)

    def test_check(self) -> None:
        self.node.answers = [(200, {"ok": True, "user_id": "u1", "display_name": "", "provider": "local"})]
        who = self.successResultOf(self.run_to(self.login.check("tok")))
        self.assertEqual((who.user_id, who.name), ("u1", "u1"))
        self.assertEqual(self.node.asked, [("GET /auth/check", None, "Bearer tok")])

    def test_refresh(self) -> None:
        self.node.answers = [(200, {"token": "new", "expires_at": 9}), (200, {})]
        grant = self.successResultOf(self.run_to(self.login.refresh("old")))
        self.assertEqual(grant.token, "new")
        self.assertEqual(self.node.asked, [("POST /auth/refresh", {"token": "old"}, None)])
        self.failureResultOf(self.run_to(self.login.refresh("old")), OperatorError)


class TroubleTests(DeviceCase):
    def sentence(self, *answers: tuple[int, Any] | None) -> str:
        self.node.answers = list(answers)
        return str(self.failureResultOf(self.run_to(self.login.check("tok")), OperatorError).value)

    def test_401_is_its_own_error(self) -> None:
        self.node.answers = [(401, {"error": "no"})]
        self.failureResultOf(self.run_to(self.login.check("tok")), NotAuthenticated)

    def test_servers_that_make_no_sense(self) -> None:
        for body in (b"<html>", b"[]", b"{}", b'{"user_id": 5}', b"\xff"):
            self.assertIn("does not answer like", self.sentence((200, body)))
        self.assertIn("length", self.sentence((200, b"x" * (MAX_BODY_BYTES + 1))))

    def test_servers_in_trouble(self) -> None:
        self.assertIn("503: try later", self.sentence((503, {"error": "try later"})))
        self.assertIn("500.", self.sentence((500, b"oops")))
        self.assertIn("302", self.sentence((302, b"")))

    def test_a_server_that_does_not_answer(self) -> None:
        self.node.answers = [None]
        waiting = self.run_to(self.login.check("tok"))
        self.tick(HANDSHAKE_SECONDS)
        self.assertIn("in time", str(self.failureResultOf(waiting, OperatorError).value))

    def test_a_server_that_cannot_be_reached(self) -> None:
        for why, words in (
            (ConnectionRefusedError(osError=111), "(connection refused)"),
            (DNSLookupError("no such host"), "no such host"),
        ):
            login = DeviceLogin(self.clock, HTTPClient(_Unreachable(why)), ROOST)
            failure = self.failureResultOf(Deferred.fromCoroutine(login.check("tok")), OperatorError)
            self.assertIn(words, str(failure.value))
            self.assertIn("--roost", str(failure.value))

    def test_what_to_do_about_it_depends_on_where_it_is(self) -> None:
        unreachable = HTTPClient(_Unreachable(ConnectionRefusedError(osError=111)))
        for url, here in (("http://127.0.0.1:8080", True), ("https://wings.example", False)):
            login = DeviceLogin(self.clock, unreachable, Roost.parse(url))
            failure = self.failureResultOf(Deferred.fromCoroutine(login.check("tok")), OperatorError)
            self.assertEqual("'wt roost'" in str(failure.value), here)

    def test_giving_up_is_not_an_error_of_the_server(self) -> None:
        self.node.answers = [None]
        waiting = self.run_to(self.login.wait(CODE))
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)


class _Unreachable:
    """An agent that never gets through."""

    def __init__(self, why: Exception) -> None:
        self._why = why

    def request(self, *args: Any, **options: Any) -> Deferred[Any]:
        failed: Deferred[Any] = Deferred()
        failed.errback(Failure(self._why))
        return failed


class TokenTests(TestCase):
    def test_half_of_its_life(self) -> None:
        token = DeviceToken(device_token="t", issued_at=1000, expires_at=2000)
        self.assertFalse(half_spent(token, 1500))
        self.assertTrue(half_spent(token, 1501))
        self.assertFalse(half_spent(DeviceToken(device_token="t", expires_at=2000), 1999))
        self.assertFalse(half_spent(DeviceToken(device_token="t", issued_at=2000), 9999))

    def test_a_renewed_one_stays_this_machines(self) -> None:
        old = DeviceToken(device_token="old", issued_at=1, expires_at=2, device_id="wing", public_key="key")
        fresh = renewed(old, Grant(token="new", expires_at=99), 50.7, "http://n")
        self.assertEqual(
            fresh,
            DeviceToken(
                device_token="new",
                issued_at=50,
                expires_at=99,
                device_id="wing",
                public_key="key",
                roost="http://n",
            ),
        )

    def test_claims(self) -> None:
        token, _claims = mint(new_signing_key(), user_id="u1", now=0, jti="j", pub="key", wing="wing")
        self.assertEqual(claims_of(token), Claims("u1", "key", "wing"))
        self.assertEqual(claims_of(jwt.encode({"sub": "u2"}, "x" * 32, algorithm="HS256")), Claims("u2"))
        for text in ("", "opaque", "a.b.c"):
            self.assertEqual(claims_of(text), Claims())
