"""What every node offers to its operators, and says in its log."""

from __future__ import annotations

import json

from twisted.internet.defer import Deferred

from tests.assembly.case import NOW, NodeCase
from wingthing import __version__
from wingthing.assembly.login import LoginNode
from wingthing.assembly.node import Node
from wingthing.crypto import tokens
from wingthing.errors import TemporarilyUnavailable
from wingthing.wire.limits import DIRECTORY_STALE_SECONDS, READY_SECONDS


class OperatingCase(NodeCase):
    def ready(self) -> tuple[int, str]:
        """Status of `/ready`, and what is wrong."""
        status, _headers, body = self.ask("/ready")
        said = json.loads(body.partition(b"\r\n")[2].partition(b"\r\n")[0])
        self.assertEqual(said["ready"], status == 200)
        return status, said.get("error", "")

    def metrics(self) -> str:
        status, _headers, body = self.ask("/metrics")
        self.assertEqual(status, 200)
        return body.decode()

    def lifecycle(self, node: Node, name: str) -> None:
        """Start and stop; each is one line."""
        self.start(node)
        self.stop(node)
        self.assertEqual(
            self.said(type(node).__name__),
            [f"{name} has started, version {__version__}", f"{name} is stopping", f"{name} has stopped"],
        )


class SingleTests(OperatingCase):
    def test_its_life_in_the_log(self) -> None:
        self.lifecycle(self.single(), "the single node")

    def test_figures_without_a_fleet(self) -> None:
        self.start(self.single())
        text = self.metrics()
        self.assertIn("wingthing_wings 0.0", text)
        self.assertIn('role="single"', text)
        for name in ("gossip", "upgrades", "proxy", "directory", "cache_total"):
            self.assertNotIn(f"wingthing_{name}", text)

    def test_figures_are_not_for_who_comes_through_a_proxy(self) -> None:
        self.start(self.single())
        for name in ("Fly-Client-IP", "Fly-Forwarded-Port", "X-Forwarded-For", "Forwarded"):
            self.assertEqual(self.ask("/metrics", {name: "x"})[0], 404, name)

    def test_figures_are_not_for_web_pages_of_others(self) -> None:
        self.start(self.single())
        self.assertEqual(self.ask("/metrics", {"Host": "evil.example"})[0], 421)

    def test_there_is_no_fleet_to_show(self) -> None:
        self.start(self.single())
        for path in ("/status", "/status.json"):
            self.assertEqual(self.ask(path)[0], 404, path)

    def test_ready_when_the_database_answers(self) -> None:
        node = self.single()
        self.start(node)
        self.assertEqual(self.ready(), (200, ""))

        async def busy(*_args: object) -> None:
            raise TemporarilyUnavailable("the database is busy")

        self.patch(self.databases[0], "read", busy)
        self.assertEqual(self.ready(), (503, "the database cannot be read: the database is busy"))

    def test_not_ready_when_it_does_not_answer_in_time(self) -> None:
        node = self.single()
        self.start(node)

        async def stuck(*_args: object) -> None:
            await Deferred()

        self.patch(self.databases[0], "read", stuck)
        client = self.client()
        client.request("/ready", {"Host": "localhost"})
        self.reactor.advance(READY_SECONDS)
        status, _headers, body = client.response()
        self.assertEqual(status, 503)
        self.assertIn(b"the database does not answer within 1 s", body)

    def test_not_ready_while_it_stops(self) -> None:
        node = self.single()
        self.start(node)
        client = self.client()
        token = tokens.mint(self.keys.signing, user_id="local", now=NOW, jti="j")[0]
        client.upgrade("/ws/wing", {"Authorization": f"Bearer {token}"})
        self.assertEqual(client.response()[0], 101)
        stopping = node.stopService()
        self.assertEqual(self.ready(), (503, "this node is stopping"))
        self.assertEqual(self.ask("/health")[0], 200)
        for _ in range(200):
            self.reactor.advance(0.1)
        self.assertTrue(stopping.called)


class LoginTests(OperatingCase):
    def test_its_life_in_the_log(self) -> None:
        self.lifecycle(self.login(), "login node m1 in ewr")

    def test_figures_of_its_fleet(self) -> None:
        node = self.login()
        self.start(node)
        assert isinstance(node, LoginNode)
        node.gossip.found({"m2": "nrt"}, NOW)
        self.reactor.advance(1)
        text = self.metrics()
        self.assertIn('wingthing_gossip_age_seconds{machine="m2"} 1.0', text)
        self.assertIn('wingthing_upgrades_total{outcome="sent_on"} 0.0', text)
        self.assertIn("wingthing_directory_wings 0.0", text)
        self.assertNotIn("wingthing_proxy", text)

    def test_the_status_is_for_who_is_logged_in(self) -> None:
        self.start(self.login())
        self.assertEqual(self.ask("/status")[0], 401)
        status, headers, body = self.ask("/status.json")
        self.assertEqual((status, headers["content-type"]), (401, "application/json"))
        self.assertIn(b'{"error":', body)

    def test_ready_when_the_database_answers(self) -> None:
        self.start(self.login())
        self.assertEqual(self.ready(), (200, ""))


class EdgeTests(OperatingCase):
    def test_its_life_in_the_log(self) -> None:
        self.lifecycle(self.edge(), "edge node m2 in nrt")

    def test_figures_of_login_and_of_what_it_remembers(self) -> None:
        node = self.edge()
        self.start(node)
        self.reactor.advance(3)
        text = self.metrics()
        self.assertIn('wingthing_gossip_age_seconds{machine="login"} 3.0', text)
        for name in ("proxy_active", "directory_wings", 'cache_total{cache="session",result="hit"}'):
            self.assertIn(f"wingthing_{name} 0.0", text)
        self.assertIn('wingthing_upgrades_total{outcome="sent_on"} 0.0', text)

    def test_ready_when_login_has_been_heard(self) -> None:
        node = self.edge()
        self.start(node)
        self.assertEqual(self.ready(), (503, "login has not been heard, and nothing is known of its users"))
        node.gossip.heard_at = self.reactor.seconds()
        self.assertEqual(self.ready(), (200, ""))
        self.reactor.advance(DIRECTORY_STALE_SECONDS)
        self.assertEqual(self.ready()[0], 503)

    def test_ready_with_login_away_when_it_knows_the_users(self) -> None:
        node = self.edge()
        self.start(node)
        node.entitlements.warm = True
        self.reactor.advance(DIRECTORY_STALE_SECONDS)
        self.assertEqual(self.ready(), (200, ""))

    def test_what_it_refuses_for_login_has_the_headers_of_every_answer(self) -> None:
        self.start(self.edge())
        status, headers, body = self.ask("/%69nternal/x")
        self.assertEqual(status, 404)
        self.assertIn("default-src 'none'", headers["content-security-policy"])
        self.assertEqual(headers["x-content-type-options"], "nosniff")
        self.assertIn(b"There is nothing here", body)
