"""The figures that only a node of a fleet has."""

from __future__ import annotations

import attrs
from twisted.trial.unittest import TestCase

from tests.assembly.test_metrics import documented, exposed, figures
from tests.cluster.case import Fleet, record
from wingthing.assembly.fleet_metrics import EdgeFigures, LoginFigures, ProxyFigures, Upgrades
from wingthing.assembly.metrics import Metrics
from wingthing.cluster.placement import OUTCOMES
from wingthing.cluster.proxy_exchange import AWAY, BUSY, REASONS
from wingthing.relay.calls import Call

EDGE = "edge-a"


@attrs.define
class Rounds:
    """How long rounds took, as the pusher tells it."""

    seconds: dict[str, float]

    def round_seconds(self, machine: str) -> float | None:
        return self.seconds.get(machine)


@attrs.define
class Heard:
    """What the reporter knows of login."""

    silent_seconds: float = 0.0
    stale: bool = False


@attrs.define
class Counts:
    """The counters of a cache."""

    hits: int = 0
    misses: int = 0
    unchanged: int = 0
    changed: int = 0
    failed: int = 0


class FleetCase(TestCase):
    def setUp(self) -> None:
        self.fleet = Fleet(EDGE, "edge-b")
        self.metrics = Metrics()

    def figure(self, name: str, *labels: str) -> float:
        return figures(self.metrics)[f"wingthing_{name}", labels]

    def all_are_documented(self) -> None:
        self.assertEqual(exposed(self.metrics) - documented(), set())


class LoginTests(FleetCase):
    def setUp(self) -> None:
        super().setUp()
        self.rounds = Rounds({})
        self.metrics.add(
            LoginFigures(self.fleet.login, self.rounds, self.fleet.watch.seconds)  # type: ignore[arg-type]
        )

    def test_how_old_the_last_word_of_each_edge_is(self) -> None:
        self.fleet.watch.now += 3
        self.fleet.round(EDGE)
        self.fleet.watch.now += 1.5
        self.assertEqual(self.figure("gossip_age_seconds", EDGE), 1.5)
        self.assertEqual(self.figure("gossip_age_seconds", "edge-b"), 4.5)

    def test_how_far_each_edge_is_behind(self) -> None:
        self.fleet.settle()
        self.assertEqual(self.figure("gossip_lag_events", EDGE), 0)
        for number in range(3):
            self.fleet.login.attention("wing", Call(f"{number}"))
        self.assertEqual(self.figure("gossip_lag_events", EDGE), 3)
        self.fleet.round(EDGE)
        self.assertEqual(self.figure("gossip_lag_events", EDGE), 0)
        self.assertEqual(self.figure("gossip_lag_events", "edge-b"), 3)

    def test_an_edge_that_has_nothing_is_behind(self) -> None:
        self.assertEqual(self.figure("gossip_lag_events", EDGE), 1)

    def test_how_long_rounds_take(self) -> None:
        self.rounds.seconds[EDGE] = 0.25
        self.assertEqual(self.figure("gossip_round_seconds", EDGE), 0.25)
        self.assertNotIn(("wingthing_gossip_round_seconds", ("edge-b",)), figures(self.metrics))

    def test_the_directory(self) -> None:
        self.assertEqual((self.figure("directory_wings"), self.figure("directory_whole")), (0, 0))
        self.fleet.edges[EDGE].local_up(record(), self.fleet.watch.now)
        self.fleet.settle()
        self.assertEqual((self.figure("directory_wings"), self.figure("directory_whole")), (1, 1))
        self.all_are_documented()


class EdgeTests(FleetCase):
    def setUp(self) -> None:
        super().setUp()
        self.heard, self.counts = Heard(), Counts()
        edge = self.fleet.edges[EDGE]
        self.metrics.add(EdgeFigures(edge, self.heard, self.counts, self.counts))  # type: ignore[arg-type]

    def test_how_old_the_last_word_of_login_is(self) -> None:
        self.heard.silent_seconds = 12.5
        self.assertEqual(self.figure("gossip_age_seconds", "login"), 12.5)

    def test_how_much_login_has_not_taken(self) -> None:
        self.fleet.settle()
        self.fleet.edges[EDGE].local_up(record(), self.fleet.watch.now)
        self.assertEqual(self.figure("gossip_lag_events", "login"), 1)
        self.fleet.settle()
        self.assertEqual(self.figure("gossip_lag_events", "login"), 0)

    def test_a_stale_directory_is_not_whole(self) -> None:
        self.assertEqual(self.figure("directory_whole"), 0)
        self.fleet.settle()
        self.assertEqual(self.figure("directory_whole"), 1)
        self.heard.stale = True
        self.assertEqual(self.figure("directory_whole"), 0)

    def test_the_caches(self) -> None:
        self.counts = Counts(1, 2, 3, 4, 5)
        self.metrics = Metrics()
        edge = self.fleet.edges[EDGE]
        self.metrics.add(EdgeFigures(edge, self.heard, self.counts, self.counts))  # type: ignore[arg-type]
        for cache, result, value in (
            ("session", "hit", 1),
            ("session", "miss", 2),
            ("entitlements", "unchanged", 3),
            ("entitlements", "changed", 4),
            ("entitlements", "failed", 5),
        ):
            self.assertEqual(self.figure("cache_total", cache, result), value, (cache, result))
        self.all_are_documented()


class UpgradeTests(FleetCase):
    def test_each_outcome_has_a_series(self) -> None:
        upgrades = Upgrades()
        self.metrics.add(upgrades)
        for outcome in (*OUTCOMES, "sent on"):
            upgrades.count(outcome)
        self.assertEqual(self.figure("upgrades_total", "sent_on"), 2)
        for outcome in set(OUTCOMES) - {"sent on"}:
            self.assertEqual(self.figure("upgrades_total", outcome.replace(" ", "_")), 1)
        self.all_are_documented()


class ProxyTests(FleetCase):
    def test_what_is_with_login_and_what_became_of_it(self) -> None:
        proxied = ProxyFigures()
        self.metrics.add(proxied)
        self.assertEqual([self.figure("proxy_failures_total", reason) for reason in REASONS], [0] * 7)
        for _ in range(4):
            proxied.started()
        self.assertEqual(self.figure("proxy_active"), 4)
        proxied.answered(200, 0.03)
        proxied.answered(404, 20)
        proxied.failed(AWAY)
        self.assertEqual(self.figure("proxy_active"), 1)
        proxied.failed(BUSY)
        self.assertEqual(self.figure("proxy_active"), 0)
        self.assertEqual(self.figure("proxy_seconds_count"), 2)
        self.assertEqual(self.figure("proxy_seconds_bucket", "0.05"), 1)
        self.assertEqual(self.figure("proxy_failures_total", AWAY), 1)
        self.assertNotIn(b"_created", self.metrics.text())
        self.all_are_documented()
