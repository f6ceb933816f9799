"""What users feel of the cap: their terminals are let go of, and nobody else notices."""

from __future__ import annotations

from typing import Any

from tests.relay.case import RelayTestCase
from wingthing.relay import caps
from wingthing.relay.peers import FEATURE_DETACHED, FEATURE_NOTICE
from wingthing.testing import FakePeer, identity, open_browser, open_wing
from wingthing.wire import codec
from wingthing.wire.closing import CloseCode
from wingthing.wire.messages import MESSAGES, From
from wingthing.wire.node_messages import BandwidthExceeded, BandwidthNotice

CAP = 100_000
MONTH = "2027-01"
FEBRUARY = 1_801_440_000.0


class CapsTests(RelayTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.hear()
        self.laptop = open_wing(self.router)
        self.browser = open_browser(self.router, features=frozenset([FEATURE_NOTICE]))
        self.session_id = self.opened(self.browser, self.laptop)

    def hear(self, *pro: str, month: str = MONTH, **used: int) -> None:
        caps.apply(self.router, self.router.allowance.update(month, CAP, set(pro), used))

    def output(self, size: int, session_id: str = "") -> None:
        self.laptop.say("pty.output", session_id=session_id or self.session_id, data="A" * size)
        caps.apply(self.router, self.router.allowance.look())

    def exceeded(self, message: dict[str, Any]) -> None:
        self.assertEqual(message["type"], "bandwidth.exceeded")
        self.assertIn("97.7 KiB", message["message"])
        self.assertIn("1 February 2027", message["message"])

    def test_terminals_are_detached_and_the_wing_keeps_them(self) -> None:
        self.output(CAP)
        output, exceeded = self.browser.peer.take()
        self.assertEqual(output["type"], "pty.output")
        self.exceeded(exceeded)
        self.assertEqual(exceeded["resets_at"], FEBRUARY)
        self.assertEqual((self.laptop.peer.sent, self.laptop.peer.closed), ([], None))
        self.assertEqual(self.router.route_count, 0)
        self.output(CAP)
        self.assertEqual(self.browser.peer.sent, [], "the wing goes on, and nobody pays for it")
        self.assertIsNone(self.browser.peer.closed)

    def test_open_pages_hear_of_it_too(self) -> None:
        page, eves = FakePeer(), FakePeer()
        self.router.dashboard_connected(identity("ann"), page)
        self.router.dashboard_connected(identity("eve"), eves)
        self.output(CAP)
        (message,) = page.take()
        self.exceeded(message)
        self.assertEqual(eves.sent, [])

    def test_keystrokes_on_their_way_are_no_fault(self) -> None:
        self.output(CAP)
        self.browser.peer.take()
        self.browser.say("pty.input", session_id=self.session_id, data="eA==")
        self.assertEqual((self.browser.peer.sent, self.laptop.peer.sent), ([], []))

    def test_what_would_open_something_is_answered_by_name(self) -> None:
        self.output(CAP)
        self.browser.peer.take()
        for _ in range(3):
            self.browser.start()
            self.browser.attach(self.session_id)
            self.browser.attach(self.session_id, spectate=True)
            self.browser.ask("r1")
            answers = self.browser.peer.take()
            for answer in answers:
                self.exceeded(answer)
            self.assertEqual(
                [(each.get("session_id"), each.get("request_id")) for each in answers],
                [(None, None), (self.session_id, None), (self.session_id, None), (None, "r1")],
            )
        self.assertEqual((self.laptop.peer.sent, self.router.route_count), ([], 0))

    def test_all_of_a_users_browsers_and_nobody_elses(self) -> None:
        other = open_browser(self.router)
        other_session = self.opened(other, self.laptop)
        eves = open_wing(self.router, "e" * 24, "eve")
        eve = open_browser(self.router, "eve")
        eves_session = self.opened(eve, eves)
        self.output(CAP)
        self.assertEqual(other.peer.take_types(), ["bandwidth.exceeded"])
        self.output(10, other_session)
        self.assertEqual(other.peer.sent, [])
        eves.say("pty.output", session_id=eves_session, data="eA==")
        self.assertEqual(eve.peer.take_types(), ["pty.output"])

    def test_a_spectator_pays_for_itself(self) -> None:
        spectator = open_browser(self.router)
        spectator.attach(self.session_id, spectate=True)
        viewer_id = self.laptop.peer.take()[-1]["viewer_id"]
        self.laptop.say("pty.output", session_id=self.session_id, viewer_id=viewer_id, data="A" * CAP)
        caps.apply(self.router, self.router.allowance.look())
        self.assertEqual(spectator.peer.take_types(), ["pty.output", "bandwidth.exceeded"])
        self.assertEqual(self.router.route_count, 0)

    def test_requests_without_an_answer_get_this_one(self) -> None:
        for request_id in ("r1", "r2"):
            self.browser.ask(request_id)
        self.laptop.peer.take()
        self.hear(ann=CAP)
        answers = self.browser.peer.take()
        self.assertEqual([each.get("request_id") for each in answers], [None, "r1", "r2"])
        self.laptop.say("tunnel.stream", request_id="r1", payload="A" * CAP)
        self.assertEqual((self.browser.peer.sent, self.router.route_count), ([], 0))

    def test_an_attach_that_the_wing_has_not_answered(self) -> None:
        other = open_browser(self.router)
        other.attach(self.session_id)
        self.hear(ann=CAP)
        self.laptop.let_in(self.session_id)
        self.assertEqual(other.peer.take_types(), ["bandwidth.exceeded"])
        self.assertEqual(self.router.route_count, 0)

    def test_detached_is_not_said_as_taken_by_another_window(self) -> None:
        browser = open_browser(self.router, features=frozenset([FEATURE_DETACHED]))
        self.opened(browser, self.laptop)
        self.hear(ann=CAP)
        self.assertEqual(browser.peer.take_types(), ["bandwidth.exceeded"])

    def test_wings_are_never_cut(self) -> None:
        self.laptop.link.deliver(b"x" * 3 * CAP)
        self.hear(ann=2 * CAP)
        self.assertIsNone(self.laptop.peer.closed)
        fresh = open_wing(self.router, "c" * 24)
        self.assertIsNone(fresh.peer.closed)

    def test_whoever_may_go_on_is_told_to_come_back_and_does(self) -> None:
        waiting = open_browser(self.router)
        idle = open_browser(self.router)
        self.hear(ann=CAP)
        for browser in (self.browser, waiting):
            browser.attach(self.session_id)
            browser.peer.take()
        idle.peer.take()
        self.hear("ann")
        for browser in (self.browser, waiting, idle):
            self.assertEqual(browser.peer.closed and browser.peer.closed[0], CloseCode.PLAN_CHANGED)
        back = open_browser(self.router)
        back.attach(self.session_id)
        self.assertEqual(back.peer.sent, [])
        self.assertEqual(self.laptop.peer.take_types(), ["pty.attach"])
        self.hear("ann")
        self.assertIsNone(back.peer.closed)

    def test_a_notice_goes_once_to_those_who_understand_it(self) -> None:
        released = open_browser(self.router)
        self.hear(ann=CAP * 9 // 10)
        (notice,) = self.browser.peer.take()
        self.assertEqual((notice["type"], notice["resets_at"]), ("bandwidth.notice", FEBRUARY))
        self.assertEqual((notice["cap_bytes"], notice["used_bytes"]), (CAP, CAP * 9 // 10))
        self.assertIn("80 %", notice["message"])
        self.assertEqual(released.peer.sent, [])
        self.hear(ann=CAP * 95 // 100)
        self.assertEqual(self.browser.peer.sent, [])

    def test_no_browser_may_say_either(self) -> None:
        for kind in (BandwidthExceeded, BandwidthNotice):
            name = str(kind.__struct_config__.tag)
            self.assertEqual(MESSAGES[name].sender, From.NODE)
            self.browser.say(codec.write({"type": name, "message": "free"}))
            self.assertEqual(self.browser.peer.take_types(), ["error"])

    def test_nothing_is_left(self) -> None:
        self.hear(ann=CAP)
        self.browser.leave()
        self.laptop.leave()
        self.assert_empty(self.browser)
        self.assertEqual(self.router.allowance._barred, {})
