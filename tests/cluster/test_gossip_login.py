"""Login's end of gossip: whom it believes what, when it gives an edge up, and what it tells whom."""

from __future__ import annotations

import msgspec
from twisted.trial.unittest import TestCase

from tests.cluster.case import NOW, Fleet, place, record, revoked, up
from wingthing.relay.calls import EXIT, Call
from wingthing.testing import OTHER_WING_ID, WING_ID
from wingthing.wire.gossip import Answer, Attention, OrgChanged, Round, WingDown
from wingthing.wire.limits import EDGE_DEAD_SECONDS, SUSPECT_ROUNDS


class LoginCase(TestCase):
    def setUp(self) -> None:
        self.fleet = Fleet("edge-a", "edge-b")
        self.login = self.fleet.login
        self.edge, self.other = self.fleet.edges["edge-a"], self.fleet.edges["edge-b"]

    def here(self, wing_id: str = WING_ID) -> tuple[str, str] | None:
        return place(self.login.directory.current(wing_id))

    def said(self, **changes: object) -> tuple[Round, Answer]:
        """A round, and the answer of an edge with something else in it."""
        asked = self.fleet.ask("edge-a")
        return asked, msgspec.structs.replace(self.fleet.deliver(asked, "edge-a"), **changes)


class LateAnswerTests(LoginCase):
    def test_one_that_comes_after_another_has_been_taken(self) -> None:
        self.fleet.settle()
        asked = self.fleet.ask("edge-a")
        early = self.fleet.deliver(asked, "edge-a")
        self.edge.local_up(record("c1"), NOW)
        late = self.fleet.deliver(asked, "edge-a")
        self.edge.local_down(WING_ID, "c1")
        self.fleet.round("edge-a")
        before = self.login.log.seq
        self.assertFalse(self.fleet.take(asked, late), "its connection has ended since")
        self.assertFalse(self.fleet.take(asked, early))
        self.assertEqual((self.here(), self.login.log.seq), (None, before))

    def test_one_that_comes_twice(self) -> None:
        self.fleet.settle()
        self.edge.local_up(record("c1"), NOW)
        asked = self.fleet.ask("edge-a")
        answer = self.fleet.deliver(asked, "edge-a")
        self.assertTrue(self.fleet.take(asked, answer))
        self.assertFalse(self.fleet.take(asked, answer))

    def test_one_of_an_earlier_run_of_the_edge(self) -> None:
        self.edge.local_up(record("c1"), NOW)
        self.fleet.settle()
        asked = self.fleet.ask("edge-a")
        late = self.fleet.deliver(asked, "edge-a")
        self.fleet.start_edge("edge-a")
        self.fleet.round("edge-a")
        self.assertIsNone(self.here())
        self.assertFalse(self.fleet.take(asked, late))
        self.assertIsNone(self.here())

    def test_one_of_an_edge_that_has_been_given_up(self) -> None:
        self.edge.local_up(record("c1"), NOW)
        self.fleet.settle()
        asked = self.fleet.ask("edge-a")
        late = self.fleet.deliver(asked, "edge-a")
        self.fleet.watch.now += EDGE_DEAD_SECONDS
        self.login.tick(self.fleet.watch.now)
        self.assertFalse(self.fleet.take(asked, late))
        self.assertIsNone(self.here())

    def test_one_of_somebody_unknown(self) -> None:
        asked, answer = self.said(machine="edge-z")
        self.assertFalse(self.fleet.take(asked, answer))
        self.assertNotIn("edge-z", self.login.peers)

    def test_events_without_the_state_that_they_belong_to(self) -> None:
        self.fleet.settle()
        for changes in ({"boot": "another"}, {"seq": -1}):
            asked, answer = self.said(**changes)
            self.assertFalse(self.fleet.take(asked, answer), changes)


