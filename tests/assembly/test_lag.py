"""How late the reactor is."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from wingthing.assembly.lag import TICKS_KEPT, ReactorLag


class LagTests(TestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1_000)
        self.lag = ReactorLag(self.clock)

    def tick(self, late: float) -> None:
        """The call comes `late` seconds after it should."""
        self.clock.advance(1 + late)

    def test_nothing_is_late_before_the_first_call(self) -> None:
        self.assertEqual(self.lag.worst, 0)

    def test_the_worst_of_the_last_minute_is_told(self) -> None:
        self.lag.startService()
        for late in (0.0, 0.25, 0.5, 0.0):
            self.tick(late)
        self.assertAlmostEqual(self.lag.worst, 0.5)
        for _ in range(TICKS_KEPT - 2):
            self.tick(0)
        self.assertAlmostEqual(self.lag.worst, 0.5)
        self.tick(0)
        self.assertEqual(self.lag.worst, 0)

    def test_each_call_goes_into_the_histogram(self) -> None:
        self.lag.startService()
        for late in (0.0, 0.02, 7.0):
            self.tick(late)
        (family,) = self.lag.histogram.collect()
        at_most = {
            s.labels["le"]: s.value for s in family.samples if s.name.endswith("_bucket") and s.value != 3
        }
        self.assertEqual((at_most["0.01"], at_most["0.025"], at_most["5.0"]), (1, 2, 2))

    def test_a_clock_that_is_put_back_is_not_late(self) -> None:
        self.lag.startService()
        self.clock.rightNow -= 3600
        for _ in range(3601):
            self.clock.advance(1)
        self.assertEqual(self.lag.worst, 0)

    def test_it_ends(self) -> None:
        self.lag.startService()
        self.tick(0)
        self.lag.stopService()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.lag.stopService()
