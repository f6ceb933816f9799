"""Wings of organisations in a fleet: who may reach them by the directory, and where their browsers belong."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from tests.cluster.case import NOW, trust, up
from wingthing.cluster.directory import EdgeDirectory
from wingthing.cluster.placement import SENT_ON_STATUS, Placement
from wingthing.errors import NotFound, PeerError
from wingthing.relay.access import may_reach
from wingthing.relay.orgs import Roster
from wingthing.testing import OTHER_WING_ID, WING_ID, identity, org
from wingthing.wire.limits import WING_WAIT_SECONDS

USERS = ("ann", "bob", "eve")


class DirectoryTests(TestCase):
    @given(
        st.lists(
            st.tuples(
                st.sampled_from([WING_ID, OTHER_WING_ID, "third"]),
                st.sampled_from(USERS),
                st.sampled_from(["", "org_1", "org_2"]),
                st.booleans(),
            )
        ),
        st.dictionaries(st.sampled_from(USERS), st.just("member")),
        st.dictionaries(st.sampled_from(USERS), st.just("owner")),
    )
    def test_what_a_user_may_reach_is_found_by_its_indexes(
        self,
        steps: list[tuple[str, str, str, bool]],
        first: dict[str, str],
        second: dict[str, str],
    ) -> None:
        directory, roster = EdgeDirectory("edge-a"), Roster()
        roster.take([org("org_1", "one", **first), org("org_2", "two", **second)])
        for number, (wing_id, user_id, org_id, there) in enumerate(steps):
            if there:
                directory.remote_up(
                    up(f"c{number}", "edge-b", wing_id=wing_id, user_id=user_id, org_id=org_id)
                )
            elif known := directory.current(wing_id):
                directory.remote_down(wing_id, known.record.connection_id)
        for user_id in USERS:
            found = [entry.record.wing_id for entry in directory.reachable(roster, user_id)]
            wanted = [each.record.wing_id for each in directory if may_reach(roster, user_id, each.record)]
            self.assertEqual(sorted(found), sorted(wanted))
        for org_id in ("org_1", "org_2"):
            listed = {entry.record.wing_id for entry in directory.of_org(org_id)}
            self.assertEqual(listed, {e.record.wing_id for e in directory if e.record.org_id == org_id})


class PlacementTests(TestCase):
    def setUp(self) -> None:
        self.clock, self.roster = Clock(), Roster()
        self.clock.advance(NOW)
        self.directory = EdgeDirectory("edge-a")
        self.placement = Placement(
            self.clock,
            self.directory,
            self.roster,
            trust("edge-a", self.clock),
            None,
            lambda *_: None,
            lambda _: None,
        )
        self.roster.put(org(ann="owner", bob="member"))
        self.directory.remote_up(up("c1", "edge-b", org_id="org_1"))

    def place(self, user_id: str, wing_id: str = WING_ID) -> Deferred[None]:
        return Deferred.fromCoroutine(self.placement.place(wing_id, identity(user_id), {}.get))

    def assert_sent_on(self, placing: Deferred[None]) -> None:
        why = self.failureResultOf(placing, PeerError).value
        self.assertEqual(why.status, SENT_ON_STATUS)

    def test_a_member_is_sent_to_where_the_wing_is_named_or_not(self) -> None:
        self.assert_sent_on(self.place("bob"))
        self.assert_sent_on(self.place("bob", ""))
        self.directory.remote_up(up("c2", "edge-b", wing_id=OTHER_WING_ID, user_id="bob"))
        self.successResultOf(self.place("bob", ""))

    def test_a_stranger_waits_as_for_a_wing_that_is_not_there(self) -> None:
        placing = self.place("eve")
        self.clock.advance(WING_WAIT_SECONDS - 0.1)
        self.assertNoResult(placing)
        self.clock.advance(0.1)
        self.failureResultOf(placing, NotFound)

    def test_who_becomes_a_member_meanwhile_need_not_wait_longer(self) -> None:
        eve, dan = self.place("eve"), self.place("dan")
        self.roster.put(org(ann="owner", bob="member", eve="member"))
        self.assert_sent_on(eve)
        self.roster.put(org(ann="owner"))
        self.assertNoResult(dan)
        self.clock.advance(WING_WAIT_SECONDS)
        self.failureResultOf(dan, NotFound)
        self.assertEqual(self.placement.waiting.count, 0)
