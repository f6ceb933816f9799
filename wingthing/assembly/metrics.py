"""The figures of a node for Prometheus (`/metrics`): read from where they are when somebody asks.

Nothing is counted here on the way of a message. A registry belongs to one node; Prometheus' global one is
not used. What only a node of a fleet has is in fleet_metrics. docs/operations.md has the table of all names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from wingthing import __version__
from wingthing.assembly.config import Config
from wingthing.assembly.lag import ReactorLag
from wingthing.relay.allowance import Allowance
from wingthing.relay.router import Router
from wingthing.sockets.pace import Delayed

KINDS = ("browser", "dashboard", "wing")


class Metrics:
    """The registry of one node."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        GCCollector(registry=self._registry)

    def add(self, figures: Collector) -> None:
        """Ask `figures` too."""
        self._registry.register(figures)

    def text(self) -> bytes:
        """All figures as they are now, in Prometheus' text format."""
        return generate_latest(self._registry)


class PlanFigures(Collector):
    """What plans and the rate do here."""

    def __init__(self, allowance: Allowance, delayed: Delayed) -> None:
        self._allowance = allowance
        self._delayed = delayed

    def collect(self) -> Iterator[Metric]:
        yield gauge(
            "users_over_cap",
            "Users who have used up the cap of the free plan, as far as this node knows.",
            self._allowance.over,
        )
        yield counter(
            "rate_delayed_bytes",
            "Bytes of messages that had to wait because of their user's rate.",
            "direction",
            {"to_browser": self._delayed.to_browser, "from_browser": self._delayed.from_browser},
        )


class NodeFigures(Collector):
    """What every node has: its relay and its reactor. `cut_off` counts slow readers by kind of socket."""

    def __init__(self, config: Config, router: Router, cut_off: Mapping[str, int], lag: ReactorLag) -> None:
        place = config.fleet
        self._about = {
            "version": __version__,
            "role": str(config.role),
            "machine": place.machine if place else "",
            "region": place.region if place else "",
        }
        self._router = router
        self._cut_off = cut_off
        self._lag = lag

    def collect(self) -> Iterator[Metric]:
        router = self._router
        yield InfoMetricFamily("wingthing", "This node.", self._about)
        yield gauge("wings", "Wings that are connected to this node.", len(router.wings))
        yield gauge("browsers", "Browsers with a socket for terminals.", router.browser_count)
        yield gauge("dashboards", "Open pages that hear of events.", len(router.dashboards))
        yield gauge("sessions", "Terminals that a browser at this node controls.", router.terminal_count)
        to_browser, to_wing = router.meter.to_browsers(), router.meter.to_wings()
        yield counter(
            "relayed_bytes",
            "Bytes of the messages that were relayed.",
            "direction",
            {"to_browser": to_browser.bytes, "to_wing": to_wing.bytes},
        )
        yield counter(
            "messages",
            "Messages that were relayed.",
            "direction",
            {"to_browser": to_browser.messages, "to_wing": to_wing.messages},
        )
        yield gauge("outbox_bytes", "Bytes that wait for peers to read them.", router.waiting_bytes)
        yield counter(
            "outbox_full",
            "Sockets that were closed because their peers read too slowly.",
            "kind",
            {kind: self._cut_off.get(kind, 0) for kind in KINDS},
        )
        yield gauge("reactor_lag_seconds", "The longest delay of the last minute.", self._lag.worst)
        yield from without_created(self._lag.histogram.collect())


def gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    """A figure that goes up and down."""
    return GaugeMetricFamily(f"wingthing_{name}", text, value)


def gauges(name: str, text: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    """The same by something."""
    family = GaugeMetricFamily(f"wingthing_{name}", text, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family


def counter(name: str, text: str, label: str, values: Mapping[str, float]) -> CounterMetricFamily:
    """A total since the node's start, by something. `_total` is added to the name."""
    family = CounterMetricFamily(f"wingthing_{name}", text, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family


def without_created(families: Iterable[Metric]) -> Iterator[Metric]:
    """Without the times at which the series began: everything here begins with the process."""
    for family in families:
        family.samples = [sample for sample in family.samples if not sample.name.endswith("_created")]
        yield family
