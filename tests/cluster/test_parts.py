"""Snapshots in parts, and rounds that have no room for everything: what happens in the middle of them."""

from __future__ import annotations

import msgspec
from twisted.trial.unittest import TestCase

from tests.cluster.case import NOW, Fleet, place, record, revoked, up
from wingthing.cluster.log import EventLog
from wingthing.cluster.parts import cut
from wingthing.relay.calls import Call
from wingthing.wire.gossip import Answer, Round, WingUp
from wingthing.wire.limits import EDGE_DEAD_SECONDS

WINGS = ("w1", "w2", "w3", "w4", "w5")


def named(wings: list[WingUp] | None) -> list[str]:
    return [entry.record.wing_id for entry in wings or ()]


class CutTests(TestCase):
    def test_in_their_order_and_none_too_long(self) -> None:
        entries = [up(f"c{number}") for number in range(5)]
        self.assertEqual(cut(entries, 2), [entries[:2], entries[2:4], entries[4:]])
        self.assertEqual(cut(entries, 5), [entries])
        self.assertEqual(cut([], 2), [[]], "that there is nothing must be said, too")


class PartsCase(TestCase):
    """Edge B has five wings; a round has room for two."""

    def setUp(self) -> None:
        self.fleet = Fleet("edge-a", "edge-b", most=2)
        self.login = self.fleet.login
        self.edge, self.other = self.fleet.edges["edge-a"], self.fleet.edges["edge-b"]
        for wing in WINGS:
            self.other.local_up(record("c1", wing_id=wing), NOW)

    def settle(self) -> None:
        for _ in range(20):
            self.fleet.round()
        self.fleet.settle()

    def known(self, node: str = "edge-a") -> list[str]:
        directory = self.login.directory if node == "login" else self.fleet.edges[node].directory
        return sorted(entry.record.wing_id for entry in directory)


