"""What an idle connection costs a node, item by item: by tracemalloc, in a node that watches itself."""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console

from bench import machine
from bench.inside import OTHER, PARTS
from bench.memory import KINDS, SETTLE_SECONDS, Idle
from bench.relays import started
from bench.report import Table

BEFORE, COUNT = 100, 1000
"""Connections of each kind that are open before it is counted, and that are then added."""

PATIENCE_SECONDS = 60.0


def run(console: Console) -> Table:
    """Measure and make the table."""
    about = machine.description()
    machine.allow_many_files()
    relay_cores, own_cores = machine.cores()
    table = Table("Memory: what an idle connection consists of", ["bytes each", *KINDS])
    columns: list[dict[str, float]] = []
    for kind, opened in KINDS.items():
        console.print(f"{COUNT} more {kind}", style="dim")
        with tempfile.TemporaryDirectory(prefix="wt-bench-") as folder:
            told = Path(folder) / "held"
            command = [sys.executable, "-m", "bench.inside", str(told)]
            with started(relay_cores, command) as relay, machine.on_cores(own_cores):
                idle = Idle()
                try:
                    held = []
                    for count in (BEFORE, BEFORE + COUNT):
                        idle.grow(relay, count, opened)
                        idle.rest(SETTLE_SECONDS)
                        held.append(_ask(relay.pid, told, len(held) + 1, idle))
                finally:
                    idle.leave()
        columns.append(
            {part: (held[1].get(part, 0) - held[0].get(part, 0)) / COUNT for part in (*PARTS, OTHER)}
        )
    for part in (*PARTS, OTHER):
        table.rows.append([part, *(f"{column[part]:,.0f}" for column in columns)])
    table.rows.append(["together", *(f"{sum(column.values()):,.0f}" for column in columns)])
    table.notes += [
        f"What Python holds more with {COUNT:,} more connections, counted where it was allocated "
        "(tracemalloc). The allocator's own loss, and what libraries in C hold, is in the table of resident "
        "memory alone.",
        f"Machine: {about}.",
    ]
    return table


def _ask(pid: int, told: Path, line: int, idle: Idle) -> dict[str, int]:
    """The `line`th answer of the node to what it holds."""
    os.kill(pid, signal.SIGUSR1)
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        lines = told.read_text().splitlines() if told.exists() else []
        if len(lines) >= line:
            answer: dict[str, int] = json.loads(lines[line - 1])
            return answer
        if time.monotonic() > until:
            raise TimeoutError("the node did not say what it holds")
        idle.rest(0.1)
