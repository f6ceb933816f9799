"""A report says what was missed, and so does its table."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import TestCase

from bench.report import write
from drills.__main__ import DRILLS, arguments
from drills.report import FIRST_FEW, MISSED, OK, PAGE, Report, distribution, duration


class ReportTests(TestCase):
    def setUp(self) -> None:
        self.report = Report("A drill")

    def outcomes(self) -> list[tuple[str, bool]]:
        return [(each.was, each.met) for each in self.report.criteria]

    def test_nothing_was_looked_at(self) -> None:
        self.assertFalse(self.report.passed)

    def test_times(self) -> None:
        for seconds in (0.25, 15.0, 15.1, None):
            self.report.at_most("back", seconds, 15.0)
        self.assertEqual(
            self.outcomes(), [("250 ms", True), ("15 s", True), ("15 s", False), ("never", False)]
        )
        self.assertEqual(self.report.criteria[0].must_be, "at most 15 s")
        self.assertFalse(self.report.passed)

    def test_counts(self) -> None:
        self.report.all_of("wings", 200, 200)
        self.assertTrue(self.report.passed)
        self.report.all_of("wings", 199, 200)
        self.assertEqual(self.outcomes(), [("200", True), ("199", False)])
        self.assertFalse(self.report.passed)

    def test_what_must_not_be_is_told(self) -> None:
        self.report.none("lost", [])
        self.report.none("lost", [f"terminal {number}" for number in range(FIRST_FEW + 2)])
        self.assertEqual(self.outcomes(), [("none", True), (str(FIRST_FEW + 2), False)])
        self.assertEqual(len(self.report.details), FIRST_FEW + 1)
        self.assertEqual(self.report.details[0], "lost: terminal 0")
        self.assertEqual(self.report.details[-1], "lost: 2 more")

    def test_table(self) -> None:
        self.report.at_most("back", 2.0, 15.0)
        self.report.none("lost", ["one"])
        self.report.figure("freezes", "1 s")
        self.report.notes.append("A note.")
        table = self.report.table()
        self.assertEqual(
            table.rows,
            [
                ["back", "at most 15 s", "2 s", OK],
                ["lost", "none", "1", MISSED],
                ["freezes", "", "1 s", ""],
            ],
        )
        self.assertEqual((table.sections, table.notes), ([2], ["A note."]))
        self.assertIn("| lost | none | 1 | **MISSED** |", table.markdown())

    def test_the_page_has_a_place_for_each_drill(self) -> None:
        page = Path(self.mktemp())
        page.write_text(PAGE.read_text())
        for name in DRILLS:
            write(name, self.report.table(), page)


class FigureTests(TestCase):
    def test_durations(self) -> None:
        for seconds, text in (
            (0.0, "0 ms"),
            (0.1234, "123 ms"),
            (1.0, "1 s"),
            (1.26, "1.3 s"),
            (9.96, "10.0 s"),
            (10.4, "10 s"),
            (60.0, "60 s"),
        ):
            self.assertEqual(duration(seconds), text)

    def test_distributions(self) -> None:
        self.assertEqual(distribution([]), "none")
        self.assertEqual(distribution([2.0]), "2 s / 2 s / 2 s")
        self.assertEqual(distribution([value / 10 for value in range(1, 101)]), "5 s / 9 s / 10 s")


class ArgumentTests(TestCase):
    def test_the_usual(self) -> None:
        given = arguments([])
        self.assertEqual((given.names, given.write, given.wings, given.terminals), ([], False, None, None))

    def test_what_may_be_said(self) -> None:
        given = arguments(["edge", "login", "--write", "--wings", "20", "--terminals", "5"])
        self.assertEqual(
            (given.names, given.write, given.wings, given.terminals), (["edge", "login"], True, 20, 5)
        )

    def test_what_may_not(self) -> None:
        for words in (["flood"], ["edge", "--wings", "3"], ["--terminals", "0"], ["--wings", "many"]):
            with self.assertRaises(SystemExit) as ended:
                arguments(words)
            self.assertEqual(ended.exception.code, 2)