class LoginsSnapshotTests(PartsCase):
    def setUp(self) -> None:
        super().setUp()
        self.fleet.revoked_now = [revoked("token-1")]
        self.rounds("edge-b", 3)
        self.assertEqual(self.known("login"), list(WINGS))
        # Login has heard nothing of edge A yet, but is not asked to wait for it.
        self.fleet.watch.now += EDGE_DEAD_SECONDS
        self.fleet.round("edge-b")

    def rounds(self, machine: str, count: int) -> list[Round]:
        asked = []
        for _ in range(count):
            asked.append(self.fleet.ask(machine))
            self.assertTrue(self.fleet.take(asked[-1], self.fleet.deliver(asked[-1], machine)))
        return asked

    def test_one_part_with_each_round(self) -> None:
        asked = self.rounds("edge-a", 3)
        snapshots = [round_.snapshot for round_ in asked if round_.snapshot]
        self.assertEqual([(s.part, s.last, named(s.wings)) for s in snapshots], [
            (0, False, ["w1", "w2"]), (1, False, ["w3", "w4"]), (2, True, ["w5"]),
        ])  # fmt: skip
        self.assertEqual([len(s.revoked) for s in snapshots], [1, 0, 0])
        self.assertEqual(self.fleet.news["edge-a"].revoked_subjects, ["token-1"])
        self.assertEqual((self.known(), self.edge.whole), (list(WINGS), True))
        self.assertIsNone(self.fleet.ask("edge-a").snapshot)

    def test_what_is_there_counts_and_what_is_not_named_stays_until_all_is_said(self) -> None:
        self.edge.directory.remote_up(up("c0", "edge-z", wing_id="gone"))
        self.rounds("edge-a", 2)
        self.assertEqual(self.known(), ["gone", "w1", "w2", "w3", "w4"])
        self.assertEqual((self.edge.whole, self.edge.login_boot), (False, ""))
        self.assertTrue(self.login.is_midway("edge-a"))
        self.rounds("edge-a", 1)
        self.assertEqual(self.known(), list(WINGS))
        self.assertFalse(self.login.is_midway("edge-a"))

    def test_what_happens_meanwhile_follows(self) -> None:
        self.rounds("edge-a", 1)
        self.other.local_down("w1", "c1")
        self.other.local_down("w5", "c1")
        self.rounds("edge-b", 1)
        self.rounds("edge-a", 2)
        self.assertEqual(self.known(), list(WINGS), "as it was when the snapshot was begun")
        self.assertTrue(self.login.has_news_for("edge-a"))
        self.rounds("edge-a", 1)
        self.assertEqual(self.known(), ["w2", "w3", "w4"])

    def test_a_part_that_is_lost_or_comes_again(self) -> None:
        first = self.fleet.ask("edge-a")
        self.assertEqual(self.fleet.ask("edge-a"), first, "it has not been acknowledged")
        for _ in range(2):
            answer = self.fleet.deliver(first, "edge-a")
            assert answer.taking is not None
            self.assertEqual(answer.taking.parts, 1)
        self.assertTrue(self.fleet.take(first, answer))
        self.rounds("edge-a", 1)
        self.fleet.deliver(first, "edge-a")
        (last,) = self.rounds("edge-a", 1)
        self.assertEqual((self.known(), self.edge.whole), (list(WINGS), True))
        for late in (first, last):
            self.other.local_down("w5", "c1")
            self.fleet.settle()
            self.assertIsNone(self.fleet.deliver(late, "edge-a").taking)
            self.assertEqual(self.known(), ["w1", "w2", "w3", "w4"])

    def test_a_part_out_of_turn_is_not_taken(self) -> None:
        self.rounds("edge-a", 1)
        asked = self.fleet.ask("edge-a")
        assert asked.snapshot is not None
        ahead = msgspec.structs.replace(asked, snapshot=msgspec.structs.replace(asked.snapshot, part=2))
        answer = self.fleet.deliver(ahead, "edge-a")
        assert answer.taking is not None
        self.assertEqual((answer.taking.parts, self.known()), (1, ["w1", "w2"]))

    def test_events_that_are_older_than_the_parts_that_are_here(self) -> None:
        self.settle()
        self.other.local_up(record("c1", wing_id="w1", locked=True), NOW)
        self.rounds("edge-b", 1)
        late = self.fleet.ask("edge-a")
        self.assertEqual(len(late.events), 1)
        self.other.local_up(record("c1", wing_id="w1", locked=False), NOW)
        self.rounds("edge-b", 1)
        self.login.peers["edge-a"].login_seq = -1
        self.fleet.deliver(self.fleet.ask("edge-a"), "edge-a")
        self.fleet.deliver(late, "edge-a")
        self.settle()
        known = self.edge.directory.current("w1")
        assert known is not None
        self.assertFalse(known.record.locked)

    def test_an_edge_that_is_midway_gets_the_rest_whatever_login_believes(self) -> None:
        self.rounds("edge-a", 3)
        self.other.local_down("w1", "c1")
        self.rounds("edge-b", 1)
        self.login.peers["edge-a"].login_seq = -1
        self.fleet.deliver(self.fleet.ask("edge-a"), "edge-a")
        # Login takes an earlier answer, and thinks that events would do.
        self.login.peers["edge-a"].login_seq = self.edge.login_seq
        self.assertIsNone(self.fleet.ask("edge-a").snapshot)
        self.settle()
        self.assertEqual(self.known(), ["w2", "w3", "w4", "w5"])

    def test_a_log_that_is_outrun_meanwhile(self) -> None:
        self.rounds("edge-a", 1)
        self.login.log._events = EventLog(3)._events
        for number in range(5):
            self.login.attention("w1", Call(str(number)))
        (asked,) = self.rounds("edge-a", 1)
        assert asked.snapshot is not None
        self.assertEqual((asked.snapshot.part, asked.seq), (0, self.login.log.seq))
        self.settle()
        self.assertEqual(self.known(), list(WINGS))

    def test_login_starts_anew_meanwhile(self) -> None:
        self.rounds("edge-a", 1)
        self.login = self.fleet.start_login("edge-a", "edge-b")
        self.settle()
        self.assertEqual((self.known(), self.edge.login_boot), (list(WINGS), self.login.boot))

    def test_it_is_made_once_for_all_and_not_kept(self) -> None:
        first = self.login.peers["edge-b"]
        self.assertEqual(first.told, 1)
        self.login.attention("w1", Call("s"))
        self.rounds("edge-a", 1)
        self.assertIs(self.login.peers["edge-a"].telling, first.telling, "events can follow it")
        for number in range(2):
            self.login.attention("w1", Call(str(number)))
        self.fleet.start_edge("edge-a")
        self.rounds("edge-a", 2)
        self.assertIsNot(self.login.peers["edge-a"].telling, first.telling, "but not too many")
        self.settle()
        self.login.tick(self.fleet.watch.now)
        self.assertIsNone(self.login._taken)


