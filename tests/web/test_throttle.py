"""How often somebody may be wrong."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from wingthing.errors import PeerError
from wingthing.web import throttle
from wingthing.web.throttle import Throttle


class ThrottleTests(TestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.throttle = Throttle(self.clock.seconds, most=3, window=60.0)

    def fail(self, key: str = "ann", times: int = 1) -> None:  # type: ignore[override]
        for _ in range(times):
            self.throttle.check(key)
            self.throttle.failed(key)

    def test_three_times_and_then_a_wait_that_is_named(self) -> None:
        self.fail(times=3)
        self.clock.advance(15)
        why = self.assertRaises(PeerError, self.throttle.check, "ann")
        self.assertEqual(why.status, 429)
        self.assertEqual(why.headers, {"Retry-After": "45"})

    def test_nobody_else_waits(self) -> None:
        self.fail(times=3)
        self.fail("bob")

    def test_after_the_window_it_goes_on(self) -> None:
        self.fail(times=3)
        self.clock.advance(60)
        self.fail()

    def test_the_window_slides(self) -> None:
        for _ in range(10):
            self.fail(times=1)
            self.clock.advance(21)

    def test_the_table_is_bounded(self) -> None:
        self.patch(throttle, "MAX_KEYS", 10)
        for number in range(100):
            self.fail(str(number))
        self.assertEqual(len(self.throttle._failures), 10)
        self.assertIn("99", self.throttle._failures)
