"""The edge's reverse proxy beside nginx's: small requests, and bodies of 1 MB and 100 MB either way.

Login's place is taken by a server that does nothing else (`bench.fleet.upstream`), so that the proxies are
what is measured. Straight to it, without a proxy, is the third row.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from statistics import median

import attrs
from rich.console import Console

from bench import machine
from bench.figures import figure, percentile, spread
from bench.fleet import nginx
from bench.fleet.requests import Kind, load
from bench.report import Table
from tests.integration.program import DEADLINE_SECONDS, WT, environment, eventually, resident_bytes
from wingthing.crypto.keys import dump_signing_key, new_signing_key
from wingthing.names import (
    ENV_DNS,
    ENV_FLY_APP_NAME,
    ENV_FLY_MACHINE_ID,
    ENV_FLY_REGION,
    ENV_JWT_KEY,
    ENV_LOGIN_ADDR,
    ENV_NODE_ROLE,
)

EDGE, NGINX, STRAIGHT = "edge", "nginx", "no proxy"
MB = 1_000_000
SMALL = Kind("GET, 300 bytes", down=300)
CASES = (
    (SMALL, 1),
    (SMALL, 16),
    (SMALL, 64),
    (Kind("1 MB down", down=MB), 4),
    (Kind("1 MB up", up=MB), 4),
    (Kind("100 MB down", down=100 * MB), 1),
    (Kind("100 MB up", up=100 * MB), 1),
)


@attrs.frozen
class Proxy:
    """What is measured: where it listens, and its process (none for no proxy)."""

    name: str
    port: int
    pid: int = 0


@attrs.define
class Cell:
    """All rounds of one case and one proxy."""

    rates: list[float] = attrs.field(factory=list)
    latencies: list[float] = attrs.field(factory=list)
    loads: list[float] = attrs.field(factory=list)
    """Of the proxy's core."""

    other_loads: list[float] = attrs.field(factory=list)
    """Of the core that the generator and the upstream share."""

    resident: int = 0


Cells = dict[tuple[str, int, str], Cell]
"""(kind, connections, proxy) -> what was measured."""


def run(console: Console, *, rounds: int, seconds: float) -> Table:
    """Measure and make the table. Without nginx its rows are missing, and a note says so."""
    about = machine.description()
    proxy_cores, own_cores = machine.cores()
    cells: Cells = {}
    missing = ""
    with ExitStack() as running, machine.on_cores(own_cores):
        upstream = running.enter_context(_upstream())
        proxies = [running.enter_context(_edge(upstream.port, proxy_cores))]
        try:
            with machine.on_cores(proxy_cores):
                beside = running.enter_context(nginx.nginx(f"127.0.0.1:{upstream.port}"))
            proxies.append(Proxy(NGINX, beside.port, beside.pid))
        except nginx.NoNginx as why:
            missing = f"NOT COMPARED WITH NGINX: {why}."
            console.print(missing, style="bold red")
        proxies.append(Proxy(STRAIGHT, upstream.port))
        for proxy in proxies:
            # What the first requests load is no figure of any proxy's.
            load(proxy.port, SMALL, 16, 0.3)
        for number in range(rounds):
            console.print(f"round {number + 1} of {rounds}", style="dim")
            for kind, connections in CASES:
                turn = number % len(proxies)
                for proxy in proxies[turn:] + proxies[:turn]:
                    cell = cells.setdefault((kind.name, connections, proxy.name), Cell())
                    measure(cell, proxy, upstream.pid, kind, connections, seconds)
    return tabulate(cells, about, [proxy.name for proxy in proxies], missing, rounds=rounds, seconds=seconds)


def measure(
    cell: Cell, proxy: Proxy, upstream_pid: int, kind: Kind, connections: int, seconds: float
) -> None:
    """One round of one cell."""
    used = partial(machine.cpu_seconds, proxy.pid) if proxy.pid else float
    before, beside = used(), machine.cpu_seconds(upstream_pid)
    answered = load(proxy.port, kind, connections, seconds)
    cell.rates.append(answered.rate)
    cell.latencies += answered.latencies
    cell.loads.append((used() - before) / answered.seconds)
    busy = answered.cpu_seconds + machine.cpu_seconds(upstream_pid) - beside
    cell.other_loads.append(busy / answered.seconds)
    if proxy.pid:
        cell.resident = max(cell.resident, resident_bytes(proxy.pid))


