"""Months in UTC, and limits in words."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from wingthing.wire.plans import (
    cap_near,
    cap_reached,
    date_in_words,
    day_of,
    days_until,
    month_end,
    month_of,
    notice_at,
    size_in_words,
)

END_OF_2026 = 1_798_761_600.0


class MonthTests(TestCase):
    def test_a_month_ends_at_midnight_in_utc(self) -> None:
        self.assertEqual(month_end("2026-12"), END_OF_2026)
        self.assertEqual(
            [(day_of(at), month_of(at)) for at in (END_OF_2026 - 0.001, END_OF_2026)],
            [("2026-12-31", "2026-12"), ("2027-01-01", "2027-01")],
        )

    @given(st.floats(0, 4e9))
    def test_every_moment_is_before_the_end_of_its_month(self, at: float) -> None:
        end = month_end(month_of(at))
        self.assertLess(at, end)
        self.assertEqual(day_of(end)[8:], "01")
        self.assertLessEqual(end - at, 31 * 24 * 3600)

    def test_the_days_of_a_month_until_today(self) -> None:
        self.assertEqual(days_until(END_OF_2026), ["2027-01-01"])
        days = days_until(END_OF_2026 - 1)
        self.assertEqual(
            (days[0], days[8], days[-1], len(days)), ("2026-12-01", "2026-12-09", "2026-12-31", 31)
        )


class WordTests(TestCase):
    def test_dates_and_sizes(self) -> None:
        self.assertEqual(date_in_words(END_OF_2026), "1 January 2027 (UTC)")
        said = [size_in_words(size) for size in (0, 1, 999, 1024, 1536, 1 << 20, 3 << 29, 1 << 30, 1 << 40)]
        expected = "0 bytes,1 byte,999 bytes,1 KiB,1.5 KiB,1 MiB,1.5 GiB,1 GiB,1024 GiB"
        self.assertEqual(said, expected.split(","))

    def test_a_person_reads_the_limit_and_the_day_it_ends(self) -> None:
        for sentence in (cap_reached(1 << 30, "2026-11"), cap_near(1 << 30, "2026-11")):
            self.assertIn("1 GiB", sentence)
            self.assertIn("1 December 2026", sentence)

    def test_the_notice_is_at_80_percent(self) -> None:
        self.assertEqual([notice_at(cap) for cap in (1000, 1 << 30, 0)], [800, 858_993_459, 0])
