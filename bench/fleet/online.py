"""From a wing's registration to `wing.online` on the dashboards of every node of a rehearsal.

One process holds a dashboard at each region and registers the wings, so that all times come from one clock.
"""

from __future__ import annotations

import json
import random
import select
import time
from collections.abc import Sequence

import attrs
from rich.console import Console

from bench import machine
from bench.client import Client, registration
from bench.figures import figure, percentile
from bench.fleet.rehearsed import Fleet, fleet
from bench.frames import PING, PONG, client_frame, split
from bench.report import Table
from wingthing.wire.limits import GOSSIP_COALESCE_SECONDS, NUDGE_COALESCE_SECONDS

REGIONS = ("ewr", "nrt", "lhr", "cdg", "syd")
LOGIN, EDGE = REGIONS[:2]
PATIENCE_SECONDS = 30.0
PAUSE_SECONDS = (0.05, 0.4)
"""Between registrations; by chance, so that they do not fall in step with the rounds."""

DISTANCE_MS = 50
"""One way, between login and each edge, in the second half."""


class Dashboards:
    """One open `/ws/app` at each region."""

    def __init__(self, entered: Fleet, regions: Sequence[str]) -> None:
        self._epoll = select.epoll()
        self._clients: dict[int, tuple[str, Client]] = {}
        self._unread: dict[str, bytes] = {}
        for region in regions:
            client = Client(entered.at(region), "/ws/app")
            client.upgraded()
            socket = client.quiet()
            self._clients[socket.fileno()] = (region, client)
            self._unread[region] = b""
            self._epoll.register(socket, select.EPOLLIN)

    def wait(self, kind: str, wing_id: str) -> dict[str, float]:
        """When each region's dashboard has been told that of the wing. Raises TimeoutError."""
        told: dict[str, float] = {}
        until = time.perf_counter() + PATIENCE_SECONDS
        while len(told) < len(self._clients):
            if time.perf_counter() > until:
                raise TimeoutError(f"{kind} has come to {sorted(told)} only")
            for descriptor, _ in self._epoll.poll(1.0):
                region, client = self._clients[descriptor]
                data = client.socket.recv(65536)
                now = time.perf_counter()
                if not data:
                    raise ConnectionError(f"the dashboard at {region} was closed")
                for message in self._messages(region, client, data):
                    if (message.get("type"), message.get("wing_id")) == (kind, wing_id):
                        told.setdefault(region, now)
        return told

    def close(self) -> None:
        """Leave."""
        self._epoll.close()
        for _region, client in self._clients.values():
            client.socket.close()

    def _messages(self, region: str, client: Client, data: bytes) -> list[dict[str, object]]:
        unread, messages = self._unread[region] + data, []
        while (frame := split(unread)) is not None:
            first, payload, unread = frame
            if first == PING:
                client.socket.send(client_frame(payload, PONG))
            else:
                messages.append(json.loads(payload))
        self._unread[region] = unread
        return messages


@attrs.define
class Samples:
    """Seconds of each registration at one node."""

    own: list[float] = attrs.field(factory=list)
    """To the dashboard of the node itself."""

    login: list[float] = attrs.field(factory=list)
    farthest: list[float] = attrs.field(factory=list)
    """To the dashboard of the node that was told last."""


def run(console: Console, *, registrations: int) -> Table:
    """Measure and make the table: `registrations` at each of two nodes, half as many more at a distance."""
    about = machine.description()
    measured: list[tuple[str, str, Samples]] = []
    with fleet(REGIONS) as entered:
        for milliseconds, count in ((0, registrations), (DISTANCE_MS, max(1, registrations // 2))):
            for region in REGIONS[1:] if milliseconds else ():
                entered.rehearsal.slow(region, milliseconds)
            console.print(f"{count} registrations at {EDGE} and at {LOGIN}, {milliseconds} ms", style="dim")
            samples = {EDGE: Samples(), LOGIN: Samples()}
            dashboards = Dashboards(entered, REGIONS)
            try:
                for region in samples:
                    register(entered, dashboards, region, Samples())
                for _ in range(count):
                    for region, taken in samples.items():
                        register(entered, dashboards, region, taken)
            finally:
                dashboards.close()
            distance = f"{milliseconds} ms" if milliseconds else "none"
            measured += [("edge", distance, samples[EDGE]), ("login", distance, samples[LOGIN])]
    return tabulate(measured, about, registrations)


def register(entered: Fleet, dashboards: Dashboards, region: str, samples: Samples) -> None:
    """One wing comes, is seen everywhere, and goes."""
    time.sleep(random.uniform(*PAUSE_SECONDS))
    fields = registration()
    wing = Client(entered.at(region, wing=True), "/ws/wing")
    wing.upgraded()
    began = time.perf_counter()
    wing.say("wing.register", **fields)
    told = dashboards.wait("wing.online", fields["wing_id"])
    samples.own.append(told[region] - began)
    samples.login.append(told[LOGIN] - began)
    samples.farthest.append(max(told.values()) - began)
    wing.socket.close()
    dashboards.wait("wing.offline", fields["wing_id"])


def tabulate(measured: Sequence[tuple[str, str, Samples]], about: str, registrations: int) -> Table:
    """The table of what was measured."""
    table = Table(
        "Online: from wing.register to wing.online on dashboards",
        [
            "wing at",
            "distance",
            "own node, p50 ms",
            "p99",
            "login, p50 ms",
            "p99",
            "farthest, p50 ms",
            "p99",
            "farthest ÷ own",
        ],
    )
    for origin, distance, samples in measured:
        halves = [
            figure(percentile(values, part) * 1000)
            for values in (samples.own, samples.login, samples.farthest)
            for part in (50, 99)
        ]
        ratio = percentile(samples.farthest, 50) / percentile(samples.own, 50)
        table.rows.append([origin, distance, *halves, f"{ratio:.1f}"])
    table.notes += [
        f"A rehearsal with login and {len(REGIONS) - 1} edges, a dashboard at each, and one wing after the "
        f"other: {registrations} at an edge and as many at login in turn, half as many at a distance.",
        "From the message `wing.register` being sent, on a socket that is open already, to the arrival of "
        "`wing.online`. 'farthest': the dashboard that is told last. Wings and dashboards enter through the "
        "rehearsal's proxy.",
        f"An edge says to login that it has news after {NUDGE_COALESCE_SECONDS * 1000:.0f} ms, login fetches "
        f"them, waits for {GOSSIP_COALESCE_SECONDS * 1000:.0f} ms for more, and tells everybody: so much of "
        "the time to the farthest are these two pauses.",
        "'distance': one way between login and each edge, made by the rehearsal (`wt fleet slow`). News of "
        f"an edge are then four ways from the farthest edge, {4 * DISTANCE_MS} ms; login's are one.",
        f"Machine: {about}.",
    ]
    return table
