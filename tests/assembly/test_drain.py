"""The end of a node on a clock that the test turns."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from wingthing.assembly.drain import GRACE_SECONDS, LOOK_SECONDS, drain


class FakeRouter:
    def __init__(self, open_sockets: int) -> None:
        self.open_sockets = open_sockets
        self.said: list[str] = []

    def announce_restart(self) -> None:
        self.said.append("restart")

    def close_all(self) -> None:
        self.said.append("close")


class DrainTests(TestCase):
    def setUp(self) -> None:
        self.clock = Clock()

    def start(self, router: FakeRouter) -> Deferred[None]:
        return Deferred.fromCoroutine(drain(self.clock, router, 8.0))  # type: ignore[arg-type]

    def turn(self, seconds: float) -> None:
        self.clock.pump([LOOK_SECONDS] * int(seconds / LOOK_SECONDS + 1))

    def test_nothing_open_is_over_at_once(self) -> None:
        self.successResultOf(self.start(FakeRouter(0)))

    def test_peers_that_leave_by_themselves_are_not_closed(self) -> None:
        router = FakeRouter(3)
        done = self.start(router)
        self.turn(GRACE_SECONDS / 2)
        self.assertNoResult(done)
        router.open_sockets = 0
        self.turn(LOOK_SECONDS)
        self.successResultOf(done)
        self.assertEqual(router.said, ["restart"])

    def test_who_stays_is_closed_once(self) -> None:
        router = FakeRouter(1)
        done = self.start(router)
        self.turn(GRACE_SECONDS + 1)
        self.assertEqual(router.said, ["restart", "close"])
        router.open_sockets = 0
        self.turn(LOOK_SECONDS)
        self.successResultOf(done)

    def test_it_never_takes_longer_than_it_may(self) -> None:
        router = FakeRouter(1)
        done = self.start(router)
        self.turn(7.5)
        self.assertNoResult(done)
        self.turn(1)
        self.successResultOf(done)