class EdgesSnapshotTests(PartsCase):
    def answer(self) -> tuple[Round, Answer]:
        asked = self.fleet.ask("edge-b")
        return asked, self.fleet.deliver(asked, "edge-b")

    def step(self) -> Answer:
        asked, answer = self.answer()
        self.assertTrue(self.fleet.take(asked, answer))
        return answer

    def test_one_part_with_each_answer(self) -> None:
        told = [self.step() for _ in range(3)]
        self.assertEqual([(a.part, a.last, a.more, named(a.snapshot)) for a in told], [
            (0, False, True, ["w1", "w2"]), (1, False, True, ["w3", "w4"]), (2, True, False, ["w5"]),
        ])  # fmt: skip
        self.assertEqual(self.known("login"), list(WINGS))
        self.assertIsNone(self.step().snapshot)

    def test_login_is_midway_until_it_has_all(self) -> None:
        self.step()
        self.assertTrue(self.login.is_midway("edge-b"))
        self.assertTrue(self.login.peers["edge-b"].alive)
        self.fleet.round("edge-a")
        for _ in range(2):
            self.assertFalse(self.login.whole(NOW))
            self.step()
        self.assertTrue(self.login.whole(NOW))
        self.assertFalse(self.login.peers["edge-b"].more)

    def test_whoever_is_in_the_middle_of_it_is_waited_for(self) -> None:
        self.step()
        self.fleet.watch.now += EDGE_DEAD_SECONDS
        self.assertFalse(self.login.whole(self.fleet.watch.now), "some of its wings are missing")

    def test_but_not_when_it_has_gone(self) -> None:
        self.step()
        self.fleet.watch.now += EDGE_DEAD_SECONDS
        self.assertEqual([peer.machine for peer in self.login.tick(self.fleet.watch.now)], ["edge-b"])
        self.assertEqual(self.known("login"), [])
        self.assertTrue(self.login.whole(self.fleet.watch.now))
        self.assertFalse(self.login.peers["edge-b"].alive)
        self.settle()
        self.assertEqual(self.known(), list(WINGS), "and it comes back as it was")

    def test_what_happens_meanwhile_follows(self) -> None:
        self.step()
        self.other.local_down("w1", "c1")
        self.other.local_up(record("c2", wing_id="w5"), NOW)
        told = [self.step(), self.step()]
        self.assertEqual([named(answer.snapshot) for answer in told], [["w3", "w4"], ["w5"]])
        self.assertTrue(told[-1].more)
        self.step()
        self.assertEqual(self.known("login"), ["w2", "w3", "w4", "w5"])
        self.assertEqual(place(self.login.directory.current("w5")), ("edge-b", "c2"))

    def test_an_answer_that_comes_twice_or_late(self) -> None:
        asked, first = self.answer()
        self.assertTrue(self.fleet.take(asked, first))
        self.assertFalse(self.fleet.take(asked, first))
        again, second = self.answer()
        self.assertFalse(self.fleet.take(asked, first))
        self.assertTrue(self.fleet.take(again, second))
        self.assertFalse(self.fleet.take(again, second))
        self.step()
        self.assertEqual(self.known("login"), list(WINGS))

    def test_a_part_that_does_not_fit(self) -> None:
        self.step()
        asked, answer = self.answer()
        for changes in ({"part": 2}, {"boot": "another"}, {"seq": 99}):
            self.assertFalse(self.fleet.take(asked, msgspec.structs.replace(answer, **changes)), changes)
        self.assertTrue(self.fleet.take(asked, answer))

    def test_the_edge_starts_anew_meanwhile(self) -> None:
        self.step()
        self.other = self.fleet.start_edge("edge-b")
        self.other.local_up(record("c9", wing_id="w9"), NOW)
        self.step()
        self.assertEqual(self.known("login"), ["w9"])

    def test_what_the_run_before_had_stays_until_all_is_said(self) -> None:
        self.settle()
        self.other = self.fleet.start_edge("edge-b")
        for wing in WINGS[1:]:
            self.other.local_up(record("c2", wing_id=wing), NOW)
        self.step()
        self.assertEqual(self.known("login"), list(WINGS))
        self.step()
        self.assertEqual(self.known("login"), list(WINGS[1:]))

    def test_a_log_that_is_outrun_meanwhile(self) -> None:
        self.step()
        self.other.log._events = EventLog(3)._events
        for number in range(5):
            self.other.local_up(record("c1", wing_id="w1", locked=bool(number % 2)), NOW)
        self.assertEqual(self.step().part, 0)
        self.settle()
        self.assertEqual(self.known("login"), list(WINGS))
        self.assertIsNone(self.other._telling, "nothing is kept")


class ManyEventsTests(PartsCase):
    def setUp(self) -> None:
        super().setUp()
        self.settle()

    def test_login_says_them_one_round_after_the_other(self) -> None:
        for number in range(5):
            self.login.attention("w1", Call(str(number)))
        for count, left in ((2, True), (2, True), (1, False)):
            asked = self.fleet.ask("edge-a")
            self.assertEqual(len(asked.events), count)
            self.assertTrue(self.fleet.take(asked, self.fleet.deliver(asked, "edge-a")))
            self.assertEqual(self.login.has_news_for("edge-a"), left)
        heard = [event.session_id for event in self.fleet.news["edge-a"].attentions]
        self.assertEqual(heard, ["0", "1", "2", "3", "4"])

    def test_and_so_does_an_edge(self) -> None:
        for wing in WINGS:
            self.other.local_down(wing, "c1")
        for count, more in ((2, True), (2, True), (1, False)):
            asked = self.fleet.ask("edge-b")
            answer = self.fleet.deliver(asked, "edge-b")
            self.assertEqual((len(answer.events), answer.more), (count, more))
            self.assertTrue(self.fleet.take(asked, answer))
            self.assertEqual(self.login.is_midway("edge-b"), more)
        self.assertEqual(self.known("login"), [])
