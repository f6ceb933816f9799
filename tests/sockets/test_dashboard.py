"""`/ws/app`: events to their user, silence the other way."""

from __future__ import annotations

from tests.sockets.case import SocketTestCase
from wingthing.testing import WING_ID, frame


class DashboardTests(SocketTestCase):
    def test_events_of_ones_own_wings(self) -> None:
        mine, theirs = self.browser(path="/ws/app"), self.browser("eve", "/ws/app")
        laptop = self.wing()
        laptop.say("wing.config", wing_id=WING_ID, locked=True, allowed_count=1)
        laptop.say("session.attention", session_id="00000001", nonce="n")
        laptop.line.end()
        self.router.announce_restart()
        self.assertEqual(
            [m["type"] for m in mine.messages()],
            ["wing.online", "wing.config", "session.attention", "wing.offline", "relay.restart"],
        )
        self.assertEqual([m["type"] for m in theirs.messages()], ["relay.restart"])

    def test_what_the_browser_says_is_not_read(self) -> None:
        laptop, dashboard = self.wing(), self.browser(path="/ws/app")
        dashboard.messages()
        for message in (
            b"not json",
            b'{"type":"pty.start","agent":"shell","cols":1,"rows":1,"public_key":""}',
        ):
            dashboard.send_raw(frame(message))
        self.assertEqual((dashboard.messages(), laptop.messages()), ([], []))

    def test_two_windows_of_one_user(self) -> None:
        first, second = self.browser(path="/ws/app"), self.browser(path="/ws/app")
        first.line.end()
        self.wing()
        self.assertEqual([m["type"] for m in second.messages()], ["wing.online"])
        second.line.end()
        self.assertEqual(len(self.router.dashboards), 0)
