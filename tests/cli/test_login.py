"""`wt login`, `wt logout`, `wt whoami`: what they leave behind and what they say."""

from __future__ import annotations

from treq.testing import StubTreq
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from tests.cli.case import CommandCase
from tests.wing.test_device import FakeNode
from wingthing.cli.login import log_in
from wingthing.crypto.keys import public_text
from wingthing.errors import OperatorError
from wingthing.wing.device import DeviceCode, DeviceLogin
from wingthing.wing.home import DeviceToken
from wingthing.wing.presence import Presence
from wingthing.wing.roost import Roost

CODE = {"device_code": "d", "user_code": "ABC234", "verification_url": "http://n/auth/claim", "interval": 1}


class LogInTests(CommandCase):
    def setUp(self) -> None:
        super().setUp()
        self.clock = Clock()
        self.node = FakeNode()
        self.http = StubTreq(self.node)
        self.shown: list[DeviceCode] = []

    def begin(self, **options: bool) -> Deferred[str]:
        server = DeviceLogin(self.clock, self.http, Roost.parse("http://node.example"))
        running = Deferred.fromCoroutine(log_in(self.home, server, self.shown.append, **options))
        self.http.flush()
        return running

    def tick(self) -> None:
        self.clock.advance(1)
        self.http.flush()

    def test_the_whole_way(self) -> None:
        self.node.answers = [
            (200, CODE),
            (200, {"error": "authorization_pending"}),
            (200, {"token": "t", "expires_at": 2_000_000_000}),
            (200, {"user_id": "ann", "display_name": "Ann"}),
        ]
        running = self.begin()
        self.assertEqual(self.shown[0].user_code, "ABC234")
        self.tick()
        self.assertIsNone(self.home.token())
        self.tick()
        self.assertEqual(self.successResultOf(running), "Ann")
        token = self.home.token()
        assert token is not None
        self.assertEqual((token.device_token, token.device_id), ("t", self.home.wing_id()))
        self.assertEqual(token.public_key, public_text(self.home.wing_key()))
        self.assertEqual(token.roost, "http://node.example", "no other server may see it")
        self.assertEqual(self.home.config.read().roost, "")
        self.assertEqual(self.node.asked[0][1], {"wing_id": token.device_id, "public_key": token.public_key})

    def test_the_server_is_remembered_with_its_login(self) -> None:
        self.node.answers = [(200, CODE), (200, {"token": "t", "expires_at": 5}), (500, "")]
        self.begin(remember=True)
        self.assertEqual(self.home.config.read().roost, "")
        self.tick()
        self.assertEqual(self.home.config.read().roost, "http://node.example")

    def test_a_name_that_cannot_be_asked_spoils_nothing(self) -> None:
        self.node.answers = [(200, CODE), (200, {"token": "t", "expires_at": 5}), (500, "")]
        running = self.begin()
        self.tick()
        self.assertEqual(self.successResultOf(running), "")
        self.assertIsNotNone(self.home.token())

    def test_a_refused_login_keeps_the_old_one(self) -> None:
        self.log_in("before")
        self.node.answers = [(200, CODE), (200, {"error": "expired_code"})]
        running = self.begin()
        self.tick()
        self.failureResultOf(running, OperatorError)
        token = self.home.token()
        assert token is not None
        self.assertEqual(token.device_token, "before")


class CommandTests(CommandCase):
    def test_an_address_that_is_none(self) -> None:
        self.assertIn("no address", self.refused("login", "--roost", "ftp://x"))

    def test_logout(self) -> None:
        self.assertIn("was not logged in", self.wt("logout").output)
        self.log_in()
        self.assertEqual(self.wt("logout").output, "Logged out.\n")
        self.assertIsNone(self.home.token())

    def test_logout_of_a_damaged_login(self) -> None:
        (self.directory / "device_token.yaml").write_text("[")
        self.assertEqual(self.wt("logout").output, "Logged out.\n")

    def test_logout_while_the_wing_runs(self) -> None:
        self.log_in()
        presence = Presence(self.directory)
        presence.take()
        self.addCleanup(presence.leave)
        self.assertIn("wt stop", self.wt("logout").output)

    def test_whoami_without_a_login(self) -> None:
        result = self.wt("whoami")
        self.assertEqual(result.exit_code, 1)
        self.assertIn("wt login", result.output)

    def test_whoami_shows_the_login_to_nobody_else(self) -> None:
        self.home.save_token(DeviceToken(device_token="t", roost="http://127.0.0.1:9"))
        self.home.config.change(roost="http://127.0.0.1:1")
        result = self.wt("whoami")
        self.assertEqual(result.exit_code, 1)
        self.assertIn("not logged in to http://127.0.0.1:1:", result.output)

    def test_a_damaged_login(self) -> None:
        (self.directory / "device_token.yaml").write_text("[")
        self.assertIn("damaged", self.refused("whoami"))