class SilentEdgeTests(LoginCase):
    def setUp(self) -> None:
        super().setUp()
        self.edge.local_up(record("c1"), NOW)
        self.other.local_up(record("c2", wing_id=OTHER_WING_ID), NOW)
        self.fleet.settle()

    def pass_time(self, seconds: float) -> list[str]:
        self.fleet.watch.now += seconds
        return [peer.machine for peer in self.login.tick(self.fleet.watch.now)]

    def test_three_missed_rounds_make_it_suspect_and_its_wings_stay(self) -> None:
        peer = self.login.peers["edge-a"]
        for _ in range(SUSPECT_ROUNDS):
            self.assertFalse(peer.suspect)
            self.login.missed("edge-a")
        self.assertTrue(peer.suspect)
        self.assertEqual(self.here(), ("edge-a", "c1"))
        self.fleet.round("edge-a")
        self.assertFalse(peer.suspect)

    def test_ten_seconds_of_silence_take_its_wings_offline_everywhere(self) -> None:
        self.assertEqual(self.pass_time(EDGE_DEAD_SECONDS - 0.1), [])
        self.fleet.round("edge-b")
        self.assertEqual((self.here(), self.login.peers["edge-a"].alive), (("edge-a", "c1"), True))
        self.assertEqual(self.pass_time(0.1), ["edge-a"])
        self.assertEqual(self.pass_time(0.1), [], "once")
        self.fleet.round("edge-b")
        self.assertEqual(self.fleet.places()["edge-b"], None)
        self.assertEqual(self.fleet.places(OTHER_WING_ID)["login"], ("edge-b", "c2"))

    def test_one_that_was_only_cut_off_is_back_with_its_next_answer(self) -> None:
        self.pass_time(EDGE_DEAD_SECONDS)
        self.edge.local_up(record("c3", wing_id="third"), self.fleet.watch.now)
        self.fleet.settle()
        self.assertEqual(self.fleet.place(), ("edge-a", "c1"))
        self.assertEqual(self.fleet.place("third"), ("edge-a", "c3"))

    def test_one_that_dns_does_not_name_any_more_is_forgotten_when_it_is_silent_too(self) -> None:
        self.login.found({"edge-b": "lhr"}, self.fleet.watch.now)
        self.assertEqual(self.here(), ("edge-a", "c1"), "DNS alone ends nothing")
        self.fleet.round("edge-b")
        self.pass_time(EDGE_DEAD_SECONDS)
        self.login.found({"edge-b": ""}, self.fleet.watch.now)
        self.assertEqual(list(self.login.peers), ["edge-b"])
        self.assertEqual(self.login.peers["edge-b"].region, "nrt", "as the edge itself says")
        self.login.found({"edge-a": "cdg", "edge-b": ""}, self.fleet.watch.now)
        self.assertEqual(self.login.peers["edge-a"].region, "cdg", "as DNS says until it answers")
        self.fleet.settle()
        self.assertEqual(self.here(), ("edge-a", "c1"))


class WholeTests(LoginCase):
    def whole(self) -> bool:
        return self.login.whole(self.fleet.watch.now)

    def test_when_everybody_has_been_heard(self) -> None:
        self.assertFalse(self.whole())
        self.fleet.round("edge-a")
        self.assertFalse(self.whole())
        self.fleet.round("edge-b")
        self.assertTrue(self.whole())
        self.login.found(dict.fromkeys(["edge-a", "edge-b", "edge-c"], ""), self.fleet.watch.now)
        self.assertTrue(self.whole(), "a new edge has no wings that login could have forgotten")

    def test_when_it_has_not_even_looked_it_knows_nothing(self) -> None:
        fleet = Fleet()
        fleet.login._found = False
        self.assertFalse(fleet.login.whole(NOW))
        fleet.login.found({}, NOW)
        self.assertTrue(fleet.login.whole(NOW))

    def test_after_ten_seconds_whoever_is_silent_has_none(self) -> None:
        self.fleet.watch.now += EDGE_DEAD_SECONDS - 0.1
        self.assertFalse(self.whole())
        self.fleet.watch.now += 0.1
        self.assertTrue(self.whole())


