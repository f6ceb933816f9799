"""A relay without sockets, and ways to fill it and to see that it is empty again."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from wingthing.relay.wings import Wing
from wingthing.testing import FakeBrowser, FakeWing, new_router

CONTROL = ("pty.input", "pty.resize", "pty.kill", "pty.attention_ack", "pty.migrate", "passkey.response")
"""What only the controller of a session may say."""


class RelayTestCase(TestCase):
    """A relay, and ways to fill it."""

    def setUp(self) -> None:
        self.router = new_router()

    def wing(self, fake: FakeWing) -> Wing:
        wing = fake.link.wing
        assert wing is not None
        return wing

    def opened(self, browser: FakeBrowser, wing: FakeWing) -> str:
        """Start a terminal; its session id. What both sides were sent has been taken."""
        browser.start(wing_id=self.wing(wing).record.wing_id)
        session_id: str = wing.peer.take()[-1]["session_id"]
        browser.peer.take()
        return session_id

    def assert_empty(self, *browsers: FakeBrowser) -> None:
        """All tables are as they were before anybody came."""
        self.assertEqual(self.router.route_count, 0)
        self.assertEqual(self.router.open_sockets, 0)
        self.assertEqual(len(self.router.wings), 0)
        self.assertEqual(self.router.wings._by_id, {})
        self.assertEqual(self.router.dashboards._by_user, {})
        self.assertEqual(self.router.meter._open, {})
        for browser in browsers:
            viewer = browser.viewer
            self.assertEqual((viewer.controls, viewer.watches, viewer.pending), ({}, {}, {}))
            self.assertEqual(viewer.held_by, set())
