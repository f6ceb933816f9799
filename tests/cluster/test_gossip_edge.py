"""An edge's end of gossip: what it believes of rounds that are lost, late or repeated, and what it says."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from tests.cluster.case import NOW, Fleet, place, record, revoked, up
from wingthing.cluster.gossip_edge import UsageTotals
from wingthing.cluster.log import EventLog
from wingthing.relay.calls import Call
from wingthing.testing import OTHER_WING_ID, WING_ID
from wingthing.wire.gossip import Attention, OrgChanged, WingDown, WingUp
from wingthing.wire.limits import USAGE_COUNT_SECONDS


class EdgeCase(TestCase):
    def setUp(self) -> None:
        self.fleet = Fleet("edge-a", "edge-b")
        self.login = self.fleet.login
        self.edge, self.other = self.fleet.edges["edge-a"], self.fleet.edges["edge-b"]
        self.news = self.fleet.news["edge-a"]

    def connect_at_the_other(self, connection_id: str = "c1") -> None:
        self.other.local_up(record(connection_id), NOW)
        self.fleet.settle()

    def here(self) -> tuple[str, str] | None:
        return place(self.edge.directory.current(WING_ID))


class RoundTests(EdgeCase):
    def test_news_of_another_edge_come_with_the_next_round(self) -> None:
        self.fleet.settle()
        self.other.local_up(record("c1"), NOW)
        self.fleet.round("edge-b", "edge-a")
        self.assertEqual(self.fleet.place(), ("edge-b", "c1"))
        self.other.local_down(WING_ID, "c1")
        self.fleet.round("edge-b", "edge-a")
        self.assertIsNone(self.fleet.place())

    def test_a_round_that_comes_again_or_late_changes_nothing(self) -> None:
        self.fleet.settle()
        self.other.local_up(record("c1"), NOW)
        self.fleet.round("edge-b")
        early = self.fleet.ask("edge-a")
        self.assertEqual(len(early.events), 1)
        self.other.local_down(WING_ID, "c1")
        self.fleet.round("edge-b", "edge-a")
        for _ in range(2):
            answer = self.fleet.deliver(early, "edge-a")
            self.assertEqual((self.here(), answer.login_seq), (None, self.login.log.seq))

    def test_of_a_round_that_overlaps_only_what_is_new_counts(self) -> None:
        self.fleet.settle()
        self.login.attention(WING_ID, Call("s1"))
        short = self.fleet.ask("edge-a")
        self.login.attention(WING_ID, Call("s2"))
        self.fleet.deliver(short, "edge-a")
        # Login has not heard that the first has arrived: it says both.
        long = self.fleet.ask("edge-a")
        self.fleet.deliver(long, "edge-a")
        self.assertEqual(long.seq - short.seq, len(long.events) - len(short.events))
        self.assertEqual([event.session_id for event in self.news.attentions], ["s1", "s2"])
        self.assertEqual(self.edge.login_seq, self.login.log.seq)

    def test_a_gap_is_not_jumped(self) -> None:
        self.fleet.settle()
        self.other.local_up(record("c1"), NOW)
        self.fleet.round("edge-b")
        skipping = msgspec.structs.replace(self.fleet.ask("edge-a"), events=[], seq=self.login.log.seq + 1)
        before = self.edge.login_seq
        self.assertEqual((self.fleet.deliver(skipping, "edge-a").login_seq, self.here()), (before, None))
        self.fleet.round("edge-a")
        self.assertEqual(self.here(), ("edge-b", "c1"))

    def test_an_older_snapshot_of_the_same_login_changes_nothing(self) -> None:
        self.connect_at_the_other()
        self.login.peers["edge-a"].login_seq = -1
        old = self.fleet.ask("edge-a")
        assert old.snapshot is not None
        self.other.local_down(WING_ID, "c1")
        self.fleet.settle()
        answer = self.fleet.deliver(old, "edge-a")
        self.assertEqual((self.here(), answer.login_seq), (None, self.login.log.seq))

    def test_who_is_behind_the_log_gets_a_snapshot(self) -> None:
        self.fleet.settle()
        self.login.log._events = EventLog(3)._events
        for number in range(4):
            self.other.local_up(record(f"c{number}"), NOW)
            self.fleet.round("edge-b")
        asked = self.fleet.ask("edge-a")
        assert asked.snapshot is not None
        self.assertEqual(
            ([place(entry) for entry in asked.snapshot.wings], asked.events), ([("edge-b", "c3")], [])
        )
        self.fleet.round("edge-a")
        self.assertEqual((self.fleet.place(), self.fleet.ask("edge-a").snapshot), (("edge-b", "c3"), None))

    def test_attention_is_announced_by_every_other_node(self) -> None:
        self.connect_at_the_other()
        self.other.attention(WING_ID, Call("s1"))
        self.fleet.settle()
        event = Attention(wing_id=WING_ID, session_id="s1", machine="edge-b")
        for node in ("login", "edge-a"):
            self.assertEqual(self.fleet.news[node].attentions, [event], node)
        self.assertEqual(self.fleet.news["edge-b"].attentions, [], "it has announced it already")

    def test_what_else_login_says(self) -> None:
        self.fleet.settle()
        self.login.say(revoked("token-1"))
        self.login.say(OrgChanged(user_ids=["ann"]))
        self.fleet.settle()
        self.assertEqual(self.news.revoked_subjects, ["token-1"])
        self.assertEqual(self.news.orgs, [OrgChanged(user_ids=["ann"])])

    def test_after_a_snapshot_it_says_that_it_may_have_missed_something(self) -> None:
        caught_up: list[int] = []
        edge = self.fleet.start_edge("edge-a")
        edge.caught_up = lambda: caught_up.append(edge.login_seq)
        self.login.say(OrgChanged(user_ids=["ann"], org_id="org_1"))
        self.fleet.settle()
        # The first is not whole: login has yet to hear of this edge.
        self.assertEqual((caught_up, self.fleet.news["edge-a"].orgs), ([self.login.log.seq] * 2, []))
        self.login.say(OrgChanged(user_ids=["ann"], org_id="org_1"))
        self.fleet.settle()
        self.assertEqual((len(caught_up), len(self.fleet.news["edge-a"].orgs)), (2, 1), "events are enough")

    def test_who_starts_late_hears_what_is_revoked(self) -> None:
        self.fleet.revoked_now = [revoked("token-1")]
        self.fleet.start_edge("edge-a")
        self.fleet.round("edge-a")
        self.assertEqual(self.fleet.news["edge-a"].revoked_subjects, ["token-1"])


class LoginRestartTests(EdgeCase):
    def setUp(self) -> None:
        super().setUp()
        self.connect_at_the_other()
        self.login = self.fleet.start_login("edge-a", "edge-b")

    def test_an_edge_keeps_what_it_knows_until_login_has_heard_everybody(self) -> None:
        asked = self.fleet.ask("edge-a")
        assert asked.snapshot is not None
        self.assertEqual((asked.snapshot.wings, asked.snapshot.whole), ([], False))
        self.fleet.round("edge-a")
        self.assertEqual(self.here(), ("edge-b", "c1"))
        for _ in range(3):
            self.fleet.round("edge-a")
            self.assertEqual(
                self.here(), ("edge-b", "c1"), "however often login says the little that it knows"
            )
        self.fleet.round("edge-b", "edge-a")
        self.assertEqual((self.fleet.place(), self.edge.whole), (("edge-b", "c1"), True))

    def test_what_has_ended_meanwhile_ends_with_the_whole_of_it(self) -> None:
        self.other.local_down(WING_ID, "c1")
        self.other.local_up(record("c2", wing_id=OTHER_WING_ID), NOW)
        self.fleet.round("edge-a")
        self.assertEqual(self.here(), ("edge-b", "c1"))
        self.fleet.settle()
        self.assertIsNone(self.fleet.place())
        self.assertEqual(self.fleet.place(OTHER_WING_ID), ("edge-b", "c2"))

    def test_an_edge_that_died_with_login_is_given_its_time_and_no_more(self) -> None:
        del self.fleet.edges["edge-b"]
        self.fleet.round("edge-a")
        self.fleet.watch.now += 9.9
        self.fleet.round("edge-a")
        self.assertEqual(self.here(), ("edge-b", "c1"))
        self.fleet.watch.now += 0.1
        self.fleet.round("edge-a")
        self.assertIsNone(self.here())

    def test_events_of_another_run_of_login_are_not_mixed_in(self) -> None:
        self.fleet.round("edge-a")
        before = self.edge.login_seq
        strange = msgspec.structs.replace(
            self.fleet.ask("edge-a"),
            boot="another",
            snapshot=None,
            seq=before + 1,
            events=[WingDown(wing_id=WING_ID, connection_id="c1")],
        )
        answer = self.fleet.deliver(strange, "edge-a")
        self.assertEqual((answer.login_boot, self.here()), (self.login.boot, ("edge-b", "c1")))

    def test_a_snapshot_of_a_new_login_that_is_not_whole_says_so(self) -> None:
        self.assertTrue(self.edge.whole)
        answer = self.fleet.deliver(self.fleet.ask("edge-a"), "edge-a")
        self.assertFalse(answer.whole, "login must know that it has to say the rest")


class AnswerTests(EdgeCase):
    def test_news_are_said_until_login_has_taken_them(self) -> None:
        self.fleet.settle()
        self.edge.local_up(record("c1"), NOW)
        for _ in range(3):
            answer = self.fleet.deliver(self.fleet.ask("edge-a"), "edge-a")
            self.assertEqual((answer.events, answer.seq), ([up("c1")], 1))
            self.assertTrue(self.edge.has_news)
        self.fleet.round("edge-a")
        self.assertTrue(self.edge.has_news, "it has not heard yet that login has")
        self.fleet.round("edge-a")
        self.assertFalse(self.edge.has_news)
        self.assertEqual(len(self.edge.log._events), 0, "and nothing is kept")

    def test_to_a_login_that_does_not_know_it_everything_is_said(self) -> None:
        self.edge.local_up(record("c1"), NOW)
        answer = self.fleet.deliver(self.fleet.ask("edge-a"), "edge-a")
        self.assertEqual((answer.snapshot, answer.events), ([up("c1")], []))
        self.assertEqual((answer.machine, answer.region, answer.version), ("edge-a", "nrt", "1.2.3"))
        self.assertEqual((answer.boot, answer.now), (self.edge.boot, NOW))
        self.assertEqual((answer.browsers, answer.sessions), (7, 3))

    def test_a_snapshot_names_connections_that_are_the_wing_no_longer_too(self) -> None:
        self.edge.local_up(record("c1"), NOW)
        self.fleet.settle()
        self.connect_at_the_other("c2")
        self.fleet.start_login("edge-a", "edge-b")
        answer = self.fleet.deliver(self.fleet.ask("edge-a"), "edge-a")
        self.assertEqual([place(entry) for entry in answer.snapshot or ()], [("edge-a", "c1")])
        self.fleet.settle()
        self.assertEqual(self.fleet.place(), ("edge-b", "c2"))

    def test_a_log_that_has_been_outrun(self) -> None:
        self.fleet.settle()
        self.edge.log._events = EventLog(3)._events
        for number in range(10):
            self.edge.local_up(record(f"c{number}"), NOW)
        answer = self.fleet.deliver(self.fleet.ask("edge-a"), "edge-a")
        self.assertEqual([place(entry) for entry in answer.snapshot or ()], [("edge-a", "c9")])
        self.fleet.settle()
        self.assertEqual(self.fleet.place(), ("edge-a", "c9"))

    def test_a_connection_that_is_not_the_latest_here_ends_in_silence(self) -> None:
        self.edge.local_up(record("c1"), NOW)
        self.edge.local_up(record("c2"), NOW)
        self.fleet.settle()
        before = self.edge.log.seq
        self.edge.local_down(WING_ID, "c1")
        self.assertEqual(self.edge.log.seq, before)

    def test_when_login_was_heard(self) -> None:
        self.assertIsNone(self.edge.heard_at)
        self.fleet.watch.now += 5
        self.fleet.deliver(self.fleet.ask("edge-a"), "edge-a")
        self.assertEqual(self.edge.heard_at, NOW + 5)


class UsageTests(EdgeCase):
    def used(self, machine: str = "edge-a") -> dict[str, int]:
        self.fleet.watch.now += USAGE_COUNT_SECONDS
        return dict(self.fleet.deliver(self.fleet.ask(machine), machine).usage)

    def written(self) -> None:
        """Login has the latest report in its books."""
        self.login.usage_written("edge-a", self.edge.boot, self.edge._totals.seq)

    def test_who_has_been_sent_more_is_told_until_it_is_written_down(self) -> None:
        self.fleet.settle()
        self.fleet.used = {"ann": 10, "eve": 5}
        for _ in range(3):
            self.assertEqual(self.used(), {"ann": 10, "eve": 5})
        self.written()
        self.assertEqual(self.used(), {})
        self.fleet.used["ann"] = 12
        self.assertEqual(self.used(), {"ann": 12}, "a total, and of those alone who have more")

    def test_an_acknowledgement_of_an_earlier_report_keeps_what_came_after_it(self) -> None:
        self.fleet.settle()
        self.fleet.used = {"ann": 10, "eve": 5}
        self.used()
        seq = self.edge._totals.seq
        self.fleet.used = {"ann": 11, "eve": 5}
        self.used()
        self.login.usage_written("edge-a", self.edge.boot, seq)
        self.assertEqual(self.used(), {"ann": 11})

    def test_it_is_counted_no_oftener_than_it_must_be(self) -> None:
        self.fleet.settle()
        self.fleet.used = {"ann": 10}
        self.used()
        self.fleet.used["ann"] = 12
        asked = self.fleet.ask("edge-a")
        self.assertEqual(self.fleet.deliver(asked, "edge-a").usage, [("ann", 10)])
        self.edge.count_anew()
        self.assertEqual(self.fleet.deliver(asked, "edge-a").usage, [("ann", 12)])

    def test_a_new_login_hears_all_of_it_again(self) -> None:
        self.fleet.settle()
        self.fleet.used = {"ann": 10, "eve": 5}
        self.used()
        self.written()
        self.fleet.start_login("edge-a", "edge-b")
        self.assertEqual(self.used(), {"ann": 10, "eve": 5})

    def test_what_another_run_has_acknowledged_does_not_count_for_this_one(self) -> None:
        self.fleet.settle()
        self.fleet.used = {"ann": 10}
        self.used()
        self.written()
        self.fleet.start_edge("edge-a")
        self.assertEqual(self.used(), {"ann": 10})

    @given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 3), st.booleans()), max_size=30))
    def test_whatever_is_acknowledged_when_nothing_is_lost(self, steps: list[tuple[str, int, bool]]) -> None:
        totals, now, acknowledged = UsageTotals(), {"a": 0, "b": 0}, 0
        kept: dict[str, int] = {}
        for user, more, comes_through in steps:
            now[user] += more
            grown = [(name, total) for name, total in now.items() if total]
            report = totals.report(grown, acknowledged)
            if comes_through:
                kept.update(report)
                acknowledged = totals.seq
        kept.update(totals.report([(name, total) for name, total in now.items() if total], acknowledged))
        self.assertEqual(kept, {name: total for name, total in now.items() if total})


class SizeTests(TestCase):
    def test_an_entry_of_a_snapshot_is_small_enough_for_a_hundred_thousand(self) -> None:
        from wingthing.wire.limits import MAX_GOSSIP_BYTES

        entry: WingUp = up("0" * 36, "683d314fdd4d68")
        described = msgspec.structs.replace(
            entry.record, owner="x" * 60, public_key="k" * 44, allowed_count=100
        )
        size = len(msgspec.json.encode(msgspec.structs.replace(entry, record=described)))
        self.assertLess(100_000 * size, MAX_GOSSIP_BYTES)
