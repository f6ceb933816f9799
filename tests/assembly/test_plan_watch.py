"""A node with the database looks at its plans: in time, when told to, and again when it could not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from tests.store.support import StoreCase
from wingthing.assembly.caps import CapWatch
from wingthing.assembly.plan_watch import PlanWatch
from wingthing.assembly.usage import UsageBook
from wingthing.errors import TemporarilyUnavailable
from wingthing.relay.meter import Meter
from wingthing.store import plans, usage, users
from wingthing.store.plans import Kind, Source
from wingthing.store.pool import Database
from wingthing.store.usage import Report
from wingthing.wire.internal import Terms
from wingthing.wire.limits import ENTITLEMENTS_SECONDS

NOW = 1_800_000_000.0
CAP = 1000


class Told:
    """Stands for a CapWatch."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, set[str], dict[str, int]]] = []

    def update(self, terms: Terms, month: str, pro: Set[str], used: Mapping[str, int]) -> None:
        self.heard.append((month, set(pro), dict(used)))


class WatchTests(StoreCase):
    def setUp(self) -> None:
        super().setUp()
        self.clock = Clock()
        self.clock.advance(NOW)
        self.told, self.failure = Told(), None
        self.held: list[Deferred[None]] | None = None
        database = cast(Database, self)
        self.book = UsageBook(self.clock, database, Meter(), "login", "b")
        self.watch = PlanWatch(
            self.clock, database, self.book, cast(CapWatch, self.told), Terms(cap_bytes=CAP)
        )
        self.run_now(users.add, "ann", name="Ann", provider="test", now=NOW)
        self.addCleanup(self.stop)

    failure: Exception | None

    async def read(self, query: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """The database, as slow and as busy as a test wants it."""
        if self.failure is not None:
            raise self.failure
        answer = await self.direct.read(query, *args, **kwargs)
        if self.held is not None:
            self.held.append(Deferred())
            await self.held[-1]
        return answer

    def stop(self) -> None:
        self.watch.stopService()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def grant(self) -> None:
        self.run_now(plans.grant, Kind.USER, "ann", Source.OPERATOR, now=NOW)

    def test_at_its_start_and_every_minute(self) -> None:
        self.watch.startService()
        self.assertEqual(self.told.heard, [("2027-01", set(), {})])
        self.grant()
        self.run_now(
            usage.record, [Report("m", "b", (("ann", 500), ("eve", 499)))], day="2027-01-15", now=NOW
        )
        self.clock.advance(ENTITLEMENTS_SECONDS)
        self.assertEqual(self.told.heard[1:], [("2027-01", {"ann"}, {"ann": 500})])

    def test_when_it_is_told_to(self) -> None:
        self.watch.look_now()
        self.assertEqual(self.told.heard, [], "not before its start")
        self.watch.startService()
        self.grant()
        self.watch.look_now()
        self.assertEqual(self.told.heard[-1][1], {"ann"})

    def test_what_was_read_earlier_is_not_believed_later(self) -> None:
        self.held = []
        self.watch.startService()
        self.grant()
        self.watch.look_now()
        while len(self.told.heard) < 2:
            self.held.pop(0).callback(None)
        self.assertEqual([pro for _month, pro, _used in self.told.heard], [set(), {"ann"}])

    def test_a_database_that_is_busy_or_broken(self) -> None:
        self.failure = TemporarilyUnavailable("busy")
        self.watch.startService()
        self.failure = ZeroDivisionError()
        self.clock.advance(ENTITLEMENTS_SECONDS)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(self.told.heard, [])
        self.failure = None
        self.clock.advance(ENTITLEMENTS_SECONDS)
        self.assertEqual(len(self.told.heard), 1)
