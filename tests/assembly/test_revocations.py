"""What is revoked is told once, on a clock that the test turns."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from wingthing.assembly.revocations import RevocationWatch
from wingthing.errors import TemporarilyUnavailable
from wingthing.wire.gossip import Revoked, RevokedKind
from wingthing.wire.limits import REVOCATION_SECONDS


def revoked(subject: str) -> Revoked:
    return Revoked(kind=RevokedKind.TOKEN, subject=subject, at=1.0, until=9e9)


class FakeDatabase:
    def __init__(self) -> None:
        self.events: list[Revoked] = []
        self.failure: Exception | None = None

    async def read(self, _query: Any, seen: int, *, now: float) -> tuple[int, list[Revoked]]:
        if self.failure is not None:
            raise self.failure
        return len(self.events), self.events[seen:]


class RevocationWatchTests(TestCase):
    def setUp(self) -> None:
        self.clock, self.database, self.told = Clock(), FakeDatabase(), []
        self.database.events = [revoked("before the start")]
        self.watch = RevocationWatch(
            self.clock,
            self.database,  # type: ignore[arg-type]
            1,
            lambda event: self.told.append(event.subject),
        )
        self.watch.startService()

    def test_each_is_told_once(self) -> None:
        self.clock.advance(REVOCATION_SECONDS)
        self.assertEqual(self.told, [])
        self.database.events += [revoked("one"), revoked("two")]
        self.clock.pump([REVOCATION_SECONDS] * 3)
        self.assertEqual(self.told, ["one", "two"])

    def test_what_this_node_revokes_is_told_at_once(self) -> None:
        self.database.events.append(revoked("one"))
        self.watch.look_now()
        self.assertEqual(self.told, ["one"])
        self.clock.advance(REVOCATION_SECONDS)
        self.assertEqual(self.told, ["one"])

    def test_no_failure_ends_the_watch(self) -> None:
        self.database.failure = TemporarilyUnavailable("busy")
        self.clock.advance(REVOCATION_SECONDS)
        self.database.failure = RuntimeError("a bug")
        self.clock.advance(REVOCATION_SECONDS)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.database.failure = None
        self.database.events.append(revoked("one"))
        self.clock.advance(REVOCATION_SECONDS)
        self.assertEqual(self.told, ["one"])

    def test_it_stops(self) -> None:
        self.watch.stopService()
        self.database.events.append(revoked("one"))
        self.clock.pump([REVOCATION_SECONDS] * 3)
        self.assertEqual(self.told, [])
        self.assertEqual(self.clock.getDelayedCalls(), [])
