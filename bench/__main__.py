"""`python -m bench [relay|memory|echo] [--write]`: all three benchmarks, or the named ones."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from functools import partial

from rich.console import Console

from bench import echo, machine, memory, relay
from bench.report import Table, write

TABLE_WIDTH = 120
"""Columns of the widest table; what is narrower would cut its figures."""

Benchmark = Callable[[Console], Table]


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    """What was asked for on the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Measure the node and its browser app."
    )
    parser.add_argument("names", nargs="*", metavar="relay|memory|echo", help="which of them (default: all)")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/benchmarks.md")
    parser.add_argument("--rounds", type=int, default=5, help="relay: interleaved rounds (default: 5)")
    parser.add_argument(
        "--seconds", type=float, default=1.0, help="relay: seconds of one throughput measurement (default: 1)"
    )
    parser.add_argument("--keys", type=int, default=100, help="echo: keystrokes (default: 100)")
    given = parser.parse_args(words)
    unknown = [name for name in given.names if name not in ("relay", "memory", "echo")]
    if unknown:
        parser.error(f"there is no benchmark {unknown[0]!r}: choose from relay, memory and echo")
    if given.rounds < 1 or given.seconds <= 0 or given.keys < 1:
        parser.error("--rounds, --seconds and --keys are more than 0")
    return given


def main() -> int:
    """Run what was asked for; 1 when something could not be measured."""
    given = arguments()
    console = Console(width=max(Console().width, TABLE_WIDTH))
    machine.allow_many_files()
    benchmarks: dict[str, Benchmark] = {
        "relay": partial(relay.run, rounds=given.rounds, seconds=given.seconds),
        "memory": memory.run,
        "echo": partial(echo.run, keys=given.keys),
    }
    code = 0
    for name in given.names or benchmarks:
        try:
            table = benchmarks[name](console)
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
