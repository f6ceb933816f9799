"""`python -m drills [login|edge|partition|rolling] [--write]`: all drills, or the named ones."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable

import attrs
from rich.console import Console

from bench import machine
from bench.report import write
from drills import edge, login, partition, rolling
from drills.report import PAGE, Report
from drills.stage import Stage, stage
from wingthing.errors import OperatorError

TABLE_WIDTH = 140
DRILL_SECONDS = 180.0
"""No drill takes longer, with its fleet up; one that does has failed."""

Run = Callable[[Stage, int, int], Awaitable[Report]]


@attrs.frozen
class Drill:
    """One of them, and how large it is when nobody says otherwise."""

    run: Run
    wings: int
    terminals: int


DRILLS = {
    "login": Drill(login.run, 30, 30),
    "edge": Drill(edge.run, 200, 50),
    "partition": Drill(partition.run, 40, 40),
    "rolling": Drill(rolling.run, 5, 50),
}


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    """What was asked for on the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m drills", description="Break a fleet, and see what holds."
    )
    parser.add_argument("names", nargs="*", metavar="|".join(DRILLS), help="which of them (default: all)")
    parser.add_argument("--write", action="store_true", help="put the figures into docs/drills.md")
    parser.add_argument("--wings", type=int, help="how many wings instead of the usual number")
    parser.add_argument("--terminals", type=int, help="how many terminals instead of the usual number")
    given = parser.parse_args(words)
    unknown = [name for name in given.names if name not in DRILLS]
    if unknown:
        parser.error(f"there is no drill {unknown[0]!r}: choose from {', '.join(DRILLS)}")
    if any(count is not None and count < 4 for count in (given.wings, given.terminals)):
        parser.error("--wings and --terminals are at least 4")
    return given


async def perform(drill: Drill, console: Console, wings: int | None, terminals: int | None) -> Report:
    """One drill on a fleet of its own.

    Raises AssertionError or OperatorError when it cannot be carried out.
    """
    about = machine.description()
    wings = drill.wings if wings is None else wings
    terminals = drill.terminals if terminals is None else terminals
    async with stage(console) as place:
        try:
            report = await asyncio.wait_for(drill.run(place, wings, terminals), DRILL_SECONDS)
        except TimeoutError:
            raise AssertionError(f"it has taken more than {DRILL_SECONDS:g} s") from None
    size = f"{wings} wings, {terminals} terminals with a line every 100 ms, login and two edges"
    report.notes.append(f"{size[0].upper()}{size[1:]}. Machine: {about}.")
    return report


def main() -> int:
    """Do what was asked for; 1 when a criterion was missed."""
    given = arguments()
    console = Console(width=max(Console().width, TABLE_WIDTH))
    machine.allow_many_files()
    code = 0
    for name in given.names or DRILLS:
        console.rule(name)
        try:
            report = asyncio.run(perform(DRILLS[name], console, given.wings, given.terminals))
        except (AssertionError, OperatorError) as why:
            console.print(f"{name}: NOT CARRIED OUT: {why}", style="bold red", highlight=False)
            code = 1
            continue
        report.table().show(console)
        for detail in report.details:
            console.print(detail, style="red", highlight=False)
        if given.write:
            write(name, report.table(), PAGE)
        if not report.passed:
            code = 1
    return code


if __name__ == "__main__":
    sys.exit(main())
