"""A node that starts, and has to be told everything: how long the others, and it itself, are held up.

In one process for what a single edge and login do, and over HTTP for a login that starts with all edges
waiting for it.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from statistics import median

import attrs
from rich.console import Console

from bench import machine
from bench.figures import figure
from bench.fleet.processes import Traffic, push
from bench.fleet.pushing import Measured
from bench.fleet.relays import whole_edge, with_relay
from bench.fleet.simulation import Measured as Simulated
from bench.fleet.simulation import Simulation, forgetful
from bench.fleet.wings import entries
from bench.fleet.wings import machine as machine_id
from bench.report import Table
from wingthing.crypto.keyring import KeyRing
from wingthing.crypto.keys import new_signing_key
from wingthing.wire.gossip import WingUp
from wingthing.wire.limits import GOSSIP_TIMEOUT_SECONDS, MAX_ROUND_ENTRIES

EDGES = 10
WINGS = 100_000
AT_ONCE = 1_000_000
"""Wings in one round, when a snapshot is not to be cut: for comparison."""

OVER_HTTP = ((10, 100_000), (100, 100_000))
PATIENCE_SECONDS = 300.0

EDGE_STARTS = "an edge starts"
LOGIN_STARTS = "login starts"


@attrs.frozen
class Case:
    """Something to measure in one process: who starts, and how much is in one round."""

    what: str
    most: int

    @property
    def name(self) -> str:
        how = "in one piece" if self.most == AT_ONCE else f"in parts of {self.most:,}"
        return f"{self.what}, {how}"


CASES = tuple(
    Case(what, most) for what in (EDGE_STARTS, LOGIN_STARTS) for most in (AT_ONCE, MAX_ROUND_ENTRIES)
)


def run(console: Console, *, rounds: int) -> Table:
    """Measure and make the table."""
    about = machine.description()
    keys = KeyRing.of(new_signing_key(), {})
    wings = list(entries(WINGS, EDGES))
    steps: dict[Case, list[Simulated]] = {}
    relay_cores, _own = machine.cores()
    with machine.on_cores(relay_cores):
        for number in range(rounds):
            console.print(f"round {number + 1} of {rounds}", style="dim")
            for case in CASES:
                gc.collect()
                steps.setdefault(case, []).append(simulate(keys, wings, case))
    over_http = []
    for count, total in OVER_HTTP:
        console.print(f"{count} edges, over HTTP", style="dim")
        (measured,) = push(
            count, total, (), settle_seconds=0.0, seconds=0.0, patience_seconds=PATIENCE_SECONDS
        )
        over_http.append((count, total, measured))
    return tabulate(steps, over_http, about, rounds)


def simulate(keys: KeyRing, wings: list[WingUp], case: Case) -> Simulated:
    """One of the cases."""
    watched = machine_id(0)
    starts = case.what == EDGE_STARTS
    simulation = Simulation(keys, wings if starts else [], case.most)
    simulation.network.watched = watched
    with_relay(simulation.gossip)
    for number in range(1, EDGES):
        name = machine_id(number)
        own = [entry for entry in wings if entry.machine == name]
        simulation.joins(forgetful(name, () if starts else own, case.most), knows=starts)
    if starts:
        simulation.start()
        simulation.joins(whole_edge(watched, most=case.most), knows=False)
        return simulation.newcomer()
    edge = whole_edge(watched, [entry for entry in wings if entry.machine == watched], case.most)
    for entry in wings:
        # It knows all of this from the login that was there before.
        edge.directory.remote_up(entry)
    simulation.joins(edge, knows=False)
    return simulation.start()


def tabulate(
    steps: dict[Case, list[Simulated]],
    over_http: list[tuple[int, int, tuple[Measured, Traffic]]],
    about: str,
    rounds: int,
) -> Table:
    """The table of what was measured."""
    table = Table(
        "Snapshots: a node starts",
        [
            "what",
            "edges",
            "rounds",
            "MB to edges",
            "MB to login",
            "login CPU ms",
            "longest ms",
            "one edge CPU ms",
            "longest ms",
            "done in s",
            "login resident MiB",
        ],
    )
    for case, runs in steps.items():

        def middle(value: Callable[[Simulated], float], runs: list[Simulated] = runs) -> float:
            return median(value(each) for each in runs)

        table.rows.append(
            [
                case.name,
                str(EDGES),
                f"{middle(lambda each: each.rounds):,.0f}",
                figure(middle(lambda each: each.sent / 1e6)),
                figure(middle(lambda each: each.received / 1e6)),
                figure(middle(lambda each: each.login.seconds * 1000)),
                figure(middle(lambda each: each.login.longest * 1000)),
                figure(middle(lambda each: each.edges.seconds * 1000)),
                figure(middle(lambda each: each.edges.longest * 1000)),
                "",
                "",
            ]
        )
    table.end_section()
    for count, _total, (measured, traffic) in over_http:
        table.rows.append(
            [
                f"{LOGIN_STARTS}, over HTTP",
                str(count),
                f"{traffic.requests:,}",
                figure(traffic.received / 1e6),
                figure(traffic.sent / 1e6),
                figure(measured.cpu_seconds * 1000),
                figure(measured.late_seconds * 1000),
                "",
                "",
                figure(measured.seconds),
                f"{measured.resident_bytes / 2**20:.0f}",
            ]
        )
    table.notes += [
        f"{WINGS:,} wings, spread over the edges. '{EDGE_STARTS}': and its wings have gone, which the others "
        f"are told. '{LOGIN_STARTS}': every edge tells it its own wings, and is then told all, which it "
        "knows from the login before. 'longest': the longest that the reactor of login, or of that edge, "
        "does nothing else, its relay's hearing of every wing included.",
        "'in one piece' is how it would be without parts: for comparison, and in one process only. Over a "
        "network one piece would have to come, be taken and be answered within the "
        f"{GOSSIP_TIMEOUT_SECONDS:g} s that a round has.",
        "Over HTTP the edges are one process that skips the wings it is told, on a core of its own. "
        "'longest' is there by how much a call of login's reactor came late at most. 1,000 edges are left "
        "out: they would be told 33 GB.",
        f"Medians of {rounds} rounds; over HTTP one.",
        f"Machine: {about}.",
    ]
    return table