def tabulate(
    cells: Cells, about: str, names: list[str], missing: str, *, rounds: int, seconds: float
) -> Table:
    """The table of what was measured."""
    table = Table(
        "Proxy: an edge's, nginx's, and none",
        [
            "requests",
            "at a time",
            "through",
            "per s",
            "MB/s",
            "±%",
            "edge ÷",
            "p50 ms",
            "p99 ms",
            "CPU%",
            "per CPU s",
            "other core%",
            "resident MiB",
        ],
    )
    for kind, connections in CASES:
        own = median(cells[kind.name, connections, EDGE].rates)
        for name in names:
            cell = cells[kind.name, connections, name]
            table.rows.append([kind.name, str(connections), name, *_figures(cell, kind, own)])
        table.end_section()
    table.notes += [*conclusions(cells, names), *([missing] if missing else [])]
    table.notes += conditions(about, rounds, seconds)
    return table


def _figures(cell: Cell, kind: Kind, own: float) -> list[str]:
    rate, busy = median(cell.rates), median(cell.loads)
    return [
        figure(rate),
        figure(rate * kind.size / MB) if kind.size >= MB else "",
        f"{spread(cell.rates) * 100:.0f}",
        f"{own / rate:.2f}",
        figure(percentile(cell.latencies, 50) * 1000),
        figure(percentile(cell.latencies, 99) * 1000),
        f"{busy * 100:.0f}" if busy else "",
        figure(rate / busy) if busy else "",
        f"{median(cell.other_loads) * 100:.0f}",
        f"{cell.resident / 2**20:.1f}" if cell.resident else "",
    ]


def conclusions(cells: Cells, names: list[str]) -> list[str]:
    """The ratios, in sentences."""
    if NGINX not in names:
        return []
    told = []
    for what, cases in (
        ("small requests", [case for case in CASES if case[0].size < MB]),
        ("bodies down", [case for case in CASES if case[0].down >= MB]),
        ("bodies up", [case for case in CASES if case[0].up]),
    ):
        rates, costs = [], []
        for kind, connections in cases:
            own, other = (cells[kind.name, connections, name] for name in (EDGE, NGINX))
            rates.append(median(own.rates) / median(other.rates))
            costs.append(rates[-1] / (median(own.loads) / median(other.loads)))
        told.append(
            f"The edge as a multiple of nginx, {what}: {min(rates):.2f} to {max(rates):.2f} of the requests; "
            f"{min(costs):.2f} to {max(costs):.2f} of the requests per second of processor time."
        )
    return told


def conditions(about: str, rounds: int, seconds: float) -> list[str]:
    """How it was measured, in sentences."""
    return [
        "'edge': `wt serve` in the role edge as it runs on Fly, with tokens, headers and limits. 'nginx': "
        "one process with kept connections on both sides, which streams as the edge does (no request "
        "buffering, no temporary files).",
        "The proxy has one core; the generator and the upstream share the other ('other core%'). Where that "
        "is near 100, they are the limit and not the proxy, and 'per CPU s' (requests per second of the "
        "proxy's processor time) is the figure to compare.",
        f"Medians of {rounds} interleaved rounds of {seconds:g} s, of one request at least. 'edge ÷': the "
        "edge's rate divided by that of the row. Resident memory is the most at the end of a round.",
        f"Machine: {about}.",
    ]


# -- what runs --------------------------------------------------------------------------------------------


@contextmanager
def _upstream() -> Iterator[Proxy]:
    process = subprocess.Popen([sys.executable, "-m", "bench.fleet.upstream"], stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line:
            raise RuntimeError("the upstream did not start")
        yield Proxy(STRAIGHT, int(line), process.pid)
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


@contextmanager
def _edge(upstream_port: int, cores: set[int]) -> Iterator[Proxy]:
    """`wt serve` as an edge whose login is the upstream."""
    port = nginx.free_port()
    with tempfile.TemporaryDirectory(prefix="wt-bench-") as name:
        log = Path(name) / "edge.out"
        variables = {
            ENV_NODE_ROLE: "edge",
            ENV_FLY_APP_NAME: "bench",
            ENV_FLY_MACHINE_ID: "683d314fdd4d68",
            ENV_FLY_REGION: "nrt",
            ENV_JWT_KEY: dump_signing_key(new_signing_key()),
            ENV_LOGIN_ADDR: f"127.0.0.1:{upstream_port}",
            ENV_DNS: "127.0.0.1:9",
        }
        with log.open("wb") as sink, machine.on_cores(cores):
            process = subprocess.Popen(
                [*WT, "serve", "--addr", f"127.0.0.1:{port}"],
                env=environment(Path(name), **variables),
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
            )

        def answers() -> bool:
            assert process.poll() is None, f"the edge ended at once:\n{log.read_text()}"
            try:
                return bool(load(port, SMALL, 1, 0.0).latencies)
            except OSError:
                return False

        try:
            eventually(answers, "the edge passes requests on")
            yield Proxy(EDGE, port, process.pid)
        finally:
            process.terminate()
            process.wait(DEADLINE_SECONDS)
        if "Traceback" in log.read_text():
            raise RuntimeError(f"the edge logged an error:\n{log.read_text()[-4000:]}")
