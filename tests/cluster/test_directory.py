"""Where each wing is: on login, which hears of every connection, and on an edge, which knows its own best."""

from __future__ import annotations

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from tests.cluster.case import NOW, place, record, up
from wingthing.cluster.directory import Change, Directory, EdgeDirectory, LoginDirectory, newest
from wingthing.testing import OTHER_WING_ID, WING_ID
from wingthing.wire.gossip import WingUp


class Follower:
    """Knows a directory by its changes alone."""

    def __init__(self, directory: Directory) -> None:
        self.directory = directory
        self.changes: list[Change] = []
        self.known: dict[str, WingUp] = {}
        directory.listeners.append(self._changed)

    def _changed(self, change: Change) -> None:
        assert change.before == self.known.get(change.wing_id), "what was before is what was said before"
        assert change.before != change.after, "a change is one"
        assert change.after == self.directory.current(change.wing_id), "what is said is so already"
        self.changes.append(change)
        self.known.pop(change.wing_id, None)
        if change.after is not None:
            self.known[change.wing_id] = change.after

    def check(self) -> None:
        """The three ways to ask a directory agree."""
        assert {entry.record.wing_id: entry for entry in self.directory} == self.known
        assert len(self.directory) == len(self.known)
        by_user = defaultdict(list)
        for entry in self.known.values():
            by_user[entry.record.user_id].append(entry)
        for user_id in ("ann", "eve", "nobody"):
            found = self.directory.of_user(user_id)
            assert sorted(map(str, found)) == sorted(map(str, by_user[user_id])), user_id
        assert all(self.directory._by_user.values()), "no empty entry is left"


class NewestTests(TestCase):
    def test_none_of_none_and_the_only_one(self) -> None:
        self.assertIsNone(newest([]))
        self.assertEqual(newest([up("c1")]), up("c1"))

    def test_the_later_connection_of_one_owner(self) -> None:
        old, new = up("c1", version=1), up("c2", "edge-b", 2, since=NOW - 1000)
        for both in ([old, new], [new, old]):
            self.assertEqual(newest(both), new, "by version: clocks may differ")
        tie = [up("c1", since=NOW), up("c2", "edge-b", since=NOW + 1)]
        self.assertEqual(newest(tie), newest(tie[::-1]), "every node says the same of two that are equal")

    def test_who_was_there_first_keeps_the_name(self) -> None:
        ann, eve = up("c1", since=NOW), up("c9", "edge-b", 99, user_id="eve", since=NOW + 1)
        again = up("c2", "edge-c", 2, since=NOW + 2)
        for entries in ([ann, eve], [eve, ann], [eve, again, ann], [again, ann, eve]):
            expected = again if again in entries else ann
            self.assertEqual(newest(entries), expected)


