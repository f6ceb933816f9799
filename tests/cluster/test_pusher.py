"""Login's rounds on a clock that the test turns: when they begin, with whom, and what a failure costs."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from tests.cluster.case import NOW, FakeNews, place, record, revoked, up
from wingthing.cluster.client import Reply
from wingthing.cluster.directory import EdgeDirectory, LoginDirectory
from wingthing.cluster.discovery import Found
from wingthing.cluster.gossip_edge import EdgeGossip
from wingthing.cluster.gossip_login import LoginGossip
from wingthing.cluster.pusher import ROUNDS_AT_ONCE, GossipPusher, RoundWriter
from wingthing.errors import NotFound, TemporarilyUnavailable
from wingthing.relay.calls import Call
from wingthing.testing import WING_ID
from wingthing.wire.gossip import Answer, Round, Snapshot, Taking
from wingthing.wire.internal import GOSSIP_PATH
from wingthing.wire.limits import (
    DISCOVERY_SECONDS,
    EDGE_DEAD_SECONDS,
    GOSSIP_COALESCE_SECONDS,
    GOSSIP_ROUNDS_PER_SECOND,
    GOSSIP_SECONDS,
    GOSSIP_TIMEOUT_SECONDS,
    MAX_ROUND_ENTRIES,
    SUSPECT_ROUNDS,
    USAGE_COUNT_SECONDS,
)


class FakeNames:
    """DNS: the edges that are there, or what it fails with. `waiting` set: it answers when that fires."""

    def __init__(self, *machines: str) -> None:
        self.there = {machine: Found(machine, "nrt", f"fdaa::{machine}") for machine in machines}
        self.failure: Exception | None = None
        self.waiting: Deferred[None] | None = None
        self.asked = 0

    async def edges(self, own_machine: str) -> list[Found]:
        assert own_machine == "login"
        self.asked += 1
        if self.waiting is not None:
            await self.waiting
        if self.failure is not None:
            raise self.failure
        return list(self.there.values())


class FakeNetwork:
    """Brings rounds to edges and answers back, as bytes. A machine in `fates` has its own fate."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.edges: dict[str, EdgeGossip] = {}
        self.fates: dict[str, Callable[[Round], Deferred[bytes]]] = {}
        self.proven: dict[str, str] = {}
        """Who answers at the address of a machine, when it is somebody else."""

        self.rounds: list[tuple[str, Round, float]] = []
        """To whom, what, and when."""

    async def post(self, address: tuple[str, int], path: str, body: object, *, seconds: float) -> Reply:
        assert path == GOSSIP_PATH
        assert address[1] == 8080
        machine = address[0].removeprefix("fdaa::")
        asked = msgspec.json.decode(body, type=Round)  # type: ignore[arg-type]
        self.rounds.append((machine, asked, self.clock.seconds()))
        fate = self.fates.get(machine)
        if fate is not None:
            answer = await fate(asked)
        else:
            answer = msgspec.json.encode(self.edges[machine].receive(asked, self.clock.seconds()))
        return Reply(self.proven.get(machine, machine), 200, answer, "")

    def times(self, machine: str) -> list[float]:
        """When rounds with that edge began."""
        return [at for whom, _asked, at in self.rounds if whom == machine]

    def to(self, machine: str) -> list[Round]:
        """What was said to it."""
        return [asked for whom, asked, _at in self.rounds if whom == machine]


def failing(why: Exception) -> Callable[[Round], Deferred[bytes]]:
    def fate(_asked: Round) -> Deferred[bytes]:
        failed: Deferred[bytes] = Deferred()
        failed.errback(why)
        return failed

    return fate


class PusherCase(TestCase):
    machines: tuple[str, ...] = ("edge-a", "edge-b")
    most = MAX_ROUND_ENTRIES

    def setUp(self) -> None:
        self.clock = Clock()
        self.network, self.names = FakeNetwork(self.clock), FakeNames(*self.machines)
        self.usage: list[tuple[str, Answer]] = []
        self.sent: dict[str, int] = {}
        for machine in self.machines:
            self.start_edge(machine)
        self.gossip = LoginGossip(
            "login", "boot", LoginDirectory(), FakeNews(), list, self.clock.seconds(), self.most
        )
        self.pusher = GossipPusher(
            self.clock,
            self.gossip,
            self.names,
            self.network,
            lambda machine, answer: self.usage.append((machine, answer)),
        )
        self.pusher.startService()
        self.addCleanup(self.stop)

    def start_edge(self, machine: str) -> None:
        usage = lambda: list(self.sent.items()) if machine == "edge-a" else []  # noqa: E731
        self.network.edges[machine] = EdgeGossip(
            EdgeDirectory(machine),
            "nrt",
            f"{machine}-boot",
            FakeNews(),
            usage,
            lambda: (0, 0),
            most=self.most,
        )

    def stop(self) -> None:
        if self.pusher.running:
            self.pusher.stopService()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def turn(self, seconds: float) -> None:
        for _ in range(round(seconds / 0.0625)):
            self.clock.advance(0.0625)

    def quiet(self) -> None:
        """Everybody knows everything, and the next rounds are not due yet."""
        self.turn(GOSSIP_SECONDS + 1.0)
        self.network.rounds.clear()

    def places(self) -> set[tuple[str, str] | None]:
        found = [edge.directory.current(WING_ID) for edge in self.network.edges.values()]
        return {place(entry) for entry in [self.gossip.directory.current(WING_ID), *found]}


