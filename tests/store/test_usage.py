"""Bytes by user and day: totals that are reported again, late or out of order count once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.store.support import StoreCase
from wingthing.store import usage
from wingthing.store.usage import FORGET_SECONDS, Report

NOW = 1_800_000_000.0
DAY = "2027-01-15"


class UsageTests(StoreCase):
    def record(self, *reports: tuple[str, str, dict[str, int]], day: str = DAY, now: float = NOW) -> None:
        made = [Report(machine, boot, tuple(totals.items())) for machine, boot, totals in reports]
        self.run_now(usage.record, made, day=day, now=now)

    def of(self, user_id: str = "ann", month: str = "2027-01") -> int:
        return sum(self.run_now(usage.days_of_month, user_id, month).values())

    def runs(self) -> set[tuple[str, str]]:
        rows = self.direct.connection.execute("SELECT DISTINCT machine, boot FROM usage_reports")
        return set(rows.fetchall())

    def test_what_has_grown_is_added(self) -> None:
        self.record(("a", "1", {"ann": 10, "eve": 5}))
        self.record(("a", "1", {"ann": 25}))
        self.assertEqual((self.of(), self.of("eve"), self.of("nobody")), (25, 5, 0))

    def test_what_comes_twice_or_late_adds_nothing(self) -> None:
        for total in (10, 10, 25, 10, 25):
            self.record(("a", "1", {"ann": total}))
        self.assertEqual(self.of(), 25)

    def test_runs_and_machines_count_for_themselves(self) -> None:
        self.record(("a", "1", {"ann": 10}), ("b", "1", {"ann": 100}))
        self.record(("a", "2", {"ann": 1000}))
        self.record(("a", "1", {"ann": 11}))
        self.assertEqual(self.of(), 1111)

    def test_days_and_months(self) -> None:
        for total, day in enumerate(("2026-12-31", "2027-01-01", "2027-01-31", "2027-02-01"), 1):
            self.record(("a", "1", {"ann": total}), day=day)
        self.assertEqual([self.of(month=m) for m in ("2026-12", "2027-01", "2027-02")], [1, 2, 1])

    def test_a_run_that_is_over_is_cleared_away_and_what_it_counted_stays(self) -> None:
        self.record(("a", "1", {"ann": 10}))
        self.record(("a", "2", {"ann": 1}), now=NOW + FORGET_SECONDS)
        self.assertEqual(self.runs(), {("a", "1"), ("a", "2")})
        self.record(("a", "2", {"ann": 2}), now=NOW + FORGET_SECONDS + 1)
        self.assertEqual((self.runs(), self.of()), ({("a", "2")}, 12))

    def test_one_that_had_nothing_to_report_for_long_goes_on_where_it_was(self) -> None:
        """A quiet week on one edge, and traffic on another: its next total must not count from nothing."""
        self.record(("quiet", "1", {"ann": 1_000_000}))
        for week in range(1, 5):
            self.record(("busy", "1", {"eve": week}), now=NOW + week * (FORGET_SECONDS + 1))
        self.record(("quiet", "1", {"ann": 1_000_001}), now=NOW + 5 * FORGET_SECONDS)
        self.assertEqual(self.of(), 1_000_001)

    @given(st.data())
    def test_any_order_of_reports_counts_what_was_sent(self, data: st.DataObject) -> None:
        self.direct.connection.execute("SAVEPOINT one_example")
        try:
            cursor = self.direct.connection.cursor()
            latest: dict[tuple[str, str], int] = {}
            sent = data.draw(
                st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("12"), st.integers(1, 9)))
            )
            made = []
            for machine, boot, more in sent:
                latest[machine, boot] = latest.get((machine, boot), 0) + more
                made.append(Report(machine, boot, (("ann", latest[machine, boot]),)))
            order = data.draw(st.permutations(made + data.draw(st.lists(st.sampled_from(made or [None])))))
            for report in filter(None, order):
                usage.record(cursor, [report], day=DAY, now=NOW)
            self.assertEqual(
                sum(usage.days_of_month(cursor, "ann", "2027-01").values()), sum(latest.values())
            )
        finally:
            self.direct.connection.execute("ROLLBACK TO one_example")
            self.direct.connection.execute("RELEASE one_example")