class LoginDirectoryTests(TestCase):
    def setUp(self) -> None:
        self.directory = LoginDirectory()
        self.follower = Follower(self.directory)
        self.addCleanup(self.follower.check)

    def here(self, wing_id: str = WING_ID) -> tuple[str, str] | None:
        return place(self.directory.current(wing_id))

    def test_a_wing_moves_and_the_old_connection_ends_late(self) -> None:
        self.directory.up(up("c1", "edge-a", 1))
        self.directory.up(up("c2", "edge-b", 2))
        self.assertEqual(self.here(), ("edge-b", "c2"))
        self.directory.down("edge-a", WING_ID, "c1")
        self.assertEqual(self.here(), ("edge-b", "c2"))
        self.assertEqual(len(self.follower.changes), 2)

    def test_the_end_of_the_newer_leaves_the_older(self) -> None:
        self.directory.up(up("c1", "edge-a", 1))
        self.directory.up(up("c2", "edge-b", 2))
        self.directory.down("edge-b", WING_ID, "c2")
        self.assertEqual(self.here(), ("edge-a", "c1"))
        self.directory.down("edge-a", WING_ID, "c1")
        self.assertIsNone(self.here())

    def test_a_machine_ends_its_own_connections_alone_and_by_name(self) -> None:
        self.directory.up(up("c1", "edge-a"))
        for machine, wing_id, connection in (
            ("edge-b", WING_ID, "c1"),
            ("edge-a", WING_ID, "c0"),
            ("edge-a", OTHER_WING_ID, "c1"),
            ("nowhere", "nothing", "none"),
        ):
            self.directory.down(machine, wing_id, connection)
        self.assertEqual(self.here(), ("edge-a", "c1"))

    def test_a_machine_says_everything_anew(self) -> None:
        self.directory.up(up("c1", "edge-a"))
        self.directory.up(up("c2", "edge-a", wing_id=OTHER_WING_ID))
        self.directory.up(up("c3", "edge-b", wing_id="third"))
        self.directory.up(up("c9", "edge-a", 2, wing_id=OTHER_WING_ID))
        self.directory.keep("edge-a", {OTHER_WING_ID})
        self.assertEqual((self.here(), self.here(OTHER_WING_ID)), (None, ("edge-a", "c9")))
        self.assertEqual([self.directory.machine_wings(name) for name in ("edge-a", "edge-b")], [1, 1])
        self.directory.drop_machine("edge-a")
        self.directory.drop_machine("nowhere")
        self.assertEqual(list(self.follower.known), ["third"])
        self.assertEqual(self.directory.machine_wings("edge-a"), 0)

    def test_when_it_was_made_does_not_drift_with_what_is_said_of_it(self) -> None:
        self.directory.up(up("c1", since=NOW))
        self.directory.up(up("c1", since=NOW + 0.3))
        self.assertEqual(self.follower.changes, [Change(WING_ID, None, up("c1", since=NOW))])
        self.directory.up(up("c2", version=2, since=NOW + 9))
        self.assertEqual(self.directory.at("edge-a", WING_ID), up("c2", version=2, since=NOW + 9))

    def test_what_a_machine_has_is_known_also_when_it_is_the_wing_no_longer(self) -> None:
        self.directory.up(up("c1", "edge-a", 1))
        self.directory.up(up("c2", "edge-b", 2))
        found = [place(self.directory.at(machine, WING_ID)) for machine in ("edge-a", "edge-b", "edge-c")]
        self.assertEqual(found, [("edge-a", "c1"), ("edge-b", "c2"), None])
        self.assertIsNone(self.directory.at("edge-a", OTHER_WING_ID))

    def test_the_owner_that_was_there_first_keeps_it_and_the_other_gets_it_then(self) -> None:
        self.directory.up(up("c1", "edge-a", since=NOW))
        self.directory.up(up("c2", "edge-b", 7, user_id="eve", since=NOW + 5))
        self.assertEqual(self.here(), ("edge-a", "c1"))
        self.assertEqual(self.directory.of_user("eve"), [])
        self.directory.down("edge-a", WING_ID, "c1")
        self.assertEqual(self.here(), ("edge-b", "c2"))
        self.assertEqual((len(self.directory.of_user("eve")), self.directory.of_user("ann")), (1, []))

    def test_each_connection_is_newer_than_what_is_known(self) -> None:
        self.assertEqual(self.directory.next_version(WING_ID), 1)
        self.directory.up(up("c1", version=41))
        self.assertEqual(self.directory.next_version(WING_ID), 42)


class EdgeDirectoryTests(TestCase):
    def setUp(self) -> None:
        self.directory = EdgeDirectory("edge-a")
        self.follower = Follower(self.directory)
        self.addCleanup(self.follower.check)

    def here(self, wing_id: str = WING_ID) -> tuple[str, str] | None:
        return place(self.directory.current(wing_id))

    def test_its_own_connections(self) -> None:
        entry = self.directory.local_up(record("c1"), NOW)
        self.assertEqual(entry, up("c1"))
        changed = self.directory.local_up(record("c1", locked=True), NOW + 50)
        self.assertEqual((changed.version, changed.since), (1, NOW), "the same connection, described anew")
        again = self.directory.local_up(record("c2"), NOW + 60)
        self.assertEqual((again.version, again.since), (2, NOW + 60))
        self.assertFalse(self.directory.local_down(WING_ID, "c1"), "the late end of the first")
        self.assertEqual(self.here(), ("edge-a", "c2"))
        self.assertTrue(self.directory.local_down(WING_ID, "c2"))
        self.assertFalse(self.directory.local_down(WING_ID, "c2"))
        self.assertEqual((self.here(), self.directory.local()), (None, []))

    def test_a_wing_that_comes_here_is_newer_than_where_it_was(self) -> None:
        self.directory.remote_up(up("c1", "edge-b", 5))
        self.assertEqual(self.directory.local_up(record("c2"), NOW).version, 6)
        self.assertEqual(self.here(), ("edge-a", "c2"))

    def test_a_wing_that_has_gone_elsewhere_while_its_connection_here_lasts(self) -> None:
        self.directory.local_up(record("c1"), NOW)
        self.directory.remote_up(up("c2", "edge-b", 2))
        self.assertEqual(self.here(), ("edge-b", "c2"))
        self.assertEqual([place(entry) for entry in self.directory.local()], [("edge-a", "c1")])
        self.directory.remote_down(WING_ID, "c2")
        self.assertEqual(self.here(), ("edge-a", "c1"), "that one ended first")

    def test_login_decides_between_two_that_did_not_know_of_each_other(self) -> None:
        self.directory.local_up(record("c1"), NOW)
        self.directory.remote_up(up("c2", "edge-b", 1))
        self.assertEqual(self.here(), ("edge-b", "c2"))
        self.directory.remote_up(up("c1", "edge-a", 1))
        self.assertEqual(self.here(), ("edge-a", "c1"))

    def test_a_late_end_changes_nothing(self) -> None:
        self.directory.remote_up(up("c2", "edge-b", 2))
        for wing_id, connection in ((WING_ID, "c1"), (OTHER_WING_ID, "c2"), ("", "")):
            self.directory.remote_down(wing_id, connection)
        self.assertEqual(self.here(), ("edge-b", "c2"))

    def test_what_login_does_not_name_ends(self) -> None:
        self.directory.remote_up(up("c1", "edge-b"))
        self.directory.remote_up(up("c2", "edge-b", wing_id=OTHER_WING_ID))
        self.directory.local_up(record("c3", wing_id="own"), NOW)
        self.directory.keep_remote({OTHER_WING_ID, "unknown"})
        self.assertEqual((self.here(), self.here(OTHER_WING_ID)), (None, ("edge-b", "c2")))
        self.directory.keep_remote(set())
        self.assertIsNone(self.here(OTHER_WING_ID))
        self.assertEqual(self.here("own"), ("edge-a", "c3"), "its own are not login's to end")

    def test_whoever_was_there_first_by_logins_word_keeps_the_name(self) -> None:
        """Eve has connected here twice before this node heard of Ann's wing of the same name."""
        for connection in ("e1", "e2"):
            mine = self.directory.local_up(record(connection, user_id="eve"), NOW)
        self.directory.remote_up(up("c1", "edge-b", 1))
        self.assertEqual(self.here(), ("edge-b", "c1"), f"login knows both, and {mine.version=} is no age")
        self.directory.remote_down(WING_ID, "c1")
        self.assertEqual(self.here(), ("edge-a", "e2"))


