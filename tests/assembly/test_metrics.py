"""The figures of a node."""

from __future__ import annotations

import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from wingthing import __version__
from wingthing.assembly.config import Config, FleetPlace
from wingthing.assembly.lag import ReactorLag
from wingthing.assembly.metrics import Metrics, NodeFigures, PlanFigures
from wingthing.assembly.roles import Role
from wingthing.sockets.pace import Delayed
from wingthing.testing import WING_ID, FakePeer, identity, new_router, open_browser, open_wing

PLACE = FleetPlace("app", "m1", "nrt", None, None)


def config(role: Role = Role.SINGLE, place: FleetPlace | None = None) -> Config:
    """A node's configuration, as far as its figures go."""
    return Config(role, "tcp:0", False, None, None, False, fleet=place)


Figures = dict[tuple[str, tuple[str, ...]], float]


def figures(metrics: Metrics) -> Figures:
    """(name, values of the labels in the order of their names) -> value, read as Prometheus would."""
    return {
        (sample.name, tuple(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(metrics.text().decode())
        for sample in family.samples
    }


class MetricsTests(TestCase):
    def setUp(self) -> None:
        self.router = new_router()
        self.cut_off: dict[str, int] = {}
        self.lag = ReactorLag(Clock())
        self.delayed = Delayed()
        self.metrics = self.metrics_of(config())

    def metrics_of(self, of: Config) -> Metrics:
        metrics = Metrics()
        metrics.add(NodeFigures(of, self.router, self.cut_off, self.lag))
        metrics.add(PlanFigures(self.router.allowance, self.delayed))
        return metrics

    def figure(self, name: str, *labels: str) -> float:
        return figures(self.metrics)[f"wingthing_{name}", labels]

    def test_an_empty_node_has_every_series(self) -> None:
        for name, labels in (
            ("wings", ()),
            ("browsers", ()),
            ("dashboards", ()),
            ("sessions", ()),
            ("relayed_bytes_total", ("to_browser",)),
            ("relayed_bytes_total", ("to_wing",)),
            ("messages_total", ("to_browser",)),
            ("messages_total", ("to_wing",)),
            ("outbox_bytes", ()),
            ("outbox_full_total", ("browser",)),
            ("users_over_cap", ()),
            ("rate_delayed_bytes_total", ("to_browser",)),
            ("rate_delayed_bytes_total", ("from_browser",)),
            ("reactor_lag_seconds", ()),
            ("reactor_lag_histogram_seconds_count", ()),
        ):
            self.assertEqual(self.figure(name, *labels), 0, name)

    def test_who_is_connected(self) -> None:
        wing = open_wing(self.router)
        browser = open_browser(self.router)
        self.router.dashboard_connected(identity("ann"), FakePeer())
        browser.start(wing_id=WING_ID)
        for name in ("wings", "browsers", "dashboards", "sessions"):
            self.assertEqual(self.figure(name), 1, name)
        browser.leave()
        wing.leave()
        for name in ("wings", "browsers", "sessions"):
            self.assertEqual(self.figure(name), 0, name)

    def test_what_goes_through_also_after_the_connections_have_ended(self) -> None:
        wing, browser = open_wing(self.router), open_browser(self.router)
        browser.start(wing_id=WING_ID)
        (start,) = wing.peer.sent
        wing.say("pty.output", session_id="00000001", data="aGVsbG8=")
        (output,) = browser.peer.sent
        for _ in range(2):
            self.assertEqual(self.figure("messages_total", "to_wing"), 1)
            self.assertEqual(self.figure("relayed_bytes_total", "to_wing"), len(start))
            self.assertEqual(self.figure("messages_total", "to_browser"), 1)
            self.assertEqual(self.figure("relayed_bytes_total", "to_browser"), len(output))
            browser.leave()
            wing.leave()

    def test_what_waits_and_who_was_cut_off(self) -> None:
        wing, browser = open_wing(self.router), open_browser(self.router)
        wing.peer.waiting, browser.peer.waiting = 1000, 234
        self.cut_off["browser"] = 2
        self.assertEqual(self.figure("outbox_bytes"), 1234)
        self.assertEqual(self.figure("outbox_full_total", "browser"), 2)
        self.assertEqual(self.figure("outbox_full_total", "wing"), 0)

    def test_who_is_over_the_cap_and_what_the_rate_delays(self) -> None:
        self.router.allowance.update("2027-01", 1000, set(), {"ann": 1000, "eve": 999, "bob": 5000})
        self.delayed.to_browser, self.delayed.from_browser = 12, 34
        self.assertEqual(self.figure("users_over_cap"), 2)
        self.assertEqual(self.figure("rate_delayed_bytes_total", "to_browser"), 12)
        self.assertEqual(self.figure("rate_delayed_bytes_total", "from_browser"), 34)

    def test_which_node_it_is(self) -> None:
        about = ("", "", "single", __version__)
        self.assertEqual(self.figure("info", *about), 1)
        self.metrics = self.metrics_of(config(Role.EDGE, PLACE))
        self.assertEqual(self.figure("info", "m1", "nrt", "edge", __version__), 1)

    def test_the_process(self) -> None:
        known = figures(self.metrics)
        for name in ("process_resident_memory_bytes", "process_open_fds", "process_cpu_seconds_total"):
            self.assertGreater(known[name, ()], 0, name)

    def test_the_process_has_as_many_registries_as_nodes(self) -> None:
        other = self.metrics_of(config())
        open_wing(self.router)
        self.assertEqual(figures(other)["wingthing_wings", ()], 1)
        self.router = new_router()
        self.assertEqual(figures(self.metrics_of(config()))["wingthing_wings", ()], 0)

    def test_no_times_of_creation(self) -> None:
        self.assertNotIn(b"_created", self.metrics.text())

    def test_nobody_is_named(self) -> None:
        """A scrape is for who is in the private network, and for nobody's eyes in particular."""
        open_wing(self.router, user_id="ann")
        open_browser(self.router, user_id="ann")
        text = self.metrics.text().decode()
        self.assertNotIn(WING_ID, text)
        self.assertNotRegex(text, r"(?i)ann|example\.org")

    def test_every_figure_is_in_the_handbook(self) -> None:
        self.assertEqual(exposed(self.metrics) - documented(), set())


def documented() -> set[str]:
    """The names in the table of docs/operations.md."""
    page = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
    cells = re.findall(r"^\| (`wingthing_[^|]*) \|", page, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`(wingthing_\w+)", cell)}


def exposed(metrics: Metrics) -> set[str]:
    """The names of our own figures; of a histogram the name without what Prometheus adds."""
    families = text_string_to_metric_families(metrics.text().decode())
    return {
        family.name + ("_total" if family.type == "counter" else "")
        for family in families
        if family.name.startswith("wingthing")
    }
