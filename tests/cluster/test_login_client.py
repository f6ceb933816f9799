"""What an edge asks of login: how the answers are read, and that login is looked for each time."""

from __future__ import annotations

from typing import Any

import msgspec
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from tests.cluster.case import up
from wingthing.cluster.client import Reply
from wingthing.cluster.login_client import LoginClient
from wingthing.errors import NotFound, TemporarilyUnavailable
from wingthing.testing import WING_ID
from wingthing.wire.internal import Session, SessionQuestion, WingPlace, WingQuestion


class FakeClient:
    """A NodeClient that answers with the next of `answers`."""

    def __init__(self) -> None:
        self.answers: list[bytes | Exception] = []
        self.asked: list[tuple[Any, ...]] = []

    async def post(self, address: tuple[str, int], path: str, body: object, *, seconds: float) -> Reply:
        self.asked.append((address, path, body))
        return self._next()

    async def get(self, address: tuple[str, int], path: str, *, etag: str = "", seconds: float) -> Reply:
        self.asked.append((address, path, etag))
        return self._next()

    def _next(self) -> Reply:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return Reply("login", 200, answer, "")


class FakeAddress:
    def __init__(self) -> None:
        self.at: list[tuple[str, int] | Exception] = [("fdaa::c", 8080)]

    async def get(self) -> tuple[str, int]:
        found = self.at.pop(0)
        if isinstance(found, Exception):
            raise found
        return found


class LoginClientTests(TestCase):
    def setUp(self) -> None:
        self.client, self.address = FakeClient(), FakeAddress()
        self.login = LoginClient(self.client, self.address)  # type: ignore[arg-type]

    def ask(self, question: Any, *answers: bytes | Exception) -> Deferred[Any]:
        self.client.answers = list(answers)
        return Deferred.fromCoroutine(question)

    def test_whose_a_session_is(self) -> None:
        session = Session(user_id="ann", display_name="Ann", passkeys=("k",))
        asking = self.ask(self.login.session("digest"), msgspec.json.encode(session))
        self.assertEqual(self.successResultOf(asking), session)
        self.assertEqual(
            self.client.asked, [(("fdaa::c", 8080), "/internal/session", SessionQuestion("digest"))]
        )

    def test_where_a_wing_is(self) -> None:
        asking = self.ask(self.login.wing(WING_ID), msgspec.json.encode(WingPlace(up("c1"))))
        self.assertEqual(self.successResultOf(asking), up("c1"))
        self.assertEqual(self.client.asked, [(("fdaa::c", 8080), "/internal/wing", WingQuestion(WING_ID))])
        self.address.at = [("fdaa::d", 8080)]
        self.assertIsNone(self.successResultOf(self.ask(self.login.wing(WING_ID), b'{"wing":null}')))
        self.assertEqual(self.client.asked[-1][0], ("fdaa::d", 8080), "login may have moved")

    def test_what_may_be_unchanged(self) -> None:
        asking = self.ask(self.login.get("/internal/entitlements", etag='"e"', seconds=3.0), b"{}")
        self.assertEqual(self.successResultOf(asking).body, b"{}")
        self.assertEqual(self.client.asked, [(("fdaa::c", 8080), "/internal/entitlements", '"e"')])

    def test_no_answer_no_login_and_nonsense(self) -> None:
        self.failureResultOf(self.ask(self.login.session("d"), NotFound("no")), NotFound)
        for answer in (b"", b"null", b'{"user_id":5}', b"{}", TemporarilyUnavailable("away")):
            self.address.at = [("fdaa::c", 8080)]
            self.failureResultOf(self.ask(self.login.session("d"), answer), TemporarilyUnavailable)
        self.address.at = [TemporarilyUnavailable("no login node is started")]
        asked = len(self.client.asked)
        self.failureResultOf(self.ask(self.login.wing(WING_ID)), TemporarilyUnavailable)
        self.assertEqual(len(self.client.asked), asked)
