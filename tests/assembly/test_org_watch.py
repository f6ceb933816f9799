"""What changes in organisations is told once and in order, on a clock that the test turns."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from wingthing.assembly.org_watch import OrgWatch
from wingthing.errors import TemporarilyUnavailable
from wingthing.testing import org
from wingthing.wire.limits import REVOCATION_SECONDS
from wingthing.wire.records import OrgRecord


class FakeDatabase:
    """Changes by number. `waiting` set: an answer that has been read comes when that fires."""

    def __init__(self) -> None:
        self.changes: list[OrgRecord] = []
        self.failure: Exception | None = None
        self.waiting: Deferred[None] | None = None

    async def read(self, _query: Any, seen: int) -> tuple[int, dict[str, OrgRecord | None]]:
        if self.failure is not None:
            raise self.failure
        answer: dict[str, OrgRecord | None] = {each.id: each for each in self.changes[seen:]}
        latest = len(self.changes)
        if self.waiting is not None:
            await self.waiting
        return latest, answer


class OrgWatchTests(TestCase):
    def setUp(self) -> None:
        self.clock, self.database = Clock(), FakeDatabase()
        self.told: list[tuple[str, OrgRecord | None]] = []
        self.database.changes = [org(before="owner")]
        self.watch = OrgWatch(
            self.clock,
            self.database,  # type: ignore[arg-type]
            1,
            lambda org_id, record: self.told.append((org_id, record)),
        )
        self.watch.startService()

    def look(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self.watch.look_now())

    def test_each_change_is_told_once(self) -> None:
        self.clock.advance(REVOCATION_SECONDS)
        self.assertEqual(self.told, [])
        self.database.changes.append(org(ann="owner"))
        self.clock.pump([REVOCATION_SECONDS] * 3)
        self.assertEqual(self.told, [("org_1", org(ann="owner"))])

    def test_who_waits_has_it_told_before(self) -> None:
        self.database.changes.append(org(ann="owner"))
        self.successResultOf(self.look())
        self.assertEqual(len(self.told), 1)

    def test_of_two_looks_the_one_that_has_read_first_does_not_tell_last(self) -> None:
        self.database.waiting = Deferred()
        self.database.changes.append(org(ann="owner"))
        first = self.look()
        self.database.changes.append(org(ann="owner", bob="member"))
        waiting, self.database.waiting = self.database.waiting, None
        second = self.look()
        self.assertNoResult(second)
        waiting.callback(None)
        self.successResultOf(first)
        self.successResultOf(second)
        self.assertEqual([record for _id, record in self.told], self.database.changes[1:])

    def test_no_failure_ends_the_watch(self) -> None:
        self.database.failure = TemporarilyUnavailable("busy")
        self.successResultOf(self.look())
        self.database.failure = RuntimeError("a bug")
        self.watch.look_soon()
        self.clock.advance(REVOCATION_SECONDS)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 2)
        self.database.failure = None
        self.database.changes.append(org(ann="owner"))
        self.clock.advance(REVOCATION_SECONDS)
        self.assertEqual(len(self.told), 1)

    def test_it_stops(self) -> None:
        self.watch.stopService()
        self.database.changes.append(org(ann="owner"))
        self.clock.pump([REVOCATION_SECONDS] * 3)
        self.assertEqual((self.told, self.clock.getDelayedCalls()), ([], []))
