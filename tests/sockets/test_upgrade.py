"""Who may open a socket, decided before the upgrade and refused as HTTP with `{"error"}`."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred

from tests.sockets.case import ORIGIN, SocketTestCase
from wingthing.errors import NotAuthenticated, NotFound, PeerError, TemporarilyUnavailable
from wingthing.relay.peers import Identity
from wingthing.relay.rates import Limits
from wingthing.sockets.upgrade import ViewerUpgrade
from wingthing.testing import WING_ID, FrameClient
from wingthing.wire.account_limits import UPGRADES_PER_ACCOUNT, UPGRADES_PER_ADDRESS

PATHS = ("/ws/wing", "/ws/pty", "/ws/relay", "/ws/app")
COOKIE = {"Cookie": "wt_session=cookie-of-ann"}


class UpgradeTests(SocketTestCase):
    def refused(self, client: FrameClient, status: int) -> dict[str, str]:
        """The answer's headers; it must be JSON with one sentence."""
        found, headers, body = client.response()
        self.assertEqual(found, status, body)
        self.assertEqual(headers["content-type"], "application/json")
        if headers.get("transfer-encoding") == "chunked":
            body = b"".join(body.split(b"\r\n")[1::2])
        answer = json.loads(body)
        self.assertEqual(list(answer), ["error"])
        self.assertTrue(answer["error"])
        self.assertEqual(self.router.open_sockets, 0)
        return headers

    def ask(self, target: str, headers: dict[str, str] | None = None) -> FrameClient:
        client = self.client()
        client.upgrade(target, headers)
        return client

    def good(self, path: str) -> dict[str, str]:
        return COOKIE if path != "/ws/wing" else {"Authorization": f"Bearer {self.authenticator.token()}"}

    def test_every_address_opens(self) -> None:
        for path in PATHS:
            self.open(path, self.good(path))
        self.assertEqual(self.router.open_sockets, 4)

    def test_without_credentials(self) -> None:
        for path in PATHS:
            self.refused(self.ask(path), 401)
            self.refused(self.ask(path, {"Authorization": "Bearer "}), 401)
            self.refused(self.ask(path + "?token="), 401)
            self.refused(self.ask(path, {"Cookie": "wt_session=; other=cookie-of-ann"}), 401)

    def test_credentials_that_are_wrong_forged_or_expired(self) -> None:
        token = self.authenticator.token()
        header, payload, _ = token.split(".")
        none = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').decode().rstrip("=")
        self.clock.advance(10)
        expired = self.authenticator.token(lifetime=5)
        self.clock.advance(5)
        for path in PATHS:
            for bad in ("x", f"{none}.{payload}.", f"{header}.{payload}.AAAA", expired, "é"):
                self.refused(self.ask(path, {"Authorization": f"Bearer {bad}"}), 401)
            self.refused(self.ask(path, {"Cookie": "wt_session=cookie-of-nobody"}), 401)

    def test_a_token_in_the_header_or_in_the_address(self) -> None:
        token = self.authenticator.token()
        for path in PATHS:
            self.open(path, {"Authorization": f"bearer {token}"})
            self.open(f"{path}?token={token}", {})

    def test_a_wing_is_not_let_in_by_a_cookie(self) -> None:
        self.refused(self.ask("/ws/wing", COOKIE), 401)

    def test_a_page_of_another_origin(self) -> None:
        for path in PATHS:
            for origin in (
                "http://evil.example",
                "null",
                "http://localhost:8081",
                "https://localhost:8080",
                "",
            ):
                self.refused(self.ask(path, {**self.good(path), "Origin": origin}), 403)

    def test_a_page_of_another_origin_learns_nothing_of_its_cookie(self) -> None:
        self.refused(self.ask("/ws/pty", {"Origin": "http://evil.example"}), 403)

    def test_our_own_page_and_programs_without_an_origin(self) -> None:
        self.open("/ws/pty", {**COOKIE, "Origin": ORIGIN})
        self.open("/ws/pty", COOKIE)

    def test_an_ordinary_request(self) -> None:
        for path in PATHS:
            for headers in ({}, {"Upgrade": "h2c"}):
                client = self.client()
                client.request(path, {"Host": "localhost:8080", **self.good(path), **headers})
                self.assertEqual(self.refused(client, 426)["upgrade"], "websocket")

    def test_an_ordinary_request_without_credentials_is_told_that_first(self) -> None:
        for path in PATHS:
            client = self.client()
            client.request(path, {"Host": "localhost:8080"})
            self.refused(client, 401)

    def test_other_methods(self) -> None:
        client = self.client()
        client.request("/ws/pty", {"Host": "localhost:8080", **COOKIE, "Content-Length": "0"}, method="POST")
        status, headers, body = client.response()
        self.assertEqual((status, headers["allow"]), (405, "GET"))
        self.assertIn(b"error", body)

    def test_headers_that_are_no_text(self) -> None:
        for name in ("Authorization", "Origin", "Cookie", "Host", "Upgrade"):
            client = self.client()
            client.upgrade("/ws/pty", {name: "\xe9\xff"})
            self.assertIn(client.response()[0], (401, 403, 426))
        self.assertEqual(self.router.open_sockets, 0)

    def test_while_the_node_is_leaving(self) -> None:
        for upgrade in self.upgrades:
            upgrade.draining = True
        for path in PATHS:
            self.assertEqual(self.refused(self.ask(path, self.good(path)), 503)["retry-after"], "1")

    def test_a_passing_fault_is_never_401(self) -> None:
        """A wing that reads 401 gives up for good."""
        for failure in (
            TemporarilyUnavailable("the database is locked"),
            RuntimeError("a bug"),
            KeyError("x"),
        ):
            self.authenticator.failure = failure
            for path in PATHS:
                self.refused(self.ask(path, self.good(path)), 503)
            logged = 0 if isinstance(failure, TemporarilyUnavailable) else len(PATHS)
            self.assertEqual(len(self.flushLoggedErrors(type(failure))), logged)

    def test_a_bug_is_not_shown_to_the_peer(self) -> None:
        self.authenticator.failure = RuntimeError("secret detail")
        client = self.ask("/ws/pty", COOKIE)
        self.assertNotIn(b"secret", client.line.value())
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_an_answer_that_takes_its_time(self) -> None:
        self.authenticator.wait = Deferred()
        client = self.ask("/ws/pty", COOKIE)
        self.assertEqual(client.line.value(), b"")
        self.authenticator.wait.callback(None)
        self.assertEqual(client.response()[0], 101)
        self.assertEqual(self.router.open_sockets, 1)

    def test_a_client_that_leaves_meanwhile(self) -> None:
        for path in PATHS:
            cancelled: list[object] = []
            self.authenticator.wait = Deferred(cancelled.append)
            client = self.ask(path, self.good(path))
            client.line.end()
            self.assertEqual(len(cancelled), 1)
            self.assertEqual(client.line.value(), b"")
        self.assertEqual(self.router.open_sockets, 0)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_a_client_that_leaves_while_the_answer_cannot_be_stopped(self) -> None:
        """A query that runs in a thread goes on; its answer then has nobody to go to."""
        for failure in (None, NotAuthenticated("no"), TemporarilyUnavailable("later")):
            waits: Deferred[None] = Deferred()
            # A failure that the authenticator makes of the cancellation, or none at all.
            self.authenticator.wait = waits
            waits.addErrback(lambda reason: reason.trap(CancelledError) and None)
            self.authenticator.failure = failure
            client = self.ask("/ws/pty", COOKIE)
            client.line.end()
            self.assertEqual(client.line.value(), b"")
        self.assertEqual(self.router.open_sockets, 0)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_a_wing_id_and_features_come_from_the_address(self) -> None:
        self.open(f"/ws/relay?wing_id={WING_ID}&features=pty.detached,new", COOKIE)
        (viewer,) = self.router._viewers
        self.assertEqual(viewer.wing_id, WING_ID)
        self.assertEqual(viewer.features, {"pty.detached", "new"})

    def test_an_address_of_any_length_and_bytes(self) -> None:
        self.open("/ws/pty?wing_id=" + "a" * 5000, COOKIE)
        self.open("/ws/pty?wing_id=%FF%00&features=%FF,,,", COOKIE)
        for viewer in self.router._viewers:
            self.assertLess(len(viewer.wing_id), 100)

    def test_an_upgrade_that_is_no_handshake(self) -> None:
        """Autobahn's own answer: the connection is refused and nothing is left behind."""
        for headers in ({"Sec-WebSocket-Version": "99"}, {"Sec-WebSocket-Key": "short"}):
            client = self.ask("/ws/pty", {**COOKIE, **headers})
            self.assertEqual(client.response()[0] // 100, 4)
            client.line.end()
        self.assertEqual(self.router.open_sockets, 0)


class FakePlacement:
    """Says what the test wants of each browser. `wait`: it says so when that fires."""

    def __init__(self) -> None:
        self.events: list[tuple[str, ...]] = []
        self.answer: PeerError | None = None
        self.wait: Deferred[None] | None = None

    def welcome(self, header: Callable[[str], str | None], /) -> None:
        self.events.append(("welcome", header("fly-replay-src") or ""))

    async def place(self, wing_id: str, identity: Identity, header: Callable[[str], str | None], /) -> None:
        self.events.append(("place", wing_id, identity.user_id, header("fly-replay-src") or ""))
        if self.wait is not None:
            await self.wait
        if self.answer is not None:
            raise self.answer


class PlacementTests(SocketTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.placement = FakePlacement()
        for upgrade in self.upgrades:
            if isinstance(upgrade, ViewerUpgrade):
                upgrade.placement = self.placement

    def ask(self, target: str = f"/ws/pty?wing_id={WING_ID}", **headers: str) -> FrameClient:
        client = self.client()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        client.upgrade(target, COOKIE | named)
        return client

    def answer(self, client: FrameClient) -> tuple[int, dict[str, str], dict[str, object]]:
        status, headers, body = client.response()
        if headers.get("transfer-encoding") == "chunked":
            body = b"".join(body.split(b"\r\n")[1::2])
        return status, headers, json.loads(body)

    def test_a_browser_is_welcomed_known_and_placed(self) -> None:
        for path in ("/ws/pty", "/ws/relay"):
            client = self.ask(f"{path}?wing_id={WING_ID}", Fly_Replay_Src="state=s")
            self.assertEqual(client.response()[0], 101)
        expected = [("welcome", "state=s"), ("place", WING_ID, "ann", "state=s")]
        self.assertEqual(self.placement.events, expected * 2)

    def test_what_comes_with_it_is_heard_before_its_credentials_are_looked_at(self) -> None:
        """Who has sent it on may have vouched for its login session."""
        client = self.client()
        client.upgrade(f"/ws/pty?wing_id={WING_ID}", {"Fly-Replay-Src": "state=s"})
        self.assertEqual(self.answer(client)[0], 401)
        self.assertEqual(self.placement.events, [("welcome", "state=s")])

    def test_wings_and_dashboards_are_served_wherever_they_come(self) -> None:
        self.wing()
        self.assertEqual(self.ask("/ws/app").response()[0], 101)
        self.assertEqual(self.placement.events, [])

    def test_a_browser_that_belongs_elsewhere_is_answered_without_an_upgrade(self) -> None:
        self.placement.answer = PeerError("elsewhere", status=409, headers={"fly-replay": "instance=m"})
        client = self.ask()
        status, headers, body = self.answer(client)
        self.assertEqual((status, headers["fly-replay"], body), (409, "instance=m", {"error": "elsewhere"}))
        self.assertNotIn("sec-websocket-accept", headers)
        self.assertEqual(self.router.open_sockets, 0)

    def test_fields_stand_beside_the_error(self) -> None:
        self.placement.answer = NotFound("wing not found", fields={"retry": True})
        self.assertEqual(self.answer(self.ask())[2], {"error": "wing not found", "retry": True})

    def test_a_name_that_is_too_long_is_cut(self) -> None:
        self.ask("/ws/pty?wing_id=" + "x" * 5000)
        self.assertLess(len(self.placement.events[-1][1]), 100)
        self.ask("/ws/pty")
        self.assertEqual(self.placement.events[-1][1], "")

    def test_it_may_take_a_while(self) -> None:
        self.placement.wait = Deferred()
        client = self.ask()
        self.assertEqual(client.line.value(), b"")
        self.placement.wait.callback(None)
        self.assertEqual(client.response()[0], 101)

    def test_a_browser_that_leaves_meanwhile_leaves_nothing(self) -> None:
        self.placement.wait = Deferred()
        client = self.ask()
        client.line.end()
        self.assertTrue(self.placement.wait.called, "what it waited for is called off")
        self.assertEqual((self.router.open_sockets, client.line.value()), (0, b""))

    def test_a_login_that_ends_meanwhile_opens_nothing(self) -> None:
        """Sockets of a login session that ends are closed; this one is not open yet."""
        self.placement.wait = Deferred()
        client = self.ask()
        del self.authenticator.cookies["cookie-of-ann"]
        self.placement.wait.callback(None)
        self.assertEqual(self.answer(client)[0], 401)
        self.assertEqual(self.router.open_sockets, 0)

    def test_a_node_that_goes_meanwhile_opens_nothing(self) -> None:
        self.placement.wait = Deferred()
        client = self.ask()
        for upgrade in self.upgrades:
            upgrade.draining = True
        self.placement.wait.callback(None)
        status, headers, _body = self.answer(client)
        self.assertEqual((status, headers["retry-after"]), (503, "1"))
        self.assertEqual(self.router.open_sockets, 0)

    def test_a_bug_there_is_a_passing_fault(self) -> None:
        self.placement.answer = RuntimeError("a bug")  # type: ignore[assignment]
        self.assertEqual(self.answer(self.ask())[0], 503)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)


class LimitTests(SocketTestCase):
    """How often sockets are opened: by address before anybody knows whose they are, then by account."""

    def setUp(self) -> None:
        super().setUp()
        self.limits = Limits(self.clock.seconds)
        site: Any = self.site
        site.limits, site.address_of = self.limits, lambda request: self.address
        self.address = "192.0.2.1"

    def status(self, path: str, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        client = self.client()
        client.upgrade(path, headers)
        return client.response()

    def test_one_account_from_wherever(self) -> None:
        token = {"Authorization": f"Bearer {self.authenticator.token()}"}
        for number in range(UPGRADES_PER_ACCOUNT):
            self.address = f"192.0.{number % 256}.1"
            self.limits.check("upgrade", account="ann")
        for path in PATHS:
            status, headers, body = self.status(path, token if path == "/ws/wing" else COOKIE)
            self.assertEqual((status, headers["retry-after"]), (429, "1"))
            self.assertIn(b"too many connections by this account", body)
        self.assertEqual(self.router.open_sockets, 0)
        self.assertEqual(self.status("/ws/pty", {"Cookie": "wt_session=cookie-of-eve"})[0], 101)
        self.clock.advance(1)
        self.assertEqual(self.status("/ws/pty", COOKIE)[0], 101)

    def test_one_address_whoever_it_is(self) -> None:
        for _ in range(UPGRADES_PER_ADDRESS):
            self.limits.check("upgrade", address=self.address)
        for path in PATHS:
            status, _headers, body = self.status(path, {})
            self.assertEqual(status, 429)
            self.assertIn(b"too many connections from this address", body)
        self.address = "192.0.2.2"
        self.assertEqual(self.status("/ws/pty", COOKIE)[0], 101)

    def test_credentials_are_not_tried_faster_than_that(self) -> None:
        found = {self.status("/ws/pty?token=wrong", {})[0] for _ in range(UPGRADES_PER_ADDRESS)}
        self.assertEqual(found, {401})
        self.assertEqual(self.status("/ws/pty?token=wrong", {})[0], 429)
