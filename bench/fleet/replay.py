"""Opening a terminal where the wing is, and where it is not: what `fly-replay` adds.

A browser connects, upgrades and starts a terminal; the wing is this process as well, and answers at once.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import attrs
from rich.console import Console

from bench import machine
from bench.client import Client, Relay, registration
from bench.figures import figure, percentile
from bench.fleet.rehearsed import fleet
from bench.report import Table

LOGIN, HOME, OTHER = REGIONS = ("ewr", "nrt", "lhr")
"""Login; where the wing is; and another edge."""

STRAIGHT = "straight to the wing's machine, no proxy"
DIRECT = "proxy, at the wing's region"
OVER_EDGE = "proxy, at another edge's region: fly-replay"
OVER_LOGIN = "proxy, at login's region: fly-replay"
WARM_UP = 5


@attrs.define
class Samples:
    """Seconds of each terminal, from the start of the connection."""

    upgraded: list[float] = attrs.field(factory=list)
    started: list[float] = attrs.field(factory=list)


def run(console: Console, *, terminals: int) -> Table:
    """Measure and make the table: `terminals` each way, in turns."""
    about = machine.description()
    with fleet(REGIONS) as entered:
        fields = registration()
        wing = Client(entered.at(HOME, wing=True), "/ws/wing")
        wing.upgraded()
        wing.say("wing.register", **fields)
        wing.hear("registered")
        ways = {
            STRAIGHT: entered.straight(HOME),
            DIRECT: entered.at(HOME),
            OVER_EDGE: entered.at(OTHER),
            OVER_LOGIN: entered.at(LOGIN),
        }
        samples = {name: Samples() for name in ways}
        console.print(f"{terminals} terminals each way", style="dim")
        for number in range(WARM_UP + terminals):
            for name, relay in ways.items():
                taken = samples[name] if number >= WARM_UP else Samples()
                open_terminal(relay, wing, fields["wing_id"], fields["public_key"], taken)
        wing.socket.close()
    return tabulate(samples, about, terminals)


def open_terminal(relay: Relay, wing: Client, wing_id: str, public_key: str, samples: Samples) -> None:
    """One browser comes, starts a terminal, and ends it."""
    began = time.perf_counter()
    browser = Client(relay, f"/ws/pty?wing_id={wing_id}")
    browser.upgraded()
    samples.upgraded.append(time.perf_counter() - began)
    browser.say("pty.start", agent="shell", cols=80, rows=24, public_key=public_key)
    session_id = wing.hear("pty.start")["session_id"]
    wing.say("pty.started", session_id=session_id, agent="shell", public_key=public_key)
    browser.hear("pty.started")
    samples.started.append(time.perf_counter() - began)
    wing.say("pty.exited", session_id=session_id, exit_code=0)
    browser.hear("pty.exited")
    browser.socket.close()


def tabulate(samples: dict[str, Samples], about: str, terminals: int) -> Table:
    """The table of what was measured."""
    table = Table(
        "Replay: opening a terminal",
        [
            "way",
            "to 101: p50 ms",
            "p99",
            "more, ms",
            "÷ direct",
            "to pty.started: p50 ms",
            "p99",
            "more, ms",
            "÷ direct",
        ],
    )
    direct = samples[DIRECT]
    for name, taken in samples.items():
        cells = [name]
        for values, reference in ((taken.upgraded, direct.upgraded), (taken.started, direct.started)):
            middle, known = percentile(values, 50), percentile(reference, 50)
            cells += [
                figure(middle * 1000),
                figure(percentile(values, 99) * 1000),
                "" if values is reference else f"{(middle - known) * 1000:+.1f}",
                f"{middle / known:.2f}",
            ]
        table.rows.append(cells)
    table.notes += [
        *conclusions(samples),
        f"{terminals} terminals each way, in turns, in a rehearsal with login and two edges. 'more' and "
        f"'÷ direct': medians, against '{DIRECT}'.",
        "From the beginning of the TCP connection to the end of the upgrade's answer, and to `pty.started` "
        "on the open socket. Every node knows the browser's login session already; the wing answers at once.",
        "All nodes are on one machine, so distances are not in it. On Fly a replayed upgrade goes from the "
        "proxy at the browser to the node there, and then to the wing's: one more way there and back within "
        "the browser's region, and from there to the wing's region the way that is gone in any case.",
        f"Machine: {about}.",
    ]
    return table


def conclusions(samples: dict[str, Samples]) -> list[str]:
    """The differences, in sentences."""

    def more(values: Sequence[float], reference: Sequence[float]) -> str:
        return f"{(percentile(values, 50) - percentile(reference, 50)) * 1000:.1f} ms"

    direct = samples[DIRECT]
    return [
        f"A replay adds {more(samples[OVER_EDGE].upgraded, direct.upgraded)} to the upgrade when an edge "
        f"sends the browser on, {more(samples[OVER_LOGIN].upgraded, direct.upgraded)} when login does "
        "(medians).",
        f"The rehearsal's proxy itself takes {more(direct.upgraded, samples[STRAIGHT].upgraded)} of the "
        "upgrade: it is no part of the product, and stands in for Fly's.",
    ]
