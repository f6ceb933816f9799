"""The books of the traffic: every byte once, whatever is lost, repeated or restarted."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any, cast

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from tests.cluster.case import Fleet
from tests.store.support import StoreCase
from wingthing.assembly.usage import UsageBook
from wingthing.errors import TemporarilyUnavailable
from wingthing.relay.meter import Meter
from wingthing.relay.peers import Viewer
from wingthing.store import usage
from wingthing.store.pool import Database
from wingthing.testing import FakePeer, identity
from wingthing.wire.gossip import Answer
from wingthing.wire.limits import USAGE_COUNT_SECONDS, USAGE_FLUSH_SECONDS
from wingthing.wire.plans import month_end

NOW = 1_800_000_000.0
MONTH, NEXT_MONTH = "2027-01", "2027-02"


class SlowDatabase:
    """The real one of the tests; `failure` set: it writes nothing. `hold()`: it takes until `go()`."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.failure: Exception | None = None
        self.writes = 0
        self._held: Deferred[None] | None = None

    async def read(self, query: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return await self.inner.read(query, *args, **kwargs)

    async def write(self, query: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        self.writes += 1
        if self._held is not None:
            await self._held
        if self.failure is not None:
            raise self.failure
        return await self.inner.write(query, *args, **kwargs)

    def hold(self) -> None:
        self._held = Deferred()

    def go(self) -> None:
        held, self._held = self._held, None
        assert held is not None
        held.callback(None)


def answer(usage: dict[str, int], seq: int, boot: str = "boot") -> Answer:
    return Answer(
        machine="edge-a", region="", boot=boot, now=NOW, login_boot="", login_seq=0, whole=True, seq=0,
        events=[], usage=list(usage.items()), usage_seq=seq,
    )  # fmt: skip


class BookCase(StoreCase):
    def setUp(self) -> None:
        super().setUp()
        self.clock, self.meter = Clock(), Meter()
        self.clock.advance(NOW)
        self.slow = SlowDatabase(self.direct)
        self.written: list[tuple[str, str, int]] = []
        self.books: list[UsageBook] = []
        self.book = self.new_book("login-1")
        self.addCleanup(self.stop)

    def new_book(self, boot: str) -> UsageBook:
        book = UsageBook(self.clock, cast(Database, self.slow), self.meter, "login", boot)
        book.written = lambda *report: self.written.append(report)
        book.startService()
        self.books.append(book)
        return book

    def stop(self) -> None:
        for book in self.books:
            if book.running:
                book.stopService()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def flush(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self.book.flush())

    def of(self, user_id: str = "ann", month: str = MONTH) -> int:
        """What is written down."""
        return sum(self.run_now(usage.days_of_month, user_id, month).values())

    def asked(self, user_id: str = "ann") -> int:
        """What a user is told."""
        return sum(self.successResultOf(Deferred.fromCoroutine(self.book.days(user_id))).values())

    def viewer(self, user_id: str = "ann") -> Viewer:
        viewer = Viewer(identity(user_id), FakePeer())
        self.meter.opened(viewer)
        return viewer


class OwnTests(BookCase):
    def test_what_this_node_sends_is_known_at_once_and_written_down_in_time(self) -> None:
        viewer = self.viewer()
        viewer.deliver(b"12345")
        self.assertEqual((self.asked(), self.of()), (5, 0))
        self.clock.advance(USAGE_FLUSH_SECONDS)
        self.assertEqual((self.asked(), self.of()), (5, 5))
        viewer.deliver(b"67")
        self.meter.closed(viewer)
        self.clock.advance(USAGE_FLUSH_SECONDS)
        self.assertEqual((self.asked(), self.of(), self.asked("eve")), (7, 7, 0))

    def test_nothing_new_costs_nothing(self) -> None:
        self.viewer().deliver(b"12345")
        self.clock.pump([USAGE_FLUSH_SECONDS] * 10)
        self.assertEqual(self.slow.writes, 1)

    def test_a_new_run_counts_from_nothing_and_adds_to_what_was(self) -> None:
        self.viewer().deliver(b"12345")
        self.successResultOf(self.flush())
        self.meter = Meter()
        self.book = self.new_book("login-2")
        self.viewer().deliver(b"123")
        self.assertEqual(self.asked(), 8)
        self.successResultOf(self.flush())
        self.assertEqual((self.asked(), self.of()), (8, 8))

    def test_a_new_month_begins_with_what_was_not_written_down_yet(self) -> None:
        viewer = self.viewer()
        viewer.deliver(b"12345")
        self.successResultOf(self.flush())
        viewer.deliver(b"67")
        self.clock.advance(31 * 24 * 3600)
        self.assertEqual((self.of(), self.of(month=NEXT_MONTH), self.asked()), (5, 2, 2))

    def test_a_database_that_fails_loses_nothing(self) -> None:
        viewer = self.viewer()
        for failure in (TemporarilyUnavailable("busy"), sqlite3.OperationalError("disk I/O error")):
            viewer.deliver(b"12345")
            self.slow.failure = failure
            self.clock.advance(USAGE_FLUSH_SECONDS)
        self.assertEqual(len(self.flushLoggedErrors(sqlite3.OperationalError)), 1)
        self.assertEqual((self.of(), self.asked()), (0, 10))
        self.slow.failure = None
        self.clock.advance(USAGE_FLUSH_SECONDS)
        self.assertEqual((self.of(), self.asked()), (10, 10))

    def test_what_is_sent_while_it_is_written_down_is_written_the_next_time(self) -> None:
        viewer = self.viewer()
        viewer.deliver(b"12345")
        self.slow.hold()
        first, second = self.flush(), self.flush()
        viewer.deliver(b"67")
        self.slow.go()
        self.successResultOf(first)
        self.successResultOf(second)
        self.assertEqual(self.of(), 7)


class MonthTests(BookCase):
    def days(self, user_id: str = "ann") -> dict[str, int]:
        return self.successResultOf(Deferred.fromCoroutine(self.book.days(user_id)))

    def everybody(self, at_least: int = 1) -> dict[str, int]:
        return self.successResultOf(Deferred.fromCoroutine(self.book.of_everybody(at_least=at_least)))

    def test_each_day_until_today_with_what_is_not_written_down_yet(self) -> None:
        viewer = self.viewer()
        viewer.deliver(b"12345")
        self.successResultOf(self.flush())
        self.clock.advance(24 * 3600)
        viewer.deliver(b"67")
        days = self.days()
        self.assertEqual((len(days), next(iter(days)), list(days)[-1]), (16, "2027-01-01", "2027-01-16"))
        self.assertEqual((days["2027-01-15"], days["2027-01-16"], sum(days.values())), (5, 2, self.asked()))
        self.assertEqual(set(self.days("eve").values()), {0})

    def test_a_month_ends_at_midnight_in_utc(self) -> None:
        viewer = self.viewer()
        self.clock.advance(month_end(MONTH) - NOW - 1)
        viewer.deliver(b"12345")
        self.successResultOf(self.flush())
        self.assertEqual((self.asked(), len(self.days())), (5, 31))
        self.clock.advance(1)
        self.assertEqual((self.asked(), self.days()), (0, {"2027-02-01": 0}))
        viewer.deliver(b"67")
        self.successResultOf(self.flush())
        self.assertEqual((self.asked(), self.days(), self.of()), (2, {"2027-02-01": 2}, 5))

    def test_everybody_who_has_had_so_much(self) -> None:
        ann, eve = self.viewer(), self.viewer("eve")
        ann.deliver(b"12345")
        eve.deliver(b"1")
        self.successResultOf(self.flush())
        ann.deliver(b"67")
        self.assertEqual((self.everybody(), self.everybody(2)), ({"ann": 7, "eve": 1}, {"ann": 7}))

    def test_what_is_being_written_down_is_not_counted_twice(self) -> None:
        viewer = self.viewer()
        viewer.deliver(b"12345")
        self.slow.hold()
        flushing = self.flush()
        asking = Deferred.fromCoroutine(self.book.of_everybody(at_least=1))
        self.assertNoResult(asking)
        self.slow.go()
        self.successResultOf(flushing)
        self.assertEqual(self.successResultOf(asking), {"ann": 5})


class EdgeTests(BookCase):
    def test_a_report_is_acknowledged_when_it_is_in_the_database(self) -> None:
        self.book.reported("edge-a", answer({"ann": 10, "eve": 5}, seq=3))
        self.slow.hold()
        flushing = self.flush()
        self.assertEqual(self.written, [])
        self.slow.go()
        self.successResultOf(flushing)
        self.assertEqual(self.written, [("edge-a", "boot", 3)])
        self.assertEqual((self.of(), self.of("eve")), (10, 5))

    def test_a_database_that_fails_acknowledges_nothing_and_keeps_the_newest(self) -> None:
        self.book.reported("edge-a", answer({"ann": 10, "eve": 5}, seq=1))
        self.slow.hold()
        self.slow.failure = TemporarilyUnavailable("busy")
        flushing = self.flush()
        self.book.reported("edge-a", answer({"ann": 12}, seq=2))
        self.slow.go()
        self.failureResultOf(flushing, TemporarilyUnavailable)
        self.assertEqual((self.written, self.of()), ([], 0))
        self.slow.failure = None
        self.successResultOf(self.flush())
        self.assertEqual((self.of(), self.of("eve"), self.written), (12, 5, [("edge-a", "boot", 2)]))

    def test_the_same_report_while_it_is_written_down(self) -> None:
        """The edge has not heard of the acknowledgement, and says it again."""
        for _ in range(2):
            self.book.reported("edge-a", answer({"ann": 10}, seq=1))
            self.slow.hold()
            flushing = self.flush()
            self.book.reported("edge-a", answer({"ann": 10}, seq=1))
            self.slow.go()
            self.successResultOf(flushing)
        self.successResultOf(self.flush())
        self.assertEqual((self.of(), set(self.written)), (10, {("edge-a", "boot", 1)}))

    def test_a_run_that_ended_is_still_written_down(self) -> None:
        self.book.reported("edge-a", answer({"ann": 10}, seq=1, boot="one"))
        self.book.reported("edge-a", answer({"ann": 3}, seq=1, boot="two"))
        self.successResultOf(self.flush())
        self.assertEqual(self.of(), 13)
        self.assertEqual(set(self.written), {("edge-a", "one", 1), ("edge-a", "two", 1)})

    def test_nothing_is_left_of_what_is_written(self) -> None:
        self.book.reported("edge-a", answer({"ann": 10}, seq=1))
        self.successResultOf(self.flush())
        self.assertEqual((self.book._waiting, self.book._seqs), ({}, {}))

    def test_it_stops(self) -> None:
        self.book.reported("edge-a", answer({"ann": 10}, seq=1))
        self.book.stopService()
        self.clock.advance(10 * USAGE_FLUSH_SECONDS)
        self.assertEqual(self.of(), 0)


STEPS = st.lists(
    st.tuples(st.just("sent"), st.sampled_from(["ann", "eve"]), st.integers(1, 100))
    | st.tuples(
        st.sampled_from(
            [
                "round",
                "answer lost",
                "answer twice",
                "flush",
                "flush fails",
                "edge restarts",
                "login restarts",
            ]
        )
    ),
    max_size=40,
)


class EveryByteOnceTests(BookCase):
    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(STEPS)
    def test_over_gossip(self, steps: list[tuple[Any, ...]]) -> None:
        """An edge that ends takes with it what login has not written down; nothing else is lost."""
        for table in ("usage_days", "usage_reports"):
            self.direct.connection.execute(f"DELETE FROM {table}")
        fleet = Fleet("edge-a")
        self.begin(fleet)
        sent, certain = {"ann": 0, "eve": 0}, {"ann": 0, "eve": 0}
        of_this_run = {"ann": 0, "eve": 0}
        fleet.settle()
        for step, *given_ in steps:
            if step == "sent":
                user, size = given_
                of_this_run[user] += size
                fleet.used = {name: total for name, total in of_this_run.items() if total}
                sent[user] += size
            elif step == "edge restarts":
                # What had been written down of it by then stays.
                certain = {user: self.of(user) for user in sent}
                of_this_run = {"ann": 0, "eve": 0}
                fleet.used = {}
                fleet.start_edge("edge-a")
            elif step == "login restarts":
                fleet.start_login("edge-a")
                self.begin(fleet)
            elif step.startswith("flush"):
                self.slow.failure = TemporarilyUnavailable("busy") if step == "flush fails" else None
                self.flush().addErrback(lambda failure: failure.trap(TemporarilyUnavailable))
                self.slow.failure = None
            else:
                self.round(fleet, step)
        for _ in range(2):
            self.round(fleet)
            self.successResultOf(self.flush())
        for user, total in sent.items():
            self.assertGreaterEqual(self.of(user), certain[user] + of_this_run[user], "lost")
            self.assertLessEqual(self.of(user), total, "counted twice")
        self.assertEqual(fleet.deliver(fleet.ask("edge-a"), "edge-a").usage, [], "nothing is told again")

    def begin(self, fleet: Fleet) -> None:
        database = cast(Database, self.slow)
        self.book = UsageBook(self.clock, database, Meter(), "login", fleet.login.boot)
        self.book.written = fleet.login.usage_written

    def round(self, fleet: Fleet, fate: str = "round") -> None:
        fleet.watch.now += USAGE_COUNT_SECONDS
        asked = fleet.ask("edge-a")
        said = fleet.deliver(asked, "edge-a")
        if fate == "answer lost":
            return
        for _ in range(2 if fate == "answer twice" else 1):
            if fleet.take(asked, said) and said.usage:
                self.book.reported("edge-a", said)
