"""A wing's sessions with nothing real around them."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from tests.store.support import counting
from tests.wing.browser import WING_KEY, Browser, FakeRules, FakeSender, FakeTerminals
from wingthing.wing.passkeys import Passkeys
from wingthing.wing.sessions import Sessions
from wingthing.wire import codec

SESSION = "0123abcd"
SCREEN = b"\x1bcthe screen"


class SessionsCase(TestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.sender = FakeSender()
        self.terminals = FakeTerminals()
        self.use(FakeRules())
        self.browser = Browser()

    def use(self, rules: FakeRules) -> None:
        """Sessions under these rules."""
        self.rules = rules
        self.passkeys = Passkeys(rules, counting())
        self.sessions = Sessions(self.clock, self.sender, self.terminals, WING_KEY, rules, self.passkeys)

    def hear(self, message: bytes) -> list[dict[str, Any]]:
        """Let the wing have a message; what it answers."""
        self.assertTrue(self.sessions.received(codec.read_head(message).type, message))
        return self.sender.take()

    def painted(self, screen: bytes = SCREEN) -> None:
        """Answer the oldest snapshot that was asked for."""
        self.terminals.snapshots.pop(0).callback(screen)

    def started(self) -> None:
        self.hear(self.browser.start(SESSION))

    def output(self, data: bytes) -> list[dict[str, Any]]:
        self.sessions.output(SESSION, data)
        return self.sender.take()
