"""The figures that only a node of a fleet has: gossip, directory, placed upgrades, proxy, caches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from prometheus_client import Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from wingthing.assembly.metrics import counter, gauge, gauges, without_created
from wingthing.cluster.caches import EntitlementCache, SessionCache
from wingthing.cluster.directory import Directory
from wingthing.cluster.gossip_edge import EdgeGossip
from wingthing.cluster.gossip_login import LoginGossip
from wingthing.cluster.placement import OUTCOMES
from wingthing.cluster.proxy_exchange import REASONS
from wingthing.cluster.pusher import GossipPusher
from wingthing.cluster.reporter import Reporter

LOGIN = "login"
"""What an edge calls login: there is one, whichever machine it is on."""

PROXY_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Seconds."""


class Upgrades(Collector):
    """How the browsers' upgrades were placed; Placement calls `count`."""

    def __init__(self) -> None:
        self._outcomes: Counter[str] = Counter()

    def count(self, outcome: str) -> None:
        self._outcomes[outcome] += 1

    def collect(self) -> Iterator[Metric]:
        values = {outcome.replace(" ", "_"): self._outcomes[outcome] for outcome in OUTCOMES}
        yield counter("upgrades", "WebSocket upgrades of browsers, by how they fared.", "outcome", values)


class ProxyFigures(Collector):
    """The edge's reverse proxy. Implements its Observer."""

    def __init__(self) -> None:
        self._active = 0
        self._failures: Counter[str] = Counter()
        self._seconds = Histogram(
            "wingthing_proxy_seconds",
            "From a request's headers to the end of login's answer.",
            buckets=PROXY_BUCKETS,
            registry=None,
        )

    def started(self) -> None:
        self._active += 1

    def answered(self, status: int, seconds: float) -> None:
        self._active -= 1
        self._seconds.observe(seconds)

    def failed(self, reason: str) -> None:
        self._active -= 1
        self._failures[reason] += 1

    def collect(self) -> Iterator[Metric]:
        yield gauge("proxy_active", "Requests that are with login now.", self._active)
        yield counter(
            "proxy_failures",
            "Requests that login did not answer to the end.",
            "reason",
            {reason: self._failures[reason] for reason in REASONS},
        )
        yield from without_created(self._seconds.collect())


class LoginFigures(Collector):
    """Login's: what it hears of its edges."""

    def __init__(
        self,
        gossip: LoginGossip,
        pusher: GossipPusher,
        seconds: Callable[[], float],
    ) -> None:
        self._gossip = gossip
        self._pusher = pusher
        self._seconds = seconds

    def collect(self) -> Iterator[Metric]:
        gossip, now = self._gossip, self._seconds()
        peers = gossip.peers
        yield _age({name: now - peer.heard_at for name, peer in peers.items()})
        yield _lag({name: gossip.log.seq - peer.login_seq for name, peer in peers.items()})
        rounds = {name: self._pusher.round_seconds(name) for name in peers}
        yield gauges(
            "gossip_round_seconds",
            "How long an edge took for its last answer.",
            "machine",
            {name: taken for name, taken in rounds.items() if taken is not None},
        )
        yield from _directory(gossip.directory, whole=gossip.whole(now))


class EdgeFigures(Collector):
    """An edge's: what it hears of login, and what it remembers of it."""

    def __init__(
        self,
        gossip: EdgeGossip,
        reporter: Reporter,
        sessions: SessionCache,
        entitlements: EntitlementCache,
    ) -> None:
        self._gossip = gossip
        self._reporter = reporter
        self._sessions = sessions
        self._entitlements = entitlements

    def collect(self) -> Iterator[Metric]:
        gossip, sessions, users = self._gossip, self._sessions, self._entitlements
        yield _age({LOGIN: self._reporter.silent_seconds})
        yield _lag({LOGIN: gossip.unacknowledged})
        yield from _directory(gossip.directory, whole=gossip.whole and not self._reporter.stale)
        text = "Questions that the caches answered, and those that login was asked."
        caches = CounterMetricFamily("wingthing_cache", text, labels=["cache", "result"])
        for cache, result, value in (
            ("session", "hit", sessions.hits),
            ("session", "miss", sessions.misses),
            ("entitlements", "unchanged", users.unchanged),
            ("entitlements", "changed", users.changed),
            ("entitlements", "failed", users.failed),
        ):
            caches.add_metric([cache, result], value)
        yield caches


def _age(values: dict[str, float]) -> GaugeMetricFamily:
    return gauges("gossip_age_seconds", "How long ago that node was last heard.", "machine", values)


def _lag(values: dict[str, float]) -> GaugeMetricFamily:
    text = "Events that this node has told that node of, and does not know to have arrived."
    return gauges("gossip_lag_events", text, "machine", values)


def _directory(directory: Directory, *, whole: bool) -> Iterator[Metric]:
    yield gauge("directory_wings", "Wings that are online anywhere, by what this node knows.", len(directory))
    yield gauge("directory_whole", "1 when no wing that is online is missing.", whole)
