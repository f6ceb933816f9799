"""Removed users are found on a clock that the test turns."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from wingthing.assembly.accounts import AccountWatch
from wingthing.errors import TemporarilyUnavailable
from wingthing.wire.limits import ACCOUNT_CHECK_SECONDS


class FakeRouter:
    def __init__(self) -> None:
        self.connected = {"ann", "eve"}
        self.ended: list[str] = []

    def connected_users(self) -> set[str]:
        return self.connected

    def end_user(self, user_id: str) -> None:
        self.ended.append(user_id)
        self.connected.discard(user_id)


class FakeDatabase:
    def __init__(self) -> None:
        self.removed: set[str] = set()
        self.failure: Exception | None = None
        self.asked = 0

    async def read(self, query: Any, user_ids: set[str]) -> set[str]:
        self.asked += 1
        if self.failure is not None:
            raise self.failure
        return self.removed & user_ids


class AccountWatchTests(TestCase):
    def setUp(self) -> None:
        self.clock, self.router, self.database = Clock(), FakeRouter(), FakeDatabase()
        self.watch = AccountWatch(self.clock, self.database, self.router)  # type: ignore[arg-type]
        self.watch.startService()

    def test_who_is_removed_is_ended_once(self) -> None:
        self.clock.advance(ACCOUNT_CHECK_SECONDS)
        self.assertEqual(self.router.ended, [])
        self.database.removed = {"eve", "somebody"}
        self.clock.pump([ACCOUNT_CHECK_SECONDS] * 3)
        self.assertEqual(self.router.ended, ["eve"])

    def test_nobody_connected_costs_no_query(self) -> None:
        self.router.connected = set()
        self.clock.pump([ACCOUNT_CHECK_SECONDS] * 3)
        self.assertEqual(self.database.asked, 0)

    def test_no_failure_ends_the_watch(self) -> None:
        self.database.failure = TemporarilyUnavailable("busy")
        self.clock.advance(ACCOUNT_CHECK_SECONDS)
        self.database.failure = RuntimeError("a bug")
        self.clock.advance(ACCOUNT_CHECK_SECONDS)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.database.failure, self.database.removed = None, {"ann"}
        self.clock.advance(ACCOUNT_CHECK_SECONDS)
        self.assertEqual(self.router.ended, ["ann"])

    def test_it_stops(self) -> None:
        self.watch.stopService()
        self.clock.pump([ACCOUNT_CHECK_SECONDS] * 3)
        self.assertEqual(self.database.asked, 0)
        self.assertEqual(self.clock.getDelayedCalls(), [])
