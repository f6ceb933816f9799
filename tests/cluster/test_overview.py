"""The fleet as login sees it."""

from __future__ import annotations

import attrs
import msgspec
from twisted.trial.unittest import TestCase

from tests.cluster.case import Fleet, record
from wingthing.cluster.overview import FleetStatus, NodeStatus, Overview, State, city
from wingthing.testing import new_router, open_browser, open_wing
from wingthing.wire.limits import EDGE_DEAD_SECONDS, SUSPECT_ROUNDS


@attrs.define
class Rounds:
    """How long rounds took, as the pusher tells it."""

    seconds: dict[str, float]

    def round_seconds(self, machine: str) -> float | None:
        return self.seconds.get(machine)


class OverviewTests(TestCase):
    def setUp(self) -> None:
        self.fleet = Fleet("edge-a", "edge-b")
        self.rounds = Rounds({"edge-a": 0.02})
        self.router = new_router()
        self.overview = Overview(
            "app",
            "ewr",
            "0.1",
            self.fleet.watch.now - 60,
            self.fleet.login,
            self.rounds,  # type: ignore[arg-type]
            self.router,
        )

    @property
    def status(self) -> FleetStatus:
        return self.overview.at(self.fleet.watch.now)

    def node(self, machine: str) -> NodeStatus:
        (found,) = [node for node in self.status.nodes if node.machine == machine]
        return found

    def test_login_comes_first_and_speaks_for_itself(self) -> None:
        open_browser(self.router)
        self.fleet.login.local_up(record(), self.fleet.watch.now)
        first = self.status.nodes[0]
        self.assertEqual((first.machine, first.role, first.state), ("login", "login", State.THIS))
        self.assertEqual((first.region, first.city, first.version), ("ewr", "Newark", "0.1"))
        self.assertEqual((first.wings, first.browsers, first.sessions), (1, 1, 0))
        self.assertEqual((first.gossip_age, first.round_seconds, first.uptime), (None, None, 60))

    def test_an_edge_that_answers(self) -> None:
        self.fleet.settle()
        self.fleet.watch.now += 1.5
        edge = self.node("edge-a")
        self.assertEqual((edge.role, edge.state, edge.city), ("edge", State.ALIVE, "Tokyo"))
        self.assertEqual((edge.browsers, edge.sessions, edge.version), (7, 3, "1.2.3"))
        self.assertEqual((edge.gossip_age, edge.round_seconds), (1.5, 0.02))
        self.assertEqual(self.node("edge-b").round_seconds, None)

    def test_its_uptime_is_by_logins_clock(self) -> None:
        self.fleet.edges["edge-a"]._uptime = lambda: 100
        self.fleet.settle()
        self.fleet.watch.now += 5
        self.assertEqual(self.node("edge-a").uptime, 105)

    def test_an_edge_that_has_not_answered_yet(self) -> None:
        edge = self.node("edge-a")
        self.assertEqual((edge.state, edge.wings, edge.uptime), (State.AWAY, 0, None))
        self.assertEqual((edge.region, edge.city), ("xyz", ""))

    def test_suspect_and_then_away(self) -> None:
        self.fleet.edges["edge-a"].local_up(record(), self.fleet.watch.now)
        self.fleet.settle()
        for _ in range(SUSPECT_ROUNDS):
            self.assertEqual(self.node("edge-a").state, State.ALIVE)
            self.fleet.login.missed("edge-a")
        edge = self.node("edge-a")
        self.assertEqual((edge.state, edge.wings, edge.browsers), (State.SUSPECT, 1, 7))
        self.fleet.watch.now += EDGE_DEAD_SECONDS
        self.fleet.round("edge-b")
        self.fleet.login.tick(self.fleet.watch.now)
        edge = self.node("edge-a")
        self.assertEqual((edge.state, edge.wings, edge.browsers, edge.sessions), (State.AWAY, 0, 0, 0))
        self.assertEqual((edge.round_seconds, edge.uptime), (None, None))
        self.assertEqual(edge.gossip_age, EDGE_DEAD_SECONDS)

    def test_totals_leave_out_who_is_away(self) -> None:
        self.fleet.round("edge-a")
        totals = self.status.totals
        self.assertEqual((totals.nodes, totals.browsers, totals.sessions), (2, 7, 3))

    def test_a_wing_on_two_nodes_counts_once(self) -> None:
        self.fleet.settle()
        self.fleet.edges["edge-a"].local_up(record("c1"), self.fleet.watch.now)
        self.fleet.settle()
        self.fleet.edges["edge-b"].local_up(record("c2"), self.fleet.watch.now)
        self.fleet.settle()
        self.assertEqual([self.node("edge-a").wings, self.node("edge-b").wings], [1, 1])
        self.assertEqual((self.status.totals.wings, self.status.directory.wings), (1, 1))

    def test_the_directory_is_whole_when_every_edge_has_been_heard(self) -> None:
        self.fleet.round("edge-a")
        self.assertFalse(self.status.directory.whole)
        self.fleet.round("edge-b")
        self.assertTrue(self.status.directory.whole)

    def test_edges_are_in_the_order_of_their_regions(self) -> None:
        for machine, region in (("edge-a", "syd"), ("edge-b", "ams")):
            self.fleet.login.peers[machine].region = region
        self.assertEqual([node.machine for node in self.status.nodes], ["login", "edge-b", "edge-a"])

    def test_it_can_be_sent(self) -> None:
        open_wing(self.router)
        sent = msgspec.json.decode(msgspec.json.encode(self.status))
        self.assertEqual(sent["nodes"][0]["state"], "this")
        self.assertEqual(msgspec.convert(sent, FleetStatus), self.status)

    def test_cities(self) -> None:
        self.assertEqual((city("gru"), city("xyz"), city("")), ("S\u00e3o Paulo", "", ""))
