"""What a drill has found: what it must be and was, and figures beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import attrs

from bench.figures import percentile
from bench.report import Table

PAGE = Path(__file__).parent.parent / "docs" / "drills.md"
OK, MISSED = "ok", "**MISSED**"
FIRST_FEW = 5


@attrs.frozen
class Criterion:
    """One thing that must be so."""

    what: str
    must_be: str
    was: str
    met: bool


@attrs.define
class Report:
    """Of one drill."""

    title: str
    criteria: list[Criterion] = attrs.field(factory=list)
    figures: list[tuple[str, str]] = attrs.field(factory=list)
    notes: list[str] = attrs.field(factory=list)
    details: list[str] = attrs.field(factory=list)
    """What went wrong, in sentences: for who looks for the cause, and not for the page."""

    def must(self, what: str, must_be: str, was: str, met: bool) -> None:
        """A criterion."""
        self.criteria.append(Criterion(what, must_be, was, met))

    def at_most(self, what: str, seconds: float | None, most: float) -> None:
        """A criterion on a time; None: it has not happened."""
        was = "never" if seconds is None else duration(seconds)
        self.must(what, f"at most {duration(most)}", was, seconds is not None and seconds <= most)

    def all_of(self, what: str, count: int, among: int) -> None:
        """A criterion: all of them."""
        self.must(what, f"{among}", f"{count}", count == among)

    def none(self, what: str, found: Sequence[str]) -> None:
        """A criterion: nothing is found; what is found is told."""
        self.must(what, "none", f"{len(found)}" if found else "none", not found)
        self.details += [f"{what}: {each}" for each in found[:FIRST_FEW]]
        if len(found) > FIRST_FEW:
            self.details.append(f"{what}: {len(found) - FIRST_FEW} more")

    def figure(self, what: str, value: str) -> None:
        """A figure that nothing depends on."""
        self.figures.append((what, value))

    @property
    def passed(self) -> bool:
        """Whether every criterion was met, and there was one."""
        return bool(self.criteria) and all(criterion.met for criterion in self.criteria)

    def table(self) -> Table:
        """The same as a table."""
        table = Table(self.title, ["", "must be", "was", ""], notes=list(self.notes))
        for each in self.criteria:
            table.rows.append([each.what, each.must_be, each.was, OK if each.met else MISSED])
        table.end_section()
        for what, value in self.figures:
            table.rows.append([what, "", value, ""])
        return table


def duration(seconds: float) -> str:
    """A time for people."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 10 and seconds != round(seconds) else f"{seconds:.0f} s"


def distribution(values: Sequence[float]) -> str:
    """Times as median, 90th percentile and longest."""
    if not values:
        return "none"
    middle, high = (duration(percentile(values, percent)) for percent in (50, 90))
    return f"{middle} / {high} / {duration(max(values))}"
