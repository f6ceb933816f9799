"""Whether the database answers."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from wingthing.assembly.ready import DatabaseCheck
from wingthing.wire.limits import READY_SECONDS

LATE = "the database does not answer within 1 s"


class ReadyTests(TestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.questions: list[Deferred[None]] = []
        self.check = DatabaseCheck(self.clock, self._ask)

    async def _ask(self) -> None:
        self.questions.append(Deferred())
        await self.questions[-1]

    def trouble(self) -> Deferred[str]:
        return Deferred.fromCoroutine(self.check.trouble())

    def test_it_answers(self) -> None:
        asked = self.trouble()
        self.assertNoResult(asked)
        self.questions[0].callback(None)
        self.assertEqual(self.successResultOf(asked), "")
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_it_fails(self) -> None:
        asked = self.trouble()
        self.questions[0].errback(OSError("Disk I/O error"))
        self.assertEqual(self.successResultOf(asked), "the database cannot be read: disk I/O error")

    def test_it_does_not_answer_in_time(self) -> None:
        asked = self.trouble()
        self.clock.advance(READY_SECONDS)
        self.assertEqual(self.successResultOf(asked), LATE)

    def test_a_database_that_is_stuck_is_asked_once(self) -> None:
        first = self.trouble()
        self.clock.advance(READY_SECONDS / 2)
        second = self.trouble()
        self.clock.advance(READY_SECONDS / 2)
        self.assertEqual(self.successResultOf(first), LATE)
        self.assertNoResult(second)
        third = self.trouble()
        self.assertEqual(len(self.questions), 1)
        self.questions[0].callback(None)
        self.assertEqual([self.successResultOf(each) for each in (second, third)], ["", ""])

    def test_each_time_anew(self) -> None:
        for number in range(3):
            asked = self.trouble()
            self.questions[number].callback(None)
            self.assertEqual(self.successResultOf(asked), "")

    def test_who_asks_may_leave(self) -> None:
        gone, stays = self.trouble(), self.trouble()
        gone.cancel()
        self.failureResultOf(gone)
        self.questions[0].callback(None)
        self.assertEqual(self.successResultOf(stays), "")
