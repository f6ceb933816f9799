"""`python -m bench [relay|memory|echo|fleet] [--write]`: all benchmarks, or the named ones.

`fleet` stands for the tables whose names begin with it, each of which can be named alone.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from functools import partial

from rich.console import Console

from bench import echo, items, machine, memory, relay
from bench.fleet import login, online, proxy, replay, rounds, snapshots
from bench.report import Table, write

TABLE_WIDTH = 175
"""Columns of the widest table; what is narrower would cut its figures."""

FLEET = ("fleet-online", "fleet-rounds", "fleet-login", "fleet-snapshots", "fleet-replay", "fleet-proxy")
MEMORY = ("memory", "memory-items")
TABLES = ("relay", *MEMORY, "echo", *FLEET)
GROUPS = {"fleet": FLEET, "memory": MEMORY}

MOST_LONG_ROUNDS = 3
"""Of a benchmark whose rounds take a minute each."""

Benchmark = Callable[[Console], Table]


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    """What was asked for on the command line; `names` are tables."""
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Measure the node, its browser app, and a fleet."
    )
    parser.add_argument(
        "names", nargs="*", metavar="|".join((*TABLES, *GROUPS)), help="which of them (default: all)"
    )
    parser.add_argument("--write", action="store_true", help="put the tables into docs/benchmarks.md")
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds (default: 5)")
    parser.add_argument(
        "--seconds", type=float, default=1.0, help="seconds of one throughput measurement (default: 1)"
    )
    parser.add_argument("--wings", type=int, default=10_000, help="memory: idle wings (default: 10,000)")
    parser.add_argument("--keys", type=int, default=100, help="echo: keystrokes (default: 100)")
    parser.add_argument(
        "--times", type=int, default=200, help="fleet: registrations, and terminals each way (default: 200)"
    )
    given = parser.parse_args(words)
    unknown = [name for name in given.names if name not in TABLES and name not in GROUPS]
    if unknown:
        parser.error(f"there is no benchmark {unknown[0]!r}: choose from {', '.join((*TABLES, *GROUPS))}")
    if min(given.rounds, given.keys, given.times, given.wings) < 1 or given.seconds <= 0:
        parser.error("--rounds, --seconds, --wings, --keys and --times are more than 0")
    named = [table for name in given.names for table in GROUPS.get(name, (name,))]
    given.names = list(dict.fromkeys(named)) or list(TABLES)
    return given


def benchmarks(given: argparse.Namespace) -> dict[str, Benchmark]:
    """How each table is made."""
    return {
        "relay": partial(relay.run, rounds=given.rounds, seconds=given.seconds),
        "memory": partial(memory.run, most_wings=given.wings),
        "memory-items": items.run,
        "echo": partial(echo.run, keys=given.keys),
        "fleet-online": partial(online.run, registrations=given.times),
        "fleet-rounds": partial(rounds.run, rounds=given.rounds),
        "fleet-login": partial(login.run, rounds=min(given.rounds, MOST_LONG_ROUNDS)),
        "fleet-snapshots": partial(snapshots.run, rounds=given.rounds),
        "fleet-replay": partial(replay.run, terminals=given.times),
        "fleet-proxy": partial(proxy.run, rounds=given.rounds, seconds=given.seconds),
    }


def main() -> int:
    """Run what was asked for; 1 when something could not be measured."""
    given = arguments()
    console = Console(width=max(Console().width, TABLE_WIDTH))
    machine.allow_many_files()
    running = benchmarks(given)
    code = 0
    for name in given.names:
        try:
            table = running[name](console)
        except echo.NoBrowser as why:
            console.print(f"{name}: NOT MEASURED: {why}", style="bold red")
            code = 1
            continue
        table.show(console)
        if given.write:
            write(name, table)
    return code


if __name__ == "__main__":
    sys.exit(main())
