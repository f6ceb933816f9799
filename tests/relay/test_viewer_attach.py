"""Coming back to a terminal, and watching one (protocol.md section 4)."""

from __future__ import annotations

import itertools

from tests.relay.case import CONTROL, RelayTestCase
from wingthing.relay.peers import FEATURE_DETACHED
from wingthing.testing import (
    OTHER_WING_ID,
    WING_ID,
    FakeBrowser,
    open_browser,
    open_wing,
)
from wingthing.wire.limits import (
    MAX_SPECTATORS_PER_SESSION,
)
from wingthing.wire.messages import MESSAGES


class AttachTests(RelayTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.laptop = open_wing(self.router)
        self.browser = open_browser(self.router)
        self.session_id = self.opened(self.browser, self.laptop)

    def hears_output(self, *browsers: FakeBrowser) -> list[bool]:
        for browser in browsers:
            browser.peer.take()
        self.laptop.say("pty.output", session_id=self.session_id, data="eA==")
        return [browser.peer.take_types() == ["pty.output"] for browser in browsers]

    def test_who_is_let_in_takes_the_session_over(self) -> None:
        phone = open_browser(self.router)
        phone.attach(self.session_id, wing_id=WING_ID, cols=40, rows=20)
        said = self.laptop.peer.take()
        self.assertEqual([(m["type"], m["user_id"], m["cols"]) for m in said], [("pty.attach", "ann", 40)])
        self.assertEqual(self.hears_output(self.browser, phone), [True, False], "it is under the old key")
        self.laptop.let_in(self.session_id)
        self.assertEqual(phone.peer.take_types(), ["pty.started"])
        self.assertEqual(self.hears_output(self.browser, phone), [False, True])
        self.browser.say("pty.input", session_id=self.session_id, data="eA==")
        self.assertEqual(self.laptop.peer.take(), [])
        self.assertEqual(self.browser.peer.take(), [])
        phone.say("pty.input", session_id=self.session_id, data="eA==")
        self.assertEqual(self.laptop.peer.take_types(), ["pty.input"])

    def test_who_is_refused_takes_nothing(self) -> None:
        friend, phone = open_browser(self.router), open_browser(self.router)
        friend.attach(self.session_id, wing_id=WING_ID, spectate=True)
        viewer_id = self.laptop.peer.take()[0]["viewer_id"]
        phone.attach(self.session_id, wing_id=WING_ID)
        self.laptop.peer.take()
        self.laptop.say("pty.exited", session_id=self.session_id, exit_code=-1, error="not yours")
        self.assertEqual([m["error"] for m in phone.peer.take()], ["not yours"])
        self.assertEqual((self.browser.peer.take(), friend.peer.take()), ([], []))
        self.assertEqual(self.hears_output(self.browser, phone), [True, False])
        self.browser.say("pty.input", session_id=self.session_id, data="eA==")
        self.assertEqual(self.laptop.peer.take_types(), ["pty.input"])
        self.laptop.say("pty.output", session_id=self.session_id, data="", viewer_id=viewer_id)
        self.assertEqual(friend.peer.take_types(), ["pty.output"])

    def test_a_terminal_that_ends_while_somebody_attaches_ends_for_all(self) -> None:
        phone = open_browser(self.router)
        phone.attach(self.session_id, wing_id=WING_ID)
        self.laptop.say("pty.exited", session_id=self.session_id, exit_code=0)
        self.assertEqual(self.browser.peer.take_types(), ["pty.exited"])
        self.assertEqual(phone.peer.take_types(), ["pty.exited"])
        self.assertEqual(self.router.route_count, 0)

    def test_what_it_says_before_it_is_let_in_comes_after(self) -> None:
        phone = open_browser(self.router)
        phone.attach(self.session_id, wing_id=WING_ID)
        phone.say("pty.resize", session_id=self.session_id, cols=40, rows=20)
        phone.say("pty.input", session_id=self.session_id, data="eA==")
        self.assertEqual(self.laptop.peer.take_types(), ["pty.attach"])
        self.assertEqual(phone.peer.take(), [])
        self.laptop.let_in(self.session_id)
        self.assertEqual(self.laptop.peer.take_types(), ["pty.resize", "pty.input"])

    def test_a_passkey_is_asked_of_who_attaches(self) -> None:
        phone = open_browser(self.router)
        phone.attach(self.session_id, wing_id=WING_ID)
        self.laptop.peer.take()
        self.laptop.say("passkey.challenge", session_id=self.session_id, challenge="eA==")
        self.assertEqual(phone.peer.take_types(), ["passkey.challenge"])
        self.assertEqual(self.browser.peer.take(), [])
        phone.say("passkey.response", session_id=self.session_id, signature="eA==")
        self.assertEqual(self.laptop.peer.take_types(), ["passkey.response"])

    def test_nor_may_who_is_asked_end_it(self) -> None:
        """Where nobody has the terminal open, who attaches is bound to it before the wing has answered."""
        self.browser.say("pty.detach", session_id=self.session_id)
        phone = open_browser(self.router)
        phone.attach(self.session_id, wing_id=WING_ID)
        phone.say("pty.kill", session_id=self.session_id)
        self.laptop.say("passkey.challenge", session_id=self.session_id, challenge="eA==")
        phone.say("passkey.response", session_id=self.session_id, signature="eA==")
        self.assertEqual(self.laptop.peer.take_types(), ["pty.attach", "passkey.response"])
        self.laptop.say("pty.exited", session_id=self.session_id, exit_code=-1, error="not_allowed")
        self.assertEqual(self.laptop.peer.take(), [], "not even afterwards")
        phone.attach(self.session_id, wing_id=WING_ID)
        phone.say("pty.kill", session_id=self.session_id)
        self.assertEqual(self.laptop.peer.take_types(), ["pty.attach"])
        self.laptop.let_in(self.session_id)
        self.assertEqual(self.laptop.peer.take_types(), ["pty.kill"])

    def test_the_wing_goes_before_it_has_answered(self) -> None:
        phone = open_browser(self.router)
        phone.attach(self.session_id, wing_id=WING_ID)
        self.laptop.leave()
        self.assertEqual(phone.peer.take_types(), ["wing.offline"])
        again = open_wing(self.router)
        again.let_in(self.session_id)
        self.assertEqual(phone.peer.take(), [], "nobody has asked this connection")
        phone.leave()
        self.assertEqual(self.router.route_count, 1)

    def test_a_new_connection_of_the_wing_has_not_been_asked(self) -> None:
        phone = open_browser(self.router)
        phone.attach(self.session_id, wing_id=WING_ID)
        open_wing(self.router)
        self.assertEqual(phone.peer.take_types(), ["wing.offline"])
        self.assertEqual(self.browser.peer.take(), [])

    def test_the_one_it_was_taken_from_is_told_if_it_asked_for_that(self) -> None:
        features = frozenset({FEATURE_DETACHED})
        first, second = open_browser(self.router, features=features), open_browser(self.router)
        for browser in (first, second):
            browser.attach(self.session_id, wing_id=WING_ID)
            self.laptop.let_in(self.session_id)
        self.assertEqual(self.browser.peer.take(), [])
        said = first.peer.take()
        self.assertEqual([m["type"] for m in said], ["pty.started", "pty.detached"])
        self.assertEqual(said[1]["session_id"], self.session_id)

    def test_the_end_of_the_displaced_connection_changes_nothing(self) -> None:
        phone = open_browser(self.router)
        phone.attach(self.session_id, wing_id=WING_ID)
        self.laptop.let_in(self.session_id)
        self.browser.leave()
        self.assertEqual(self.hears_output(phone), [True])

    def test_attaching_again_is_no_takeover(self) -> None:
        features = frozenset({FEATURE_DETACHED})
        browser = open_browser(self.router, features=features)
        for _ in range(2):
            browser.attach(self.session_id, wing_id=WING_ID)
            self.laptop.let_in(self.session_id)
        self.assertEqual(browser.peer.take_types(), ["pty.started"] * 2)
        self.assertEqual(self.laptop.peer.take_types(), ["pty.attach"] * 2)
        self.assertEqual(self.router.route_count, 1)

    def test_names_that_some_readers_take_for_others(self) -> None:
        for kind in ("pty.kill", "pty.resize", "pty.attention_ack"):
            self.browser.say(kind, session_id=self.session_id, Session_ID="ffffffff", cols=9, rows=9)
            said = self.browser.peer.take()
            self.assertEqual([m["type"] for m in said], ["error"], kind)
            self.assertIn("lower case", said[0]["message"])
        self.assertEqual(self.laptop.peer.take(), [])

    def test_a_session_that_no_browser_has_open_is_found_by_its_wing(self) -> None:
        self.browser.leave()
        phone = open_browser(self.router, wing_id=WING_ID)
        phone.attach(self.session_id)
        self.assertEqual(self.laptop.peer.take_types(), ["pty.attach"])
        self.assertEqual(self.hears_output(phone), [True])

    def test_an_open_session_is_found_without_naming_its_wing(self) -> None:
        open_wing(self.router, OTHER_WING_ID)
        phone, stranger = open_browser(self.router), open_browser(self.router, "eve")
        phone.attach(self.session_id)
        self.assertEqual(self.laptop.peer.take_types(), ["pty.attach"])
        stranger.attach(self.session_id)
        phone.attach("ffffffff")
        for browser in (stranger, phone):
            said = browser.peer.take()
            self.assertEqual([m["message"] for m in said], ["wing not found"])

    def test_another_users_attach_finds_no_wing(self) -> None:
        """The same answer as for a wing that does not exist: nothing can be learnt from it."""
        eve = open_browser(self.router, "eve")
        for spectate, wing_id in itertools.product((False, True), (WING_ID, "f" * 24, OTHER_WING_ID)):
            eve.attach(self.session_id, wing_id=wing_id, spectate=spectate)
            self.assertEqual(
                eve.peer.take(),
                [{"type": "error", "message": "wing not found", "session_id": self.session_id}],
            )
        self.assertEqual(self.laptop.peer.take(), [])
        self.assertEqual(self.hears_output(self.browser, eve), [True, False])

    def test_the_same_session_id_on_another_wing_is_another_session(self) -> None:
        theirs = open_wing(self.router, OTHER_WING_ID, "eve")
        eve = open_browser(self.router, "eve")
        eve.attach(self.session_id, wing_id=OTHER_WING_ID)
        self.assertEqual(theirs.peer.take_types(), ["pty.attach"])
        theirs.let_in(self.session_id)
        eve.say("pty.input", session_id=self.session_id, data="eA==")
        eve.say("pty.kill", session_id=self.session_id)
        self.assertEqual(self.laptop.peer.take(), [])
        self.assertEqual(theirs.peer.take_types(), ["pty.input", "pty.kill"])
        self.assertEqual(self.hears_output(self.browser, eve), [True, False])
        theirs.say("pty.exited", session_id=self.session_id, exit_code=0)
        self.assertEqual(self.browser.peer.take(), [])
        self.assertEqual(self.hears_output(self.browser), [True])

    def test_one_connection_cannot_hold_the_same_id_on_two_wings(self) -> None:
        desk = open_wing(self.router, OTHER_WING_ID)
        for spectate in (False, True):
            self.browser.attach(self.session_id, wing_id=OTHER_WING_ID, spectate=spectate)
            self.assertEqual(self.browser.peer.take_types(), ["error"])
        self.assertEqual(desk.peer.take(), [])
        self.assertEqual(self.wing(desk).terminals, {})
        self.assertEqual(self.hears_output(self.browser), [True])

    def test_detach_forgets_the_binding_and_says_nothing_to_the_wing(self) -> None:
        self.browser.say("pty.detach", session_id=self.session_id)
        self.assertEqual((self.browser.peer.take(), self.laptop.peer.take()), ([], []))
        self.assertEqual(self.hears_output(self.browser), [False])
        self.assertEqual(self.router.route_count, 0)
        self.browser.say("pty.detach", session_id=self.session_id)
        self.browser.say("pty.detach", session_id="ffffffff")
        self.browser.say("pty.input", session_id=self.session_id, data="eA==")
        self.assertEqual((self.browser.peer.take(), self.laptop.peer.take()), ([], []))

    def test_a_detach_of_somebody_elses_session_does_nothing(self) -> None:
        other = open_browser(self.router)
        other.say("pty.detach", session_id=self.session_id)
        self.assertEqual(self.hears_output(self.browser, other), [True, False])


class SpectatorTests(RelayTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.laptop = open_wing(self.router)
        self.browser, self.friend = open_browser(self.router), open_browser(self.router)
        self.session_id = self.opened(self.browser, self.laptop)
        self.friend.attach(self.session_id, wing_id=WING_ID, spectate=True)
        self.attached = self.laptop.peer.take()[0]

    def test_the_node_adds_a_viewer_id_and_who_it_is(self) -> None:
        self.assertEqual(
            (self.attached["viewer_id"], self.attached["user_id"], self.attached["email"]),
            ("00000002", "ann", "ann@example.org"),
        )
        self.assertTrue(self.attached["spectate"])

    def test_a_spectator_can_only_watch(self) -> None:
        for kind in CONTROL:
            self.friend.say(kind, session_id=self.session_id, data="eA==", cols=80, rows=24)
            said = self.friend.peer.take()
            self.assertEqual([m["message"] for m in said], ["a spectator can only watch"], kind)
        self.assertEqual(self.laptop.peer.take(), [])

    def test_these_are_all_ways_to_act_on_a_session(self) -> None:
        self.assertEqual(set(CONTROL), {name for name, row in MESSAGES.items() if row.controller_only})

    def test_the_controller_stays_the_controller(self) -> None:
        self.browser.say("pty.input", session_id=self.session_id, data="eA==")
        self.assertEqual(self.laptop.peer.take_types(), ["pty.input"])

    def test_watching_again_replaces_the_old_view(self) -> None:
        self.friend.attach(self.session_id, wing_id=WING_ID, spectate=True)
        new_id = self.laptop.peer.take()[0]["viewer_id"]
        self.assertNotEqual(new_id, self.attached["viewer_id"])
        terminal = self.wing(self.laptop).terminals[self.session_id]
        self.assertEqual(list(terminal.spectators), [new_id])
        self.laptop.say(
            "pty.output", session_id=self.session_id, data="", viewer_id=self.attached["viewer_id"]
        )
        self.assertEqual(self.friend.peer.take(), [])

    def test_a_spectator_may_become_the_controller_and_back(self) -> None:
        self.friend.attach(self.session_id, wing_id=WING_ID)
        self.laptop.let_in(self.session_id)
        self.friend.say("pty.input", session_id=self.session_id, data="eA==")
        self.assertEqual(self.laptop.peer.take_types(), ["pty.attach", "pty.input"])
        terminal = self.wing(self.laptop).terminals[self.session_id]
        self.assertEqual((terminal.controller, terminal.spectators), (self.friend.viewer, {}))
        self.friend.attach(self.session_id, wing_id=WING_ID, spectate=True)
        self.friend.say("pty.input", session_id=self.session_id, data="eA==")
        self.assertEqual(self.laptop.peer.take_types(), ["pty.attach"])
        self.assertIsNone(terminal.controller)
        self.assertEqual(list(terminal.spectators.values()), [self.friend.viewer])

    def test_detach_of_a_spectator(self) -> None:
        self.friend.say("pty.detach", session_id=self.session_id)
        self.assertEqual(self.friend.viewer.watches, {})
        self.assertEqual(self.wing(self.laptop).terminals[self.session_id].spectators, {})

    def test_no_more_spectators_than_a_session_may_have(self) -> None:
        others = [open_browser(self.router) for _ in range(MAX_SPECTATORS_PER_SESSION)]
        for browser in others:
            browser.attach(self.session_id, wing_id=WING_ID, spectate=True)
        self.assertEqual([len(browser.peer.take()) for browser in others], [0] * (len(others) - 1) + [1])
        self.friend.attach(self.session_id, wing_id=WING_ID, spectate=True)
        self.assertEqual(self.friend.peer.take(), [])
