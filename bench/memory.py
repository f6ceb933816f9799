"""Resident memory of a node for each wing that is registered and idle, and for each idle browser."""

from __future__ import annotations

import select
import time
from collections.abc import Callable

from rich.console import Console

from bench import machine
from bench.client import BATCH, Client, Relay, open_browsers, open_dashboards, open_wings
from bench.figures import figure
from bench.frames import PONG, Inflow, client_frame
from bench.relays import NODE, node
from bench.report import Table
from tests.integration.program import open_files, resident_bytes

COUNTS = (1_000, 10_000)
PER_SOURCE = 5_000
"""Connections from one loopback address: fewer than the ports of one address."""

Opened = Callable[[Relay, int, str], list[Client]]
"""(relay, how many, source) -> open connections."""

KINDS: dict[str, Opened] = {"wings": open_wings, "browsers": open_browsers, "dashboards": open_dashboards}

SETTLE_SECONDS = 3.0
LEAVE_SECONDS = 60.0


class Idle:
    """Connections that do nothing but answer the node's pings."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._wings: dict[int, tuple[Client, Inflow]] = {}
        self._buffer = bytearray(4096)

    def __len__(self) -> int:
        return len(self._wings)

    def grow(self, relay: Relay, count: int, opened: Opened = open_wings) -> None:
        """Open connections until there are `count`."""
        while len(self) < count:
            source = f"127.0.0.{2 + len(self) // PER_SOURCE}"
            for client in opened(relay, min(BATCH, count - len(self)), source):
                self._keep(client)
            self.answer()

    def rest(self, seconds: float) -> None:
        """Answer pings for a while."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.answer(0.1)

    def answer(self, timeout: float = 0.0) -> None:
        """Answer the pings that have come. Raises ConnectionError when the node has closed a line."""
        for descriptor, _ in self._epoll.poll(timeout):
            wing, inflow = self._wings[descriptor]
            try:
                count = wing.socket.recv_into(self._buffer)
            except ConnectionResetError:
                count = 0
            if not count:
                raise ConnectionError("the node closed an idle connection")
            inflow.feed(self._buffer, count)

    def leave(self) -> None:
        """Cut all lines."""
        for wing, _ in self._wings.values():
            wing.socket.close()
        self._wings.clear()
        self._epoll.close()

    def _keep(self, wing: Client) -> None:
        socket = wing.quiet()
        self._wings[socket.fileno()] = (
            wing,
            Inflow(None, lambda payload: socket.sendall(client_frame(payload, PONG))),
        )
        self._epoll.register(socket, select.EPOLLIN)


def run(console: Console, *, most_wings: int = COUNTS[-1]) -> Table:
    """Measure and make the table; with up to `most_wings` wings."""
    about = machine.description()
    relay_cores, own_cores = machine.cores()
    most = machine.allow_many_files()
    wanted = sorted({*(count for count in COUNTS if count < most_wings), most_wings})
    counts = [count for count in wanted if count + 200 < most]
    table = Table(
        "Memory: one node and idle connections",
        ["connections", "resident MiB", "more than empty, MiB", "bytes each", "opened in s"],
    )
    with node(relay_cores) as relay, machine.on_cores(own_cores):
        time.sleep(SETTLE_SECONDS)
        empty = resident_bytes(relay.pid)
        _row(table, "none", empty, empty, 0, 0.0)
        wings = Idle()
        try:
            for count in counts:
                console.print(f"{count} wings", style="dim")
                begin, before = time.monotonic(), len(wings)
                wings.grow(relay, count)
                took = time.monotonic() - begin
                wings.rest(SETTLE_SECONDS)
                _row(table, f"{count:,} wings", resident_bytes(relay.pid), empty, count, took)
                table.notes.append(
                    f"{count - before:,} wings registered at {figure((count - before) / took)} per second."
                )
        finally:
            wings.leave()
        files = _wait_until_gone(relay.pid)
        left = resident_bytes(relay.pid)
        _row(table, "none (all have left)", left, empty, 0, 0.0)
        begin = time.monotonic()
        again = Idle()
        try:
            again.grow(relay, COUNTS[0])
            took = time.monotonic() - begin
            again.rest(SETTLE_SECONDS)
            _row(table, f"{COUNTS[0]:,} new wings", resident_bytes(relay.pid), empty, 0, took)
            growth = resident_bytes(relay.pid) - left
        finally:
            again.leave()
    for kind in ("browsers", "dashboards"):
        console.print(f"{COUNTS[0]} {kind}", style="dim")
        with node(relay_cores) as relay, machine.on_cores(own_cores):
            time.sleep(SETTLE_SECONDS)
            alone = resident_bytes(relay.pid)
            idle = Idle()
            try:
                begin = time.monotonic()
                idle.grow(relay, COUNTS[0], KINDS[kind])
                took = time.monotonic() - begin
                idle.rest(SETTLE_SECONDS)
                _row(table, f"{COUNTS[0]:,} {kind}", resident_bytes(relay.pid), alone, COUNTS[0], took)
            finally:
                idle.leave()
    if len(counts) < len(wanted):
        table.notes.append(f"Not all of {wanted}: only {most:,} open files are allowed here (ulimit -Hn).")
    table.notes += [
        f"Resident memory of the process of {NODE} (`wt serve`). Each wing has a WebSocket of its own, a "
        "token that was checked, and a registration. The kernel's socket buffers are not part of it.",
        f"After all have left the process has {files} files open and keeps the memory. {COUNTS[0]:,} new "
        f"wings then make it grow by {growth / COUNTS[0]:,.0f} bytes each.",
        f"Machine: {about}.",
    ]
    return table


def _row(table: Table, name: str, resident: int, empty: int, wings: int, took: float) -> None:
    table.rows.append(
        [
            name,
            f"{resident / 2**20:.1f}",
            f"{(resident - empty) / 2**20:.1f}",
            f"{(resident - empty) / wings:,.0f}" if wings else "",
            f"{took:.1f}" if took else "",
        ]
    )


def _wait_until_gone(pid: int) -> int:
    """Wait until the node has noticed that nobody is there any more; how many files it has open then."""
    until = time.monotonic() + LEAVE_SECONDS
    while (files := open_files(pid)) > 100:
        if time.monotonic() > until:
            raise TimeoutError(f"{files} files are still open {LEAVE_SECONDS:g} s after all wings have left")
        time.sleep(0.2)
    time.sleep(SETTLE_SECONDS)
    return open_files(pid)
