"""What an edge's log says of login."""

from __future__ import annotations

import attrs
from twisted.internet.task import Clock
from twisted.logger import LogEvent, formatEvent, globalLogPublisher
from twisted.trial.unittest import TestCase

from wingthing.cluster.watch import LOST_SECONDS, LoginWatch
from wingthing.wire.limits import DIRECTORY_STALE_SECONDS


@attrs.define
class Login:
    """What the reporter knows of it."""

    clock: Clock
    heard_at: float = 0.0
    why_not: str = ""

    @property
    def silent_seconds(self) -> float:
        return self.clock.seconds() - self.heard_at

    @property
    def stale(self) -> bool:
        return self.silent_seconds >= DIRECTORY_STALE_SECONDS


class WatchTests(TestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.login = Login(self.clock)
        self.watch = LoginWatch(self.clock, self.login)  # type: ignore[arg-type]
        self.events: list[LogEvent] = []
        globalLogPublisher.addObserver(self.events.append)
        self.addCleanup(globalLogPublisher.removeObserver, self.events.append)
        self.watch.startService()

    def said(self) -> list[tuple[str, str]]:
        """Level and words of what was logged since the last call."""
        events, self.events[:] = list(self.events), []
        return [(event["log_level"].name, formatEvent(event)) for event in events]

    def silence(self, seconds: float) -> None:
        for _ in range(round(seconds)):
            self.clock.advance(1)

    def word(self) -> None:
        """Login is heard."""
        self.login.heard_at = self.clock.seconds()
        self.clock.advance(1)

    def test_nothing_while_it_is_heard(self) -> None:
        for _ in range(100):
            self.word()
        self.silence(LOST_SECONDS - 2)
        self.assertEqual(self.said(), [])

    def test_one_line_when_it_goes_and_one_when_it_is_back(self) -> None:
        self.silence(20)
        self.assertEqual(self.said(), [("warn", "login has not been heard for 6 s: no round of it has come")])
        self.word()
        self.word()
        self.assertEqual(self.said(), [("info", "login is heard again, after 20 s")])

    def test_the_directory_becomes_stale_and_fresh(self) -> None:
        self.silence(100)
        self.assertEqual(self.said()[1:], [("warn", "the directory of wings is stale, after 30 s")])
        self.word()
        self.assertEqual(
            self.said(),
            [
                ("info", "login is heard again, after 100 s"),
                ("info", "the directory of wings is fresh again"),
            ],
        )

    def test_each_time_anew(self) -> None:
        for _ in range(3):
            self.silence(50)
            self.word()
            self.assertEqual(len(self.said()), 4)

    def test_why_it_was_never_heard(self) -> None:
        self.login.why_not = "no login node is started"
        self.silence(LOST_SECONDS)
        self.assertEqual(
            self.said(), [("warn", "login has not been heard for 6 s: no login node is started")]
        )

    def test_it_ends(self) -> None:
        self.watch.stopService()
        self.assertEqual(self.clock.getDelayedCalls(), [])
