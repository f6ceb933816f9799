"""What the wing connects with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from treq.testing import StubTreq
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase
from twisted.web.resource import Resource

from wingthing.crypto.keys import new_signing_key
from wingthing.crypto.tokens import mint
from wingthing.errors import OperatorError, TemporarilyUnavailable
from wingthing.wing.config import AllowKey, WingConfig
from wingthing.wing.credentials import Credentials
from wingthing.wing.home import DeviceToken, Home
from wingthing.wing.roost import Roost
from wingthing.wire import codec

WING = "a" * 24
YEAR = 365 * 24 * 3600


class FakeNode(Resource):
    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.status = 200
        self.body: Any = {}
        self.asked: list[str] = []

    def render(self, request: Any) -> bytes:
        self.asked.append(request.path.decode())
        request.setResponseCode(self.status)
        return json.dumps(self.body).encode()


class CredentialsTests(TestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        directory = Path(self.mktemp()).absolute()
        self.home = Home.find({"WINGTHING_DIR": str(directory)})
        self.node = FakeNode()
        self.http = StubTreq(self.node)
        self.credentials = Credentials(self.home, self.home.roost, self.http, self.clock, WING, "my-key")

    def log_in(self, config: WingConfig | None = None) -> Deferred[Any]:
        running = Deferred.fromCoroutine(self.credentials.login(config or WingConfig()))
        self.http.flush()
        return running

    def keep(self, token: str, issued: int = 0, expires: int = 0, roost: str = "") -> None:
        self.home.save_token(
            DeviceToken(device_token=token, issued_at=issued, expires_at=expires, roost=roost)
        )

    def token(self, **claims: str) -> str:
        return mint(new_signing_key(), user_id="ann", now=0, jti="j", **claims)[0]  # type: ignore[arg-type]

    def sentence(self) -> str:
        return str(self.failureResultOf(self.log_in(), OperatorError).value)

    def test_registers_with_nothing_about_the_machine(self) -> None:
        self.keep(self.token(pub="my-key", wing=WING))
        login = self.successResultOf(self.log_in(WingConfig(labels=("gpu",), label="Desk", locked=True)))
        self.assertEqual(login.roost, Roost.parse("http://127.0.0.1:8080"))
        self.assertEqual(
            json.loads(codec.write(login.register)),
            {
                "type": "wing.register",
                "wing_id": WING,
                "agents": [],
                "skills": [],
                "labels": [],
                "identities": [],
                "public_key": "my-key",
                "locked": True,
                "allowed_count": 0,
                "features": ["pty.detached"],
            },
        )
        self.assertEqual(self.credentials.owner, "ann")
        self.assertEqual(self.node.asked, [])

    def test_tells_the_lock_and_the_organisation(self) -> None:
        self.keep(self.token())
        config = WingConfig(org="acme", locked=True, allow_keys=(AllowKey(email="a@x"),))
        register = self.successResultOf(self.log_in(config)).register
        self.assertEqual((register.org_slug, register.allowed_count), ("acme", 1))
        self.assertEqual(self.credentials.registered_lock, (True, 1))

    def test_without_a_login(self) -> None:
        self.assertIn("wt login", self.sentence())

    def test_a_login_made_with_another_key_or_id(self) -> None:
        for claims in ({"pub": "other-key"}, {"wing": "b" * 24}):
            self.keep(self.token(**claims))
            self.assertIn("wt login", self.sentence())

    def test_renews_past_half_its_life(self) -> None:
        self.keep(self.token(), issued=1, expires=YEAR)
        self.clock.advance(YEAR // 2 + 2)
        fresh = self.token(wing=WING)
        self.node.body = {"token": fresh, "expires_at": 2 * YEAR}
        login = self.successResultOf(self.log_in())
        self.assertEqual(login.token, fresh)
        kept = self.home.token()
        assert kept is not None
        self.assertEqual((kept.device_token, kept.expires_at), (fresh, 2 * YEAR))
        self.assertEqual(kept.issued_at, YEAR // 2 + 2)
        self.successResultOf(self.log_in())
        self.assertEqual(self.node.asked, ["/auth/refresh"])

    def test_a_login_that_is_not_renewed_is_used_as_it_is(self) -> None:
        old = self.token()
        for status in (401, 500):
            self.keep(old, issued=1, expires=10)
            self.clock.advance(10)
            self.node.status = status
            self.assertEqual(self.successResultOf(self.log_in()).token, old)

    def test_an_opaque_token_is_asked_for_its_owner(self) -> None:
        self.keep("opaque")
        self.node.body = {"ok": True, "user_id": "bob"}
        self.successResultOf(self.log_in())
        self.assertEqual(self.credentials.owner, "bob")
        self.node.status = 401
        self.assertIn("wt login", self.sentence())
        self.node.status = 503
        self.failureResultOf(self.log_in(), TemporarilyUnavailable)

    def test_another_server_sees_no_part_of_it(self) -> None:
        self.home.config.change(roost="https://b.example")
        # Opaque, and past half its life: the server would be asked twice.
        self.keep("opaque", issued=1, expires=10, roost="https://a.example")
        self.clock.advance(10)
        self.failureResultOf(self.log_in(), TemporarilyUnavailable)
        self.assertEqual(
            self.sentence(),
            "This machine is not logged in to https://b.example: "
            "run 'wt login --roost https://b.example' first.",
        )
        self.assertEqual(self.node.asked, [])

    def test_a_login_that_is_written_at_this_moment_is_waited_for(self) -> None:
        self.home.config.change(roost="https://b.example")
        self.keep(self.token(), roost="https://a.example")
        self.failureResultOf(self.log_in(), TemporarilyUnavailable)
        self.keep(self.token(), roost="https://b.example")
        self.assertEqual(self.successResultOf(self.log_in()).roost.host, "b.example")

    def test_a_renewed_login_says_whose_it_is(self) -> None:
        self.home.config.change(roost="https://a.example")
        self.keep(self.token(), issued=1, expires=YEAR)
        self.clock.advance(YEAR // 2 + 2)
        self.node.body = {"token": self.token(), "expires_at": 2 * YEAR}
        self.successResultOf(self.log_in())
        kept = self.home.token()
        assert kept is not None
        self.assertEqual(kept.roost, "https://a.example")

    def test_a_server_that_is_dialled_by_another_address(self) -> None:
        inside = Roost.parse("http://127.0.0.1:1111")
        named = Roost.parse("https://wings.example")
        self.credentials = Credentials(
            self.home, lambda: inside, self.http, self.clock, WING, "my-key", known_as=named
        )
        self.keep(self.token(), roost="https://wings.example")
        self.assertEqual(self.successResultOf(self.log_in()).roost, inside)

    def test_follows_the_server_beside_it(self) -> None:
        note = self.home.directory / "server.json"
        for port in (1111, 2222):
            self.keep(self.token(), roost=f"http://127.0.0.1:{port}")
            note.write_text(json.dumps({"url": f"http://127.0.0.1:{port}"}))
            self.assertEqual(self.successResultOf(self.log_in()).roost.port, port)
