"""What a node hears of terminals that call for their users, and that end."""

from __future__ import annotations

from tests.relay.case import RelayTestCase
from wingthing.relay.calls import ATTENTION, EXIT, Call
from wingthing.testing import WING_ID, FakePeer, identity, open_browser, open_wing
from wingthing.wire.limits import MAX_SESSIONS_PER_VIEWER
from wingthing.wire.records import WingRecord


class CallsTests(RelayTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.calls: list[tuple[WingRecord, Call]] = []
        self.router.hearers.append(lambda record, call: self.calls.append((record, call)))
        self.laptop = open_wing(self.router)

    def heard(self) -> list[Call]:
        """The calls since the last look; all of this wing."""
        found = [call for record, call in self.calls if record.wing_id == WING_ID]
        self.assertEqual(len(found), len(self.calls))
        self.calls.clear()
        return found

    def ended(self, session_id: str, **fields: object) -> list[Call]:
        self.laptop.say("pty.exited", session_id=session_id, exit_code=0, **fields)
        return self.heard()

    def test_attention_with_what_is_known(self) -> None:
        self.laptop.say("session.attention", session_id="s1", agent="claude", cwd="/home/ann/work", nonce="a")
        self.laptop.say("session.attention", session_id="s1", agent="claude", cwd="/home/ann/work", nonce="a")
        self.assertEqual(self.heard(), [Call("s1", ATTENTION, "claude", "work", "a")])
        self.laptop.say("session.attention", session_id="s2")
        self.assertEqual(self.heard(), [Call("s2")])

    def test_who_has_it_open(self) -> None:
        browser = open_browser(self.router)
        session_id = self.opened(browser, self.laptop)
        self.laptop.say("session.attention", session_id=session_id, nonce="a")
        (call,) = self.heard()
        self.assertEqual(call.controller, "ann")
        self.assertEqual(self.ended(session_id)[0].controller, "ann")

    def test_the_end_of_one_without_a_browser(self) -> None:
        self.laptop.say("session.attention", session_id="s1", agent="claude", cwd="/home/ann/work", nonce="a")
        self.heard()
        self.assertEqual(self.ended("s1"), [Call("s1", EXIT, "claude", "work")])
        self.assertEqual(self.ended("s1"), [Call("s1", EXIT)], "what it was is forgotten")
        self.assertEqual(self.laptop.peer.take(), [])

    def test_the_end_of_one_that_a_browser_has_begun(self) -> None:
        browser = open_browser(self.router)
        browser.start(wing_id=WING_ID, agent="codex", cwd="/srv/shop")
        session_id = self.laptop.peer.take()[-1]["session_id"]
        browser.leave()
        self.assertEqual(self.ended(session_id), [Call(session_id, EXIT, "codex", "shop")])

    def test_one_that_has_not_begun_is_not_an_end(self) -> None:
        session_id = self.opened(open_browser(self.router), self.laptop)
        self.assertEqual(self.ended(session_id, error="no such program"), [])
        self.assertEqual(self.ended("s1", error="no such session"), [])

    def test_nor_is_the_end_of_a_spectators_view_or_a_refusal(self) -> None:
        first, second = open_browser(self.router), open_browser(self.router)
        session_id = self.opened(first, self.laptop)
        second.attach(session_id, wing_id=WING_ID, spectate=True)
        viewer_id = self.laptop.peer.take()[-1]["viewer_id"]
        self.assertEqual(self.ended(session_id, viewer_id=viewer_id), [])
        self.assertEqual(self.ended("s1", viewer_id="unknown"), [])
        third = open_browser(self.router)
        third.attach(session_id, wing_id=WING_ID)
        self.assertEqual(self.ended(session_id, error="not_allowed"), [])
        self.assertEqual(len(self.ended(session_id)), 1)

    def test_dashboards_hear_of_attention_alone(self) -> None:
        dashboard = FakePeer()
        self.router.dashboard_connected(identity(), dashboard)
        self.ended("s1")
        self.assertEqual(dashboard.take(), [])

    def test_a_connection_that_is_the_wing_no_longer_says_nothing(self) -> None:
        old, self.laptop = self.laptop, open_wing(self.router)
        old.say("pty.exited", session_id="s1", exit_code=0)
        self.assertEqual(self.heard(), [])

    def test_the_table_of_programs_does_not_grow(self) -> None:
        for number in range(MAX_SESSIONS_PER_VIEWER * 2):
            self.laptop.say("session.attention", session_id=f"{number:08x}", agent="claude")
        self.assertEqual(len(self.wing(self.laptop).programs), MAX_SESSIONS_PER_VIEWER)

    def test_nothing_long_is_kept(self) -> None:
        self.laptop.say(
            "session.attention", session_id="s", agent="a" * 9999, cwd="/" + "f" * 9999, nonce="n" * 9999
        )
        (call,) = self.heard()
        self.assertLess(len(call.agent) + len(call.folder) + len(call.nonce), 300)
