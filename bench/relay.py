"""Throughput and one-way latency from wing to browser: this node beside minimal relays, in one table.

Every round measures each size on each relay, one after the other and every round in another order, so that a
slow minute of the machine falls on all of them. What is shown are medians over the rounds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import product
from statistics import median

import attrs
from rich.console import Console

from bench import machine
from bench.client import Pair, Relay, close_all, open_direct, open_pairs
from bench.figures import figure, percentile, spread
from bench.generator import Generator, window
from bench.relays import NODE, PEERS, all_relays
from bench.report import Table

SIZES = (150, 4 * 1024, 64 * 1024, 512 * 1024)
PAIRS = (1, 16, 500)
ALONE = "generator alone"
NAMES = (NODE, *PEERS, ALONE)
LATENCY_RATE = 1000.0
"""Messages per second while latency is measured, and the most bytes of them: far below a relay's limit."""

LATENCY_BYTES_PER_SECOND = 16 * 1024 * 1024


@attrs.define
class Cell:
    """All rounds of one relay, one size and one number of pairs."""

    rates: list[float] = attrs.field(factory=list)
    relay_loads: list[float] = attrs.field(factory=list)
    generator_loads: list[float] = attrs.field(factory=list)
    latencies: list[float] = attrs.field(factory=list)
    """Seconds, of all rounds together."""


Cells = dict[tuple[int, int, str], Cell]
"""(size, pairs, relay) -> what was measured."""


def run(console: Console, *, rounds: int, seconds: float) -> Table:
    """Measure and make the table. `seconds` is the time of one throughput measurement; latency has half."""
    about = machine.description()
    relay_cores, own_cores = machine.cores()
    cells: Cells = {}
    with all_relays(relay_cores) as relays, machine.on_cores(own_cores):
        for count in PAIRS:
            with ExitStack() as closing:
                targets: list[tuple[Relay | None, list[Pair]]] = []
                for relay in (*relays, None):
                    pairs = open_pairs(relay, count) if relay else open_direct(count)
                    closing.callback(close_all, pairs)
                    targets.append((relay, pairs))
                for number in range(rounds):
                    console.print(f"{count} pairs: round {number + 1} of {rounds}", style="dim")
                    for size in SIZES:
                        turn = number % len(targets)
                        for relay, pairs in targets[turn:] + targets[:turn]:
                            key = (size, count, relay.name if relay else ALONE)
                            measure(
                                cells.setdefault(key, Cell()),
                                relay,
                                pairs,
                                size,
                                seconds,
                                spin=relay_cores != own_cores,
                            )
    return tabulate(cells, about, rounds=rounds, seconds=seconds)


def measure(
    cell: Cell, relay: Relay | None, pairs: Sequence[Pair], size: int, seconds: float, *, spin: bool
) -> None:
    """One round of one cell."""
    generator = Generator(pairs, size)
    used = partial(machine.cpu_seconds, relay.pid) if relay else float
    try:
        before = used()
        flood = generator.flood(seconds)
        cell.rates.append(flood.rate)
        cell.generator_loads.append(flood.generator_load)
        cell.relay_loads.append((used() - before) / flood.seconds)
        rate = min(LATENCY_RATE, LATENCY_BYTES_PER_SECOND / size)
        cell.latencies += generator.latencies(rate, seconds / 2, spin=spin)
    finally:
        generator.close()


def tabulate(cells: Cells, about: str, *, rounds: int, seconds: float) -> Table:
    """The table of what was measured."""
    table = Table(
        "Relay: pty.output from wings to browsers",
        [
            "bytes",
            "pairs",
            "relay",
            "msg/s",
            "±%",
            "MiB/s",
            "node ÷",
            "p50 µs",
            "p99 µs",
            "CPU%",
            "msg/CPU s",
            "gen. CPU%",
        ],
    )
    for size, count in product(SIZES, PAIRS):
        own = median(cells[size, count, NODE].rates)
        for name in NAMES:
            figures = _figures(cells[size, count, name], size, own)
            table.rows.append([f"{size:,}", f"{count:,}", name, *figures])
        table.end_section()
    table.notes += [*conclusions(cells), *conditions(about, rounds, seconds)]
    return table


def _figures(cell: Cell, size: int, own_rate: float) -> list[str]:
    rate, load = median(cell.rates), median(cell.relay_loads)
    return [
        figure(rate),
        _percent(spread(cell.rates)),
        figure(rate * size / 2**20),
        f"{own_rate / rate:.2f}",
        figure(percentile(cell.latencies, 50) * 1e6),
        figure(percentile(cell.latencies, 99) * 1e6),
        _percent(load) if load else "",
        figure(rate / load) if load else "",
        _percent(median(cell.generator_loads)),
    ]


def _percent(part: float) -> str:
    return f"{part * 100:.0f}"


def conclusions(cells: Cells) -> list[str]:
    """The ratios, in sentences."""
    told = []
    for name in PEERS:
        rates = _ratios(cells, name, lambda cell: median(cell.rates))
        costs = _ratios(cells, name, lambda cell: median(cell.rates) / median(cell.relay_loads))
        told.append(
            f"{NODE} as a multiple of {name}: throughput {min(rates):.2f} to {max(rates):.2f}, median "
            f"{median(rates):.2f}; messages per second of processor time {min(costs):.2f} to "
            f"{max(costs):.2f}, median {median(costs):.2f}."
        )
    busiest = max(median(cells[size, count, NODE].generator_loads) for size, count in product(SIZES, PAIRS))
    least = 1 / max(_ratios(cells, ALONE, lambda cell: median(cell.rates)))
    told.append(
        f"The load generator used at most {_percent(busiest)} % of its core while it measured {NODE}. "
        f"Without a relay ('{ALONE}') it moves at least {least:.0f} times as much as through {NODE}, sending "
        "and receiving on that one core."
    )
    return told


def _ratios(cells: Cells, name: str, value: Callable[[Cell], float]) -> list[float]:
    return [
        value(cells[size, count, NODE]) / value(cells[size, count, name])
        for size, count in product(SIZES, PAIRS)
    ]


def conditions(about: str, rounds: int, seconds: float) -> list[str]:
    """How it was measured, in sentences."""
    windows = "; ".join(
        f"{size:,} bytes: {', '.join(str(window(size, count)) for count in PAIRS)}" for size in SIZES
    )
    return [
        f"Messages in flight per pair, at most, with {', '.join(map(str, PAIRS))} pairs: {windows}.",
        f"Medians of {rounds} interleaved rounds of {seconds:g} s. '±%': how far the farthest round is from "
        f"the median. 'node ÷': {NODE}'s rate divided by that of the row. 'CPU%': of the relay's core. "
        "'gen. CPU%': of the load generator's.",
        "'msg/CPU s': messages per second of the relay's processor time. Where 'CPU%' is well below 100, "
        "something else had the relay's core for a while, and this is the figure to compare.",
        f"Latency at {LATENCY_RATE:g} messages/s over all pairs together (at most "
        f"{LATENCY_BYTES_PER_SECOND // 2**20} MiB/s), all rounds together, from the send call to the last "
        "byte.",
        f"Machine: {about}.",
    ]
