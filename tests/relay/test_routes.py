"""Routes of terminals: each change leaves both ends of every binding in agreement."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from wingthing.errors import PeerError
from wingthing.relay import routes
from wingthing.relay.peers import Viewer
from wingthing.relay.wings import Wing
from wingthing.testing import FakePeer, identity
from wingthing.wire.limits import MAX_HELD_BYTES, MAX_SESSIONS_PER_VIEWER, MAX_SPECTATORS_PER_SESSION
from wingthing.wire.records import WingRecord


def viewer() -> Viewer:
    return Viewer(identity(), FakePeer())


def wing(wing_id: str = "w1") -> Wing:
    return Wing(WingRecord(wing_id=wing_id, connection_id="c", user_id="ann"), None)


class RouteTests(TestCase):
    def setUp(self) -> None:
        self.wing = wing()
        self.one, self.two = viewer(), viewer()

    def test_control_and_take_over(self) -> None:
        routes.control(self.wing, "s", self.one)
        routes.ask_for_control(self.wing, "s", self.two)
        terminal = self.wing.terminals["s"]
        self.assertIs(terminal.controller, self.one)
        self.assertEqual((list(self.one.controls), list(self.two.controls)), (["s"], []))
        self.assertEqual(routes.let_in(terminal), (self.two, self.one, []))
        self.assertEqual((list(self.one.controls), list(self.two.controls)), ([], ["s"]))
        self.assertEqual((self.two.attaching, list(terminal.attaching)), ({}, []))
        self.assertIn("s", self.one.ended)
        self.assertIsNone(routes.detach(self.one, "s"))
        self.assertIs(terminal.controller, self.two)

    def test_who_is_turned_away_takes_nothing(self) -> None:
        routes.control(self.wing, "s", self.one)
        routes.ask_for_control(self.wing, "s", self.two)
        terminal = self.wing.terminals["s"]
        self.assertIs(routes.turn_away(terminal), self.two)
        self.assertIs(terminal.controller, self.one)
        self.assertEqual((self.two.attaching, self.two.controls), ({}, {}))

    def test_where_nobody_is_one_is_the_controller_at_once(self) -> None:
        routes.ask_for_control(self.wing, "s", self.one)
        terminal = self.wing.terminals["s"]
        self.assertIs(terminal.controller, self.one)
        self.assertIs(routes.turn_away(terminal), self.one)
        self.assertEqual((self.wing.terminals, self.one.controls, self.one.attaching), ({}, {}, {}))

    def test_answers_come_in_the_order_of_the_questions(self) -> None:
        routes.control(self.wing, "s", self.one)
        terminal = self.wing.terminals["s"]
        three = viewer()
        routes.ask_for_control(self.wing, "s", self.two)
        routes.ask_for_control(self.wing, "s", three)
        # The first leaves before its answer has come; the wing has given it the session all the same.
        self.assertEqual(routes.detach(self.two, "s"), (self.wing, None))
        self.assertEqual(routes.let_in(terminal), (None, self.one, []))
        self.assertIsNone(terminal.controller)
        self.assertEqual(routes.let_in(terminal), (three, None, []))
        self.assertIs(terminal.controller, three)

    def test_what_is_said_before_the_answer_is_held(self) -> None:
        routes.control(self.wing, "s", self.one)
        routes.ask_for_control(self.wing, "s", self.two)
        terminal = self.wing.terminals["s"]
        routes.hold(terminal, self.two, b"resize")
        routes.hold(terminal, self.two, b"x" * MAX_HELD_BYTES)
        routes.hold(terminal, self.two, b"input")
        self.assertEqual(routes.let_in(terminal)[2], [b"resize", b"input"])

    def test_a_wing_that_is_gone_answers_nobody(self) -> None:
        routes.control(self.wing, "s", self.one)
        routes.ask_for_control(self.wing, "s", self.two)
        self.assertEqual(routes.forget_attaching(self.wing), [self.two])
        self.assertEqual((self.two.attaching, list(self.wing.terminals["s"].attaching)), ({}, []))

    def test_coming_back_makes_a_session_live_again(self) -> None:
        routes.control(self.wing, "s", self.one)
        routes.detach(self.one, "s")
        self.assertIn("s", self.one.ended)
        routes.control(self.wing, "s", self.one)
        self.assertNotIn("s", self.one.ended)

    def test_watch_answers_the_view_that_it_replaces(self) -> None:
        self.assertIsNone(routes.watch(self.wing, "s", self.one, "v1"))
        self.assertEqual(routes.watch(self.wing, "s", self.one, "v2"), "v1")
        self.assertEqual(list(self.wing.terminals["s"].spectators), ["v2"])

    def test_detach_answers_the_wing_and_the_view(self) -> None:
        routes.watch(self.wing, "s", self.one, "v1")
        routes.control(self.wing, "t", self.one)
        self.assertEqual(routes.detach(self.one, "s"), (self.wing, "v1"))
        self.assertEqual(routes.detach(self.one, "t"), (self.wing, None))
        self.assertIsNone(routes.detach(self.one, "s"))
        self.assertEqual(self.wing.terminals, {})

    def test_end_answers_everybody_and_leaves_nothing(self) -> None:
        routes.control(self.wing, "s", self.one)
        routes.watch(self.wing, "s", self.two, "v1")
        self.assertEqual(routes.end(self.wing.terminals["s"]), [self.one, self.two])
        self.assertEqual((self.wing.terminals, self.one.controls, self.two.watches), ({}, {}, {}))

    def test_the_end_of_the_last_view_drops_the_route(self) -> None:
        routes.watch(self.wing, "s", self.one, "v1")
        routes.end_spectator(self.wing.terminals["s"], "unknown")
        self.assertEqual(list(self.wing.terminals), ["s"])
        routes.end_spectator(self.wing.terminals["s"], "v1")
        self.assertEqual((self.wing.terminals, self.one.watches), ({}, {}))

    def test_refusals_change_nothing(self) -> None:
        for number in range(MAX_SESSIONS_PER_VIEWER):
            routes.control(self.wing, str(number), self.one)
        before = dict(self.wing.terminals)
        self.assertRaises(PeerError, routes.control, self.wing, "s", self.one)
        self.assertRaises(PeerError, routes.watch, self.wing, "s", self.one, "v")
        self.assertRaises(PeerError, routes.control, wing("w2"), "0", self.one)
        self.assertEqual(self.wing.terminals, before)

    def test_a_refused_spectator_keeps_what_it_had(self) -> None:
        for number in range(MAX_SPECTATORS_PER_SESSION):
            routes.watch(self.wing, "s", viewer(), f"v{number}")
        routes.control(self.wing, "s", self.one)
        self.assertRaises(PeerError, routes.watch, self.wing, "s", self.one, "v")
        self.assertIs(self.wing.terminals["s"].controller, self.one)
        self.assertEqual(list(self.one.controls), ["s"])

    def test_what_a_viewer_remembers_of_ended_sessions_is_bounded(self) -> None:
        for number in range(MAX_SESSIONS_PER_VIEWER * 2):
            routes.control(self.wing, str(number), self.one)
            routes.detach(self.one, str(number))
        self.assertEqual(len(self.one.ended), MAX_SESSIONS_PER_VIEWER)
        self.assertIn(str(MAX_SESSIONS_PER_VIEWER * 2 - 1), self.one.ended)