class WhatAnEdgeMaySayTests(LoginCase):
    """It has proved which machine it is: whatever its events name, it speaks for that one alone."""

    def setUp(self) -> None:
        super().setUp()
        self.other.local_up(record("c1"), NOW)
        self.fleet.settle()

    def say(self, *events: object) -> None:
        asked, answer = self.said()
        answer = msgspec.structs.replace(answer, events=list(events), seq=answer.seq + len(events))
        self.assertTrue(self.fleet.take(asked, answer))

    def test_it_ends_no_connection_of_another(self) -> None:
        self.say(WingDown(wing_id=WING_ID, connection_id="c1"))
        self.assertEqual(self.here(), ("edge-b", "c1"))

    def test_it_places_no_wing_on_another_machine(self) -> None:
        self.say(up("c9", "edge-b", 9, wing_id=OTHER_WING_ID), up("c8", "login", 9, wing_id="third"))
        self.assertEqual(self.here(OTHER_WING_ID), ("edge-a", "c9"))
        self.assertEqual(self.here("third"), ("edge-a", "c8"))
        asked, answer = self.said()
        self.login.peers["edge-a"].boot = ""
        asked = self.fleet.ask("edge-a")
        answer = msgspec.structs.replace(answer, snapshot=[up("c7", "edge-b", 99)])
        self.assertTrue(self.fleet.take(asked, answer))
        self.assertEqual(self.here(), ("edge-a", "c7"))
        self.assertEqual(self.login.directory.machine_wings("edge-b"), 1, "its own is still there")

    def test_attention_for_a_wing_that_it_does_not_have(self) -> None:
        before = self.login.log.seq
        for wing_id in (WING_ID, OTHER_WING_ID):
            for machine in ("edge-a", "edge-b"):
                self.say(Attention(wing_id=wing_id, session_id="s", machine=machine))
        self.assertEqual((self.fleet.news["login"].attentions, self.login.log.seq), ([], before))

    def test_attention_is_passed_on_under_the_name_that_was_proved(self) -> None:
        self.edge.local_up(record("c2", wing_id=OTHER_WING_ID), NOW)
        self.fleet.settle()
        self.say(Attention(wing_id=OTHER_WING_ID, session_id="s", machine="edge-b"))
        proven = Attention(wing_id=OTHER_WING_ID, session_id="s", machine="edge-a")
        self.assertEqual(self.fleet.news["login"].attentions, [proven])
        self.assertEqual(self.fleet.ask("edge-b").events[-1:], [proven])

    def test_what_it_hears_of_a_call_it_keeps_to_itself(self) -> None:
        """Edges are told which terminal asks, for their dashboards, and of an end nothing."""
        self.edge.local_up(record("c2", wing_id=OTHER_WING_ID), NOW)
        self.fleet.settle()
        said = Attention(
            wing_id=OTHER_WING_ID,
            session_id="s",
            machine="edge-a",
            agent="claude",
            cwd="work",
            nonce="n",
            controller="ann",
        )
        end = msgspec.structs.replace(said, kind="exit")
        self.say(said, end)
        self.assertEqual(self.fleet.news["login"].attentions, [said, end])
        bare = Attention(wing_id=OTHER_WING_ID, session_id="s", machine="edge-a")
        self.assertEqual(self.fleet.ask("edge-b").events[-1:], [bare])
        self.assertEqual(self.login.log.seq, self.fleet.ask("edge-b").seq)
        before = self.login.log.seq
        self.login.attention(WING_ID, Call("s", EXIT))
        self.assertEqual(self.login.log.seq, before)

    def test_it_neither_revokes_nor_changes_organisations(self) -> None:
        before = self.login.log.seq
        self.say(revoked("token-1"), OrgChanged(user_ids=["ann"]))
        news = self.fleet.news["login"]
        self.assertEqual((news.revoked_subjects, news.orgs, self.login.log.seq), ([], [], before))

    def test_it_takes_no_wing_of_another_owner(self) -> None:
        self.fleet.watch.now += 5
        self.say(up("e1", "edge-a", 99, user_id="eve", since=NOW + 5))
        self.assertEqual(self.here(), ("edge-b", "c1"))
        self.other.local_down(WING_ID, "c1")
        self.fleet.round("edge-b")
        self.assertEqual(self.here(), ("edge-a", "e1"), "it was the second, not a stranger")


