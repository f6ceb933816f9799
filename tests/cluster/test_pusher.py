"""Login's rounds on a clock that the test turns: when they begin, with whom, and what a failure costs."""

from __future__ import annotations

from itertools import pairwise

import msgspec
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from tests.cluster.case import NOW, place, record, revoked, up
from tests.cluster.pusher_case import PusherCase
from wingthing.cluster.pusher import ROUNDS_AT_ONCE, RoundWriter
from wingthing.relay.calls import Call
from wingthing.testing import WING_ID
from wingthing.wire.gossip import Round, Snapshot, Taking
from wingthing.wire.limits import (
    GOSSIP_COALESCE_SECONDS,
    GOSSIP_ROUNDS_PER_SECOND,
    GOSSIP_SECONDS,
    USAGE_COUNT_SECONDS,
)


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
