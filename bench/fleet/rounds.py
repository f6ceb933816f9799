"""What a round costs login, by the number of edges and of changes: processor time and bytes, without HTTP."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

import attrs
from rich.console import Console

from bench import machine
from bench.figures import figure
from bench.fleet.simulation import Measured, Simulation, forgetful, names
from bench.fleet.wings import LOGIN, SINCE, entries
from bench.fleet.wings import machine as machine_id
from bench.report import Table
from wingthing.cluster.trust import Trust
from wingthing.crypto.keyring import KeyRing
from wingthing.crypto.keys import new_signing_key
from wingthing.crypto.node_tokens import Audience
from wingthing.wire.limits import GOSSIP_SECONDS, MAX_GOSSIP_EVENTS

EDGES = (10, 100, 1_000)
WINGS = 100_000
CHANGES = (0, 1, 100, 1_000)
TOKENS = 500

Cells = dict[tuple[int, int], list[Measured]]
"""(edges, changes) -> each time that it was measured."""


def run(console: Console, *, rounds: int) -> Table:
    """Measure and make the table."""
    about = machine.description()
    keys = KeyRing.of(new_signing_key(), {})
    cells: Cells = {}
    tokens: list[float] = []
    relay_cores, _own = machine.cores()
    with machine.on_cores(relay_cores):
        for count in EDGES:
            console.print(f"{count} edges", style="dim")
            simulation = settled(keys, count)
            for _ in range(rounds):
                tokens.append(tokens_seconds(keys))
                for changes in CHANGES:
                    simulation.idle()
                    measured = simulation.changed(changes) if changes else simulation.idle()
                    cells.setdefault((count, changes), []).append(measured)
    return tabulate(cells, median(tokens), about, rounds)


def settled(keys: KeyRing, count: int) -> Simulation:
    """A login with as many events behind it as it keeps, and edges that have heard of them."""
    simulation = Simulation(keys, list(entries(WINGS, count)))
    simulation.changes.make(MAX_GOSSIP_EVENTS)
    for number in range(count):
        simulation.joins(forgetful(machine_id(number)), knows=True)
    simulation.start()
    return simulation


def tokens_seconds(keys: KeyRing) -> float:
    """Processor time for one token made and one checked, which no round can do without."""
    trust = Trust(keys, LOGIN, lambda: SINCE, names())
    answer, _jti = trust.token(Audience.ANSWER, nonce="jti")
    began = time.thread_time()
    for _ in range(TOKENS):
        trust.token(Audience.INTERNAL)
        trust.check_answer(answer, "jti")
    return (time.thread_time() - began) / TOKENS


@attrs.frozen
class Row:
    """What one kind of round costs."""

    seconds: float
    """Of login's processor, for one edge."""

    total: float
    """For all edges."""

    sent: float
    """Bytes to one edge."""

    received: float


def row(measured: list[Measured]) -> Row:
    """The medians."""

    def middle(value: Callable[[Measured], float]) -> float:
        return median(value(each) for each in measured)

    return Row(
        middle(lambda each: each.login.seconds / each.rounds),
        middle(lambda each: each.login.seconds),
        middle(lambda each: each.sent / each.rounds),
        middle(lambda each: each.received / each.rounds),
    )


def tabulate(cells: Cells, tokens: float, about: str, rounds: int) -> Table:
    """The table of what was measured."""
    table = Table(
        "Rounds: what they cost login, without HTTP",
        [
            "edges",
            "changes",
            "µs per edge",
            "÷ tokens",
            "÷ 10 edges",
            "ms, all edges",
            "of a core, every 2 s",
            "bytes to an edge",
            "bytes back",
            "KB, all edges",
        ],
    )
    for count in EDGES:
        for changes in CHANGES:
            cost, first = row(cells[count, changes]), row(cells[EDGES[0], changes])
            table.rows.append(
                [
                    f"{count:,}",
                    f"{changes:,}" if changes else "none",
                    figure(cost.seconds * 1e6),
                    f"{cost.seconds / tokens:.2f}",
                    f"{cost.seconds / first.seconds:.2f}",
                    figure(cost.total * 1000),
                    f"{cost.total / GOSSIP_SECONDS * 100:.1f} %",
                    f"{cost.sent:,.0f}",
                    f"{cost.received:,.0f}",
                    figure((cost.sent + cost.received) * count / 1000),
                ]
            )
        table.end_section()
    table.notes += [
        f"A directory of {WINGS:,} wings. Login's part of one round with each edge: making the changes, "
        "saying them, taking the answers, and the tokens of both. The edges answer in the same process, and "
        "their time is not counted. 'changes': wings that have gone or come since the last round.",
        f"'÷ tokens': as a multiple of making one token and checking another ({tokens * 1e6:.0f} µs here), "
        "without which no round counts. '÷ 10 edges': at 1, a round with one edge costs the same however "
        "many there are. What is written once for all edges brings it below that.",
        "Bytes are JSON, without HTTP's headers.",
        f"Medians of {rounds} times, interleaved.",
        f"Machine: {about}.",
    ]
    return table
