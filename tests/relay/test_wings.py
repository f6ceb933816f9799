"""The registry: which connection is the wing, who finds it, when it is forgotten."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from wingthing.errors import Forbidden
from wingthing.relay.orgs import Roster
from wingthing.relay.peers import Viewer, WingLink
from wingthing.relay.routes import control
from wingthing.relay.wings import Wing, Wings
from wingthing.testing import FakePeer, identity
from wingthing.wire.records import WingRecord


def link(user_id: str = "ann") -> WingLink:
    return WingLink(identity(user_id), FakePeer())


def record(wing_id: str = "w1", user_id: str = "ann", connection_id: str = "c") -> WingRecord:
    return WingRecord(wing_id=wing_id, connection_id=connection_id, user_id=user_id)


class WingsTests(TestCase):
    def setUp(self) -> None:
        self.wings = Wings(Roster())
        self.abandoned: list[Wing] = []

    def register(self, connection: WingLink, what: WingRecord) -> tuple[Wing, WingLink | None]:
        return self.wings.register(connection, what, self.abandoned.append)

    def test_a_new_wing(self) -> None:
        first = link()
        wing, replaced = self.register(first, record())
        self.assertIsNone(replaced)
        self.assertIs(first.wing, wing)
        self.assertIs(self.wings.find("w1", "ann"), wing)
        self.assertIs(self.wings.only("ann"), wing)
        self.assertEqual(len(self.wings), 1)

    def test_only_is_none_with_none_and_with_two(self) -> None:
        self.assertIsNone(self.wings.only("ann"))
        self.register(link(), record("w1"))
        self.register(link("eve"), record("w2", "eve"))
        self.assertIsNotNone(self.wings.only("ann"))
        self.register(link(), record("w3"))
        self.assertIsNone(self.wings.only("ann"))

    def test_a_second_connection_replaces_the_first_and_keeps_the_entry(self) -> None:
        first, second = link(), link()
        wing, _ = self.register(first, record(connection_id="c1"))
        again, replaced = self.register(second, record(connection_id="c2"))
        self.assertIs(again, wing)
        self.assertIs(replaced, first)
        self.assertEqual(wing.record.connection_id, "c2")
        self.assertIsNone(self.wings.release(first))
        self.assertIs(self.wings.release(second), wing)
        self.assertIsNone(self.wings.release(second))

    def test_a_connection_that_never_registered_releases_nothing(self) -> None:
        self.assertIsNone(self.wings.release(link()))

    def test_another_account_cannot_take_a_connected_id(self) -> None:
        wing, _ = self.register(link(), record())
        self.assertRaises(Forbidden, self.register, link("eve"), record(user_id="eve"))
        self.assertIs(self.wings.find("w1", "ann"), wing)
        self.assertEqual(self.abandoned, [])

    def test_an_offline_entry_of_another_account_is_abandoned(self) -> None:
        first = link()
        wing, _ = self.register(first, record())
        self.wings.release(first)
        other, replaced = self.register(link("eve"), record(user_id="eve"))
        self.assertEqual(self.abandoned, [wing])
        self.assertIsNot(other, wing)
        self.assertIsNone(replaced)

    def test_an_offline_wing_is_neither_found_nor_listed(self) -> None:
        first = link()
        self.register(first, record())
        self.wings.release(first)
        self.assertIsNone(self.wings.find("w1", "ann"))
        self.assertIsNone(self.wings.only("ann"))
        self.assertEqual((self.wings.reachable("ann"), len(self.wings)), ([], 0))

    def test_it_is_forgotten_once_nobody_has_anything_open(self) -> None:
        first, viewer = link(), Viewer(identity(), FakePeer())
        wing, _ = self.register(first, record())
        control(wing, "s1", viewer)
        self.wings.forget_if_idle(wing)
        self.wings.release(first)
        self.wings.forget_if_idle(wing)
        self.assertEqual(list(self.wings._by_id), ["w1"])
        wing.terminals.clear()
        self.wings.forget_if_idle(wing)
        self.assertEqual(self.wings._by_id, {})

    def test_forgetting_an_old_entry_leaves_the_new_one(self) -> None:
        first = link()
        old, _ = self.register(first, record())
        self.wings.release(first)
        new, _ = self.register(link("eve"), record(user_id="eve"))
        self.wings.forget_if_idle(old)
        self.assertIs(self.wings.find("w1", "eve"), new)

    def test_one_that_is_superseded_cannot_be_reached_and_is_not_gone(self) -> None:
        viewer = Viewer(identity(), FakePeer())
        wing, _ = self.register(link(), record())
        control(wing, "s1", viewer)
        self.wings.supersede("w1")
        self.wings.supersede("w1")
        self.assertIsNone(self.wings.find("w1", "ann"))
        self.assertIsNone(self.wings.only("ann"))
        self.assertIsNone(self.wings.with_terminal("s1", "ann"))
        self.assertEqual((self.wings.reachable("ann"), len(self.wings)), ([], 0))
        self.assertRaises(Forbidden, self.register, link("eve"), record(user_id="eve"))
        self.wings.restore("w1")
        self.assertIs(self.wings.find("w1", "ann"), wing)

    def test_a_new_connection_is_the_wing_whatever_was_superseded(self) -> None:
        for ends in (lambda first: None, self.wings.release):
            first = link()
            self.register(first, record(connection_id="c1"))
            self.wings.supersede("w1")
            ends(first)
            again, _ = self.register(link(), record(connection_id="c2"))
            self.assertIs(self.wings.find("w1", "ann"), again)

    def test_one_that_is_not_connected_here_cannot_be_superseded(self) -> None:
        self.wings.supersede("w1")
        first = link()
        wing, _ = self.register(first, record())
        self.wings.release(first)
        self.wings.supersede("w1")
        self.wings.restore("nothing")
        self.assertEqual(self.wings._superseded, set())
        self.register(link(), record())
        self.assertIs(self.wings.find("w1", "ann"), wing)

    def test_the_end_of_a_superseded_connection_leaves_nothing(self) -> None:
        first = link()
        wing, _ = self.register(first, record())
        self.wings.supersede("w1")
        self.assertIs(self.wings.release(first), wing)
        self.wings.forget_if_idle(wing)
        self.assertEqual((self.wings._by_id, self.wings._superseded), ({}, set()))

    def test_the_machine_of_a_wing_is_no_news_on_a_node_that_is_alone(self) -> None:
        self.assertEqual((self.wings.machine_of("w1"), self.wings.machine_of("nothing")), ("", ""))

    def test_a_terminal_is_found_on_a_wing_that_the_user_may_reach(self) -> None:
        viewer = Viewer(identity(), FakePeer())
        wing, _ = self.register(link(), record())
        control(wing, "s1", viewer)
        self.assertIs(self.wings.with_terminal("s1", "ann"), wing)
        self.assertIsNone(self.wings.with_terminal("s1", "eve"))
        self.assertIsNone(self.wings.with_terminal("s2", "ann"))
