"""Edges that fail, are found, and go."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from twisted.internet.defer import Deferred

from tests.cluster.case import NOW, FakeNews, record
from tests.cluster.pusher_case import PusherCase, failing
from wingthing.cluster.directory import EdgeDirectory
from wingthing.cluster.discovery import Found
from wingthing.cluster.gossip_edge import EdgeGossip
from wingthing.errors import NotFound, TemporarilyUnavailable
from wingthing.relay.calls import Call
from wingthing.testing import WING_ID
from wingthing.wire.gossip import Round
from wingthing.wire.limits import (
    DISCOVERY_SECONDS,
    EDGE_DEAD_SECONDS,
    GOSSIP_COALESCE_SECONDS,
    GOSSIP_SECONDS,
    GOSSIP_TIMEOUT_SECONDS,
    SUSPECT_ROUNDS,
)


class FailureTests(PusherCase):
    def test_an_edge_that_misses_rounds_is_suspect_and_then_given_up(self) -> None:
        self.network.edges["edge-a"].local_up(record("c1"), NOW)
        self.quiet()
        self.assertEqual(self.places(), {("edge-a", "c1")})
        self.network.fates["edge-a"] = failing(TemporarilyUnavailable("did not answer"))
        peer = self.gossip.peers["edge-a"]
        self.turn(GOSSIP_SECONDS * SUSPECT_ROUNDS)
        self.assertEqual((peer.suspect, peer.alive), (True, True))
        self.turn(EDGE_DEAD_SECONDS - GOSSIP_SECONDS * SUSPECT_ROUNDS + GOSSIP_SECONDS)
        self.assertFalse(peer.alive)
        self.assertIsNone(self.gossip.directory.current(WING_ID))
        self.assertIsNone(self.network.edges["edge-b"].directory.current(WING_ID))
        before = len(self.network.to("edge-a"))
        self.turn(10)
        self.assertGreaterEqual(len(self.network.to("edge-a")) - before, 4, "it is asked all the same")
        del self.network.fates["edge-a"]
        self.turn(GOSSIP_SECONDS + 0.125)
        self.assertEqual(self.places(), {("edge-a", "c1")})

    def test_whatever_comes_in_place_of_an_answer_is_a_miss(self) -> None:
        self.quiet()
        peer = self.gossip.peers["edge-a"]
        nonsense: list[Callable[[Round], Deferred[bytes]]] = [
            failing(TemporarilyUnavailable("away")),
            failing(NotFound("another program")),
        ]
        for body in (b"", b"{}", b"[]", b"\xff", b'{"machine":"edge-a"}'):
            answered: Deferred[bytes] = Deferred()
            answered.callback(body)
            nonsense.append(lambda _asked, answered=answered: answered)
        for number, fate in enumerate(nonsense, 1):
            self.network.fates["edge-a"] = fate
            self.pusher.hello("edge-a")
            self.clock.advance(GOSSIP_COALESCE_SECONDS)
            self.assertEqual(peer.missed, number)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_another_machine_at_that_address_is_not_believed(self) -> None:
        self.quiet()
        self.network.edges["edge-a"].local_up(record("c1"), NOW)
        self.network.proven["edge-a"] = "edge-b"
        self.pusher.hello("edge-a")
        self.clock.advance(0)
        self.assertEqual(self.gossip.peers["edge-a"].missed, 1)
        self.assertIsNone(self.gossip.directory.current(WING_ID))

    def test_an_edge_that_speaks_in_the_name_of_another_is_not_believed(self) -> None:
        """It has proved who it is, and says in its answer that it is somebody else."""

        def posing(asked: Round) -> Deferred[bytes]:
            edge = EdgeGossip(EdgeDirectory("edge-b"), "", "x", FakeNews(), lambda: (), lambda: (0, 0))
            edge.local_up(record("stolen"), NOW)
            answered: Deferred[bytes] = Deferred()
            answered.callback(msgspec.json.encode(edge.receive(asked, 0.0)))
            return answered

        # Login has heard of neither yet, so that what it says could stand for an answer of the other's.
        self.setUp_anew()
        self.network.fates = {"edge-a": posing, "edge-b": failing(TemporarilyUnavailable("away"))}
        self.turn(0.5)
        self.assertIsNone(self.gossip.directory.current(WING_ID))
        self.assertFalse(self.gossip.peers["edge-b"].alive)
        self.assertEqual(self.gossip.peers["edge-a"].missed, 1)

    def setUp_anew(self) -> None:
        self.stop()
        self.setUp()
        self.network.rounds.clear()

    def test_a_bug_in_one_round_ends_neither_that_line_nor_another(self) -> None:
        self.quiet()
        self.network.fates["edge-a"] = failing(RuntimeError("a bug"))
        self.pusher.hello("edge-a")
        self.clock.advance(0)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        del self.network.fates["edge-a"]
        self.turn(2 * GOSSIP_SECONDS)
        self.assertGreaterEqual(len(self.network.to("edge-a")), 2)


class DiscoveryTests(PusherCase):
    machines = ("edge-a",)

    def test_a_new_edge_is_found_in_time(self) -> None:
        self.quiet()
        self.start_edge("edge-b")
        self.names.there["edge-b"] = Found("edge-b", "lhr", "fdaa::edge-b")
        self.turn(DISCOVERY_SECONDS)
        self.assertEqual(len(self.network.to("edge-b")) > 0, True)
        self.assertEqual(self.gossip.peers["edge-b"].region, "nrt")

    def test_and_at_once_when_it_says_hello(self) -> None:
        self.quiet()
        self.start_edge("edge-b")
        self.names.there["edge-b"] = Found("edge-b", "lhr", "fdaa::edge-b")
        asked = self.names.asked
        self.pusher.hello("edge-b")
        self.clock.advance(0)
        self.assertEqual((self.names.asked, len(self.network.to("edge-b"))), (asked + 1, 1))

    def test_many_hellos_of_unknown_machines_cost_one_look(self) -> None:
        self.quiet()
        self.names.waiting = Deferred()
        asked = self.names.asked
        for number in range(100):
            self.pusher.hello(f"unknown-{number}")
        self.assertEqual(self.names.asked, asked + 1)
        self.names.waiting.callback(None)
        self.names.waiting = None

    def test_an_address_that_has_changed_is_used(self) -> None:
        self.quiet()
        self.start_edge("edge-a2")
        self.network.edges["edge-a2"] = self.network.edges["edge-a"]
        self.network.proven["edge-a2"] = "edge-a"
        self.names.there["edge-a"] = Found("edge-a", "nrt", "fdaa::edge-a2")
        self.turn(DISCOVERY_SECONDS + GOSSIP_SECONDS)
        self.assertEqual(self.network.rounds[-1][0], "edge-a2")

    def test_dns_that_fails_changes_nothing(self) -> None:
        self.quiet()
        for why in (TemporarilyUnavailable("DNS is silent"), RuntimeError("a bug")):
            self.names.failure = why
            self.turn(DISCOVERY_SECONDS)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.assertTrue(self.gossip.peers["edge-a"].alive)
        self.names.failure = None
        asked = self.names.asked
        self.turn(DISCOVERY_SECONDS)
        self.assertEqual(self.names.asked, asked + 1, "and it is asked again")

    def test_an_edge_that_is_gone_is_not_asked_any_more(self) -> None:
        self.quiet()
        del self.names.there["edge-a"]
        self.network.fates["edge-a"] = failing(TemporarilyUnavailable("away"))
        self.turn(EDGE_DEAD_SECONDS + DISCOVERY_SECONDS + GOSSIP_SECONDS)
        self.assertEqual(self.gossip.peers, {})
        self.network.rounds.clear()
        self.turn(10)
        self.assertEqual(self.network.rounds, [])

    def test_an_edge_that_is_forgotten_while_it_is_asked(self) -> None:
        for ends in (TemporarilyUnavailable("did not answer"), None):
            self.setUp()
            self.quiet()
            answer: Deferred[bytes] = Deferred()
            self.network.fates["edge-a"] = lambda _asked, answer=answer: answer
            self.pusher.hello("edge-a")
            self.clock.advance(0)
            (asked,) = self.network.to("edge-a")
            del self.names.there["edge-a"]
            self.turn(EDGE_DEAD_SECONDS + DISCOVERY_SECONDS + GOSSIP_SECONDS)
            self.assertEqual(self.gossip.peers, {})
            if ends is not None:
                answer.errback(ends)
            else:
                answer.callback(msgspec.json.encode(self.network.edges["edge-a"].receive(asked, 0.0)))
            self.assertEqual(self.flushLoggedErrors(), [])
            self.assertEqual(self.gossip.peers, {})
            self.stop()


class EndTests(PusherCase):
    def test_it_stops_also_in_the_middle_of_a_round(self) -> None:
        self.quiet()
        answer: Deferred[bytes] = Deferred()
        self.network.fates["edge-a"] = lambda _asked: answer
        self.pusher.hello("edge-a")
        self.clock.advance(0)
        self.pusher.stopService()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        answer.errback(TemporarilyUnavailable("away"))
        self.gossip.attention(WING_ID, Call("s"))
        self.pusher.hello("edge-b")
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_the_timeout_is_shorter_than_the_pace_at_which_an_edge_dies(self) -> None:
        self.assertLess(SUSPECT_ROUNDS * max(GOSSIP_SECONDS, GOSSIP_TIMEOUT_SECONDS), EDGE_DEAD_SECONDS)