machines = st.sampled_from(["edge-a", "edge-b", "edge-c"])
wings = st.sampled_from(["w1", "w2"])
connections = st.sampled_from(["c1", "c2", "c3"])
entries = st.builds(
    lambda connection, machine, version, wing, user, since: up(
        connection, machine, version, wing_id=wing, user_id=user, since=since
    ),
    connections, machines, st.integers(1, 4), wings, st.sampled_from(["ann", "eve"]),
    st.sampled_from([NOW, NOW + 1, NOW + 2]),
)  # fmt: skip


class AnyOrderTests(TestCase):
    """Whatever is said in whatever order: the indices agree with each other and with what was told."""

    @given(
        st.lists(
            st.tuples(st.just("up"), entries)
            | st.tuples(st.just("down"), machines, wings, connections)
            | st.tuples(st.just("replace"), machines, st.lists(entries, max_size=3)),
            max_size=25,
        )
    )
    def test_login(self, steps: list[tuple]) -> None:
        directory = LoginDirectory()
        follower = Follower(directory)
        for step, *given_ in steps:
            if step == "up":
                directory.up(*given_)
            elif step == "down":
                directory.down(*given_)
            else:
                machine, said = given_
                for entry in said:
                    directory.up(up(entry.record.connection_id, machine, wing_id=entry.record.wing_id))
                named = {entry.record.wing_id for entry in said}
                directory.keep(machine, named)
                self.assertEqual(directory.machine_wings(machine), len(named))
            follower.check()
        for machine in ("edge-a", "edge-b", "edge-c"):
            directory.drop_machine(machine)
        self.assertEqual((directory._places, directory._by_machine, len(directory)), ({}, {}, 0))

    @given(
        st.lists(
            st.tuples(st.just("local up"), connections, wings)
            | st.tuples(st.just("local down"), wings, connections)
            | st.tuples(st.just("remote up"), entries)
            | st.tuples(st.just("remote down"), wings, connections)
            | st.tuples(st.just("snapshot"), st.lists(entries, max_size=3), st.booleans()),
            max_size=25,
        )
    )
    def test_edge(self, steps: list[tuple]) -> None:
        directory = EdgeDirectory("edge-a")
        follower = Follower(directory)
        for step, *given_ in steps:
            if step == "local up":
                directory.local_up(record(given_[0], wing_id=given_[1]), NOW)
            elif step == "local down":
                directory.local_down(*given_)
            elif step == "remote up":
                directory.remote_up(*given_)
            elif step == "remote down":
                directory.remote_down(*given_)
            else:
                for entry in given_[0]:
                    directory.remote_up(entry)
                if given_[1]:
                    directory.keep_remote({entry.record.wing_id for entry in given_[0]})
            follower.check()
        for entry in directory.local():
            self.assertTrue(directory.local_down(entry.record.wing_id, entry.record.connection_id))
        directory.keep_remote(set())
        self.assertEqual((len(directory), directory._local, directory._remote), (0, {}, {}))