class RoundTests(PusherCase):
    def test_found_edges_are_told_at_once_and_then_every_two_seconds(self) -> None:
        self.clock.advance(0)
        self.assertEqual([self.network.times(machine) for machine in self.machines], [[0.0], [0.0]])
        self.quiet()
        self.turn(20)
        for machine in self.machines:
            times = self.network.times(machine)
            self.assertEqual(len(times), 10)
            gaps = [later - earlier for earlier, later in pairwise(times)]
            self.assertLessEqual(max(gaps), GOSSIP_SECONDS + 0.0625)

    def test_news_go_out_at_once_and_together(self) -> None:
        self.quiet()
        began = self.clock.seconds()
        for number in range(100):
            self.gossip.attention(WING_ID, Call(str(number)))
        self.clock.advance(GOSSIP_COALESCE_SECONDS - 0.001)
        self.assertEqual(self.network.rounds, [])
        self.clock.advance(0.0011)
        for machine in self.machines:
            (asked,) = self.network.to(machine)
            self.assertEqual(len(asked.events), 100)
        self.assertLess(self.clock.seconds() - began, 0.1)

    def test_a_wing_at_one_edge_is_known_at_all_of_them_soon_after_login_knows(self) -> None:
        self.quiet()
        self.network.edges["edge-a"].local_up(record("c1"), NOW)
        self.pusher.hello("edge-a")
        self.clock.advance(0)
        self.assertEqual(place(self.gossip.directory.current(WING_ID)), ("edge-a", "c1"))
        self.clock.advance(GOSSIP_COALESCE_SECONDS)
        self.assertEqual(self.places(), {("edge-a", "c1")})

    def test_a_hello_begins_a_round_with_that_edge_alone(self) -> None:
        self.quiet()
        self.pusher.hello("edge-b")
        self.clock.advance(0)
        self.assertEqual([machine for machine, _asked, _at in self.network.rounds], ["edge-b"])

    def test_one_round_at_a_time_and_news_meanwhile_in_the_next(self) -> None:
        self.quiet()
        answers: list[Deferred[bytes]] = []

        def slow(asked: Round) -> Deferred[bytes]:
            answers.append(Deferred())
            return answers[-1]

        self.network.fates["edge-a"] = slow
        self.pusher.hello("edge-a")
        self.clock.advance(0)
        (asked,) = self.network.to("edge-a")
        for _ in range(5):
            self.pusher.hello("edge-a")
            self.gossip.attention(WING_ID, Call("s"))
            self.turn(0.125)
        self.assertEqual(len(self.network.to("edge-a")), 1)
        del self.network.fates["edge-a"]
        answers[0].callback(msgspec.json.encode(self.network.edges["edge-a"].receive(asked, 0.0)))
        self.clock.advance(GOSSIP_COALESCE_SECONDS)
        self.assertEqual(len(self.network.to("edge-a")[1].events), 5)
        self.assertEqual(len(self.network.to("edge-b")), 5, "and the slow one has delayed nobody")

    def test_who_has_not_got_everything_with_its_answer_is_told_the_rest(self) -> None:
        self.quiet()
        edge = self.network.edges["edge-a"]
        edge.local_up(record("c1"), NOW)
        self.pusher.hello("edge-a")
        self.clock.advance(0)
        self.clock.advance(GOSSIP_COALESCE_SECONDS)
        self.assertEqual(edge.login_seq, self.gossip.log.seq, "its own news come back to it, numbered")
        self.network.rounds.clear()
        self.turn(1)
        self.assertEqual(self.network.rounds, [], "and then there is nothing more to say")

    def test_how_long_an_answer_took(self) -> None:
        self.quiet()
        self.assertIsNone(self.pusher.round_seconds("edge-z"))
        answer: Deferred[bytes] = Deferred()
        asked: list[Round] = []
        self.network.fates["edge-a"] = lambda round_: (asked.append(round_), answer)[1]
        self.pusher.hello("edge-a")
        self.clock.advance(0)
        self.clock.advance(0.25)
        answer.callback(msgspec.json.encode(self.network.edges["edge-a"].receive(asked[0], 0.0)))
        self.assertEqual(self.pusher.round_seconds("edge-a"), 0.25)

    def test_usage_is_handed_on_when_there_is_some(self) -> None:
        self.quiet()
        self.assertEqual(self.usage, [])
        self.sent = {"ann": 10}
        self.turn(USAGE_COUNT_SECONDS)
        self.pusher.hello("edge-a")
        self.clock.advance(0)
        ((machine, answer),) = self.usage
        self.assertEqual((machine, answer.usage, answer.usage_seq), ("edge-a", [("ann", 10)], 1))