class ClockTests(LoginCase):
    def test_ages_are_compared_and_not_clocks(self) -> None:
        """Eve's node has a clock that is slow: what it says of when she came sounds older than it is."""
        self.other.local_up(record("c1"), NOW)
        self.fleet.settle()
        self.fleet.watch.now += 3
        slow = 20.0
        self.edge.local_up(record("e1", user_id="eve"), self.fleet.watch.now - slow)
        asked = self.fleet.ask("edge-a")
        answer = self.edge.receive(asked, self.fleet.watch.now - slow)
        self.assertTrue(self.fleet.take(asked, answer))
        self.assertEqual(self.here(), ("edge-b", "c1"))
        known = self.login.directory.at("edge-a", WING_ID)
        assert known is not None
        self.assertAlmostEqual(known.since, NOW + 3)

    def test_in_a_snapshot_too(self) -> None:
        fast = 20.0
        self.edge.local_up(record("c1"), NOW + fast - 100)
        asked = self.fleet.ask("edge-a")
        self.assertTrue(self.fleet.take(asked, self.edge.receive(asked, NOW + fast)))
        known = self.login.directory.current(WING_ID)
        assert known is not None
        self.assertAlmostEqual(known.since, NOW - 100)


class OwnWingsTests(LoginCase):
    def test_login_has_wings_too(self) -> None:
        self.login.local_up(record("c1"), NOW)
        self.fleet.settle()
        self.assertEqual(self.fleet.place(), ("login", "c1"))
        self.login.local_down(WING_ID, "c0")
        self.login.local_down(WING_ID, "c1")
        self.fleet.settle()
        self.assertIsNone(self.fleet.place())

    def test_a_wing_comes_from_an_edge_and_goes_to_one(self) -> None:
        self.edge.local_up(record("c1"), NOW)
        self.fleet.settle()
        self.login.local_up(record("c2"), NOW)
        self.fleet.settle()
        self.assertEqual(self.fleet.place(), ("login", "c2"))
        self.other.local_up(record("c3"), NOW)
        self.fleet.settle()
        self.assertEqual(self.fleet.place(), ("edge-b", "c3"))

    def test_what_a_connection_says_after_the_wing_has_moved_does_not_bring_it_back(self) -> None:
        for number, node in enumerate((self.login, self.edge), 1):
            node.local_up(record(f"c{number}"), NOW)
            self.fleet.settle()
        self.login.local_up(record("c1", locked=True), NOW)
        self.fleet.settle()
        self.assertEqual(self.fleet.place(), ("edge-a", "c2"))
        self.edge.local_down(WING_ID, "c2")
        self.fleet.settle()
        self.assertEqual(self.fleet.place(), ("login", "c1"))
        known = self.login.directory.current(WING_ID)
        assert known is not None
        self.assertTrue(known.record.locked, "and what it said is not lost")


class UsageTests(LoginCase):
    def test_an_acknowledgement_is_for_one_run_and_never_goes_back(self) -> None:
        self.fleet.settle()
        peer, boot = self.login.peers["edge-a"], self.edge.boot
        self.login.usage_written("edge-a", boot, 5)
        self.login.usage_written("edge-a", boot, 3)
        self.login.usage_written("edge-a", "another", 9)
        self.login.usage_written("nobody", boot, 9)
        self.assertEqual(peer.usage_seq, 5)
        self.fleet.start_edge("edge-a")
        self.fleet.round("edge-a")
        self.assertEqual(peer.usage_seq, 0)
        self.login.usage_written("edge-a", boot, 7)
        self.assertEqual(peer.usage_seq, 0, "written too late: that run is over")
