"""What gossip costs login over real HTTP: processor time of a process that does nothing else."""

from __future__ import annotations

from statistics import median

from rich.console import Console

from bench import machine
from bench.figures import figure
from bench.fleet.processes import Traffic, push
from bench.fleet.pushing import Measured
from bench.report import Table
from wingthing.wire.limits import GOSSIP_COALESCE_SECONDS, GOSSIP_ROUNDS_PER_SECOND

EDGES = (10, 100, 1_000)
WINGS = 10_000
CHANGES = (0.0, 1.0, 20.0)
"""Wings that go or come, per second."""

SETTLE_SECONDS = 3.0
SECONDS = 4.0
"""Two rounds with every edge, when nothing happens."""

PATIENCE_SECONDS = 120.0

Runs = list[tuple[Measured, Traffic]]
Cells = dict[tuple[int, float], Runs]
"""(edges, changes per second) -> each time that it was measured."""


def run(console: Console, *, rounds: int) -> Table:
    """Measure and make the table."""
    about = machine.description()
    cells: Cells = {}
    for number in range(rounds):
        for count in EDGES:
            console.print(f"round {number + 1} of {rounds}: {count} edges", style="dim")
            measured = push(
                count,
                WINGS,
                CHANGES,
                settle_seconds=SETTLE_SECONDS,
                seconds=SECONDS,
                patience_seconds=PATIENCE_SECONDS,
            )
            for rate, each in zip(CHANGES, measured, strict=True):
                cells.setdefault((count, rate), []).append(each)
    return tabulate(cells, about, rounds)


def tabulate(cells: Cells, about: str, rounds: int) -> Table:
    """The table of what was measured."""
    table = Table(
        "Login: gossip over HTTP",
        [
            "edges",
            "changes/s",
            "rounds/s",
            "CPU%",
            "µs per round",
            "÷ 10 edges",
            "bytes to an edge",
            "bytes back",
            "KB/s, all",
            "missed",
            "longest pause ms",
        ],
    )
    for count in EDGES:
        for rate in CHANGES:
            runs = cells[count, rate]
            first = median(_cost(measured) for measured, _traffic in cells[EDGES[0], rate])
            cost = median(_cost(measured) for measured, _traffic in runs)
            pace = median(measured.rounds / measured.seconds for measured, _traffic in runs)
            sent = median(traffic.received / traffic.requests for _measured, traffic in runs)
            received = median(traffic.sent / traffic.requests for _measured, traffic in runs)
            table.rows.append(
                [
                    f"{count:,}",
                    f"{rate:g}" if rate else "none",
                    figure(pace),
                    f"{median(measured.cpu_seconds / measured.seconds for measured, _ in runs) * 100:.1f}",
                    figure(cost * 1e6),
                    f"{cost / first:.2f}",
                    f"{sent:,.0f}",
                    f"{received:,.0f}",
                    figure((sent + received) * pace / 1000),
                    str(sum(measured.missed for measured, _ in runs)),
                    figure(median(measured.late_seconds for measured, _ in runs) * 1000),
                ]
            )
        table.end_section()
    table.notes += [
        *conclusions(cells),
        "Login's part of gossip in a process of its own, with Twisted's client as in a login node; the edges "
        "are one process on the other core, which answers as edges do, with tokens. Nobody is connected to "
        f"this login; its directory has {WINGS:,} wings, which cost nothing while they stay.",
        "Where there are few rounds a second, what the reactor does in any case, and the 50 calls a second "
        "that measure its pauses, are the larger part of 'µs per round'.",
        "'CPU%': of login's core. 'longest pause': by how much a call of the reactor came late at most, for "
        "gossip or because something else had the processor. Bytes are all that goes over the sockets.",
        f"However many edges there are, news begin at most {GOSSIP_ROUNDS_PER_SECOND} rounds a second: with "
        f"more than {GOSSIP_ROUNDS_PER_SECOND * GOSSIP_COALESCE_SECONDS:.0f} edges, changes without end are "
        "told less often, and more of them together.",
        f"Medians of {rounds} rounds of {SECONDS:g} s, after {SETTLE_SECONDS:g} s.",
        f"Machine: {about}.",
    ]
    return table


def _cost(measured: Measured) -> float:
    return measured.cpu_seconds / max(1, measured.rounds)


def conclusions(cells: Cells) -> list[str]:
    """The shares of a core, in sentences."""
    told = []
    for rate, what in ((0.0, "Idle gossip"), (CHANGES[-1], f"With {CHANGES[-1]:g} changes a second it")):
        shares = [
            f"{median(m.cpu_seconds / m.seconds for m, _ in cells[count, rate]) * 100:.1f} % with {count:,}"
            for count in EDGES
        ]
        told.append(f"{what} takes of login's core: {', '.join(shares)} edges.")
    return told
