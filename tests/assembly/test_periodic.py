"""Work that is done again and again, whatever becomes of it."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from wingthing.assembly.periodic import Periodic
from wingthing.errors import TemporarilyUnavailable


class Counting(Periodic):
    seconds = 10
    what = "counts"

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.count = 0
        self.failure: Exception | None = None
        self.waits: Deferred[None] | None = None

    async def work(self) -> None:
        self.count += 1
        if self.waits is not None:
            await self.waits
        if self.failure is not None:
            raise self.failure


class PeriodicTests(TestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.counting = Counting(self.clock)

    def test_in_time_and_when_it_is_asked(self) -> None:
        self.counting.startService()
        self.assertEqual(self.counting.count, 0)
        self.clock.pump([10, 10])
        self.assertEqual(self.counting.count, 2)
        self.successResultOf(self.counting.look())
        self.assertEqual(self.counting.count, 3)
        self.counting.stopService()
        self.clock.pump([10, 10])
        self.assertEqual(self.counting.count, 3)

    def test_at_the_start(self) -> None:
        self.counting.at_once = True
        self.counting.startService()
        self.assertEqual(self.counting.count, 1)
        self.counting.stopService()

    def test_slow_work_is_not_begun_twice_by_the_clock(self) -> None:
        self.counting.waits = waits = Deferred()
        self.counting.startService()
        self.clock.pump([10] * 5)
        self.assertEqual(self.counting.count, 1)
        self.counting.waits = None
        waits.callback(None)
        self.clock.advance(10)
        self.assertEqual(self.counting.count, 2)
        self.counting.stopService()

    def test_a_failure_ends_nothing(self) -> None:
        self.counting.startService()
        self.counting.failure = TemporarilyUnavailable("busy")
        self.clock.advance(10)
        self.assertEqual(self.flushLoggedErrors(), [])
        self.counting.failure = ZeroDivisionError()
        self.clock.advance(10)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.counting.failure = None
        self.clock.advance(10)
        self.assertEqual(self.counting.count, 3)
        self.counting.stopService()