class PartsTests(PusherCase):
    most = 2

    def test_what_takes_several_rounds_takes_no_longer_than_they_do(self) -> None:
        self.quiet()
        for number in range(20):
            self.network.edges["edge-a"].local_up(record("c1", wing_id=f"wing-{number}"), NOW)
        self.pusher.hello("edge-a")
        self.clock.advance(0)
        self.assertEqual(len(self.gossip.directory), 20, "ten answers, one after the other")
        self.start_edge("edge-b")
        self.network.rounds.clear()
        self.pusher.hello("edge-b")
        self.clock.advance(GOSSIP_COALESCE_SECONDS)
        self.assertEqual(len(self.network.edges["edge-b"].directory), 20)
        self.assertGreaterEqual(len(self.network.to("edge-b")), 10)

    def test_the_written_parts_are_forgotten(self) -> None:
        self.network.edges["edge-a"].local_up(record("c1"), NOW)
        self.turn(0.125)
        self.assertEqual(len(self.pusher._writer._parts), 1)
        self.quiet()
        self.assertEqual(len(self.pusher._writer._parts), 0)


class PaceTests(PusherCase):
    """A hundred edges: there are no more rounds with them than login has time for."""

    machines = tuple(f"edge-{number:03d}" for number in range(100))

    def test_a_single_piece_of_news_reaches_all_of_them_at_once(self) -> None:
        self.quiet()
        self.gossip.attention(WING_ID, Call("s"))
        self.clock.advance(GOSSIP_COALESCE_SECONDS)
        self.assertEqual(len(self.network.rounds), len(self.machines))

    def test_news_without_end_are_told_at_a_pace(self) -> None:
        self.quiet()
        for _ in range(160):
            self.gossip.attention(WING_ID, Call("s"))
            self.clock.advance(0.0625)
        self.assertLessEqual(len(self.network.rounds), 10 * GOSSIP_ROUNDS_PER_SECOND + len(self.machines))
        for machine in self.machines:
            gaps = [later - earlier for earlier, later in pairwise(self.network.times(machine))]
            self.assertLessEqual(max(gaps), len(self.machines) / GOSSIP_ROUNDS_PER_SECOND + 0.0625)
        self.turn(GOSSIP_SECONDS)
        for machine in self.machines:
            self.assertEqual(self.network.edges[machine].login_seq, 160)

    def test_an_edge_that_asks_without_end_is_asked_at_a_pace(self) -> None:
        self.quiet()
        for _ in range(160):
            self.pusher.hello("edge-007")
            self.clock.advance(0.0625)
        self.assertLessEqual(len(self.network.to("edge-007")), 21)
        self.assertGreaterEqual(len(self.network.to("edge-007")), 15)

    def test_and_its_news_are_fetched_although_it_has_just_been_told_some(self) -> None:
        self.quiet()
        self.gossip.attention(WING_ID, Call("s"))
        self.clock.advance(GOSSIP_COALESCE_SECONDS)
        self.network.rounds.clear()
        self.pusher.hello("edge-007")
        self.clock.advance(0)
        self.assertEqual(len(self.network.to("edge-007")), 1)

    def test_they_are_begun_a_few_at_a_time(self) -> None:
        self.quiet()
        self.gossip.attention(WING_ID, Call("s"))
        self.clock.rightNow += GOSSIP_COALESCE_SECONDS
        begun = []
        while self.clock.calls and self.clock.calls[0].getTime() <= self.clock.rightNow:
            before = len(self.network.rounds)
            call = self.clock.calls.pop(0)
            call.called = 1
            call.func(*call.args, **call.kw)
            begun.append(len(self.network.rounds) - before)
        self.assertEqual((sum(begun), max(begun)), (len(self.machines), ROUNDS_AT_ONCE))


class WriterTests(TestCase):
    def test_written_once_or_anew_a_round_is_the_same(self) -> None:
        writer = RoundWriter()
        events = [up(f"c{number}") for number in range(3)]
        snapshots = [
            Snapshot(wings=[up("c1")], revoked=[revoked("t")], whole=True, part=part, last=part == 1)
            for part in (0, 1)
        ]
        rounds = [
            Round(machine="login", boot="b", seq=7, events=events[:count], snapshot=snapshot, taking=taking)
            for count in (0, 1, 3, 3)
            for snapshot in (None, *snapshots)
            for taking in (None, Taking(boot="e", seq=3, parts=1))
        ]
        for asked in [*rounds, msgspec.structs.replace(rounds[-1], seq=9, events=events[::-1])]:
            self.assertEqual(msgspec.json.decode(writer.write(asked), type=Round), asked)

    def test_another_snapshot_is_written(self) -> None:
        writer = RoundWriter()
        for whole in (False, True):
            snapshot = Snapshot(wings=[], revoked=[], whole=whole)
            asked = Round(machine="login", boot="b", seq=1, events=[], snapshot=snapshot)
            self.assertEqual(msgspec.json.decode(writer.write(asked), type=Round), asked)


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
