"""Drill: an edge that many wings are connected to is killed."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

from drills.report import Report, distribution, duration
from drills.sight import longest_freeze
from drills.stage import LHR, LOGIN, NRT, Stage
from wingthing.wire.limits import EDGE_DEAD_SECONDS, GOSSIP_SECONDS

BACK_SECONDS = 15.0
WAIT_SECONDS = 40.0
GIVEN_UP_SECONDS = EDGE_DEAD_SECONDS + 2 * GOSSIP_SECONDS
"""After so long login has given the edge up; its wings must be known elsewhere before and after that."""

CALM_SECONDS = 2.0


async def run(stage: Stage, wings: int, terminals: int) -> Report:
    """`wings` at the edge, one browser for each of `terminals`, three of five in other regions."""
    report = Report(f"kill -9 an edge with {wings} wings")
    crowd = await stage.add_wings([NRT] * wings)
    turns = (LHR, LOGIN, NRT, LHR, NRT)
    browsers = await stage.open_terminals(
        [(turns[n % len(turns)], crowd[n % wings]) for n in range(terminals)]
    )
    faults = await stage.settle()
    assert not faults, faults
    edge = await stage.node(NRT)
    await asyncio.sleep(CALM_SECONDS)

    stage.say(f"kill -9 {NRT}")
    killed = time.monotonic()
    await asyncio.to_thread(stage.fleet.kill, NRT)
    moved = await stage.until(
        lambda: all(wing.machine not in ("", edge.machine) for wing in crowd), WAIT_SECONDS
    )
    everywhere = None if await stage.settle(browsers=False) else time.monotonic() - killed
    stage.say("all wings are online elsewhere" if moved is not None else "some wings are still away")
    attached = await stage.until(
        lambda: all(b.live.is_set() and b.attached[-1] > killed for b in browsers), WAIT_SECONDS
    )
    stage.say("all terminals are open again" if attached is not None else "some terminals are still away")
    online = [wing.registrations[-1].at - killed for wing in crowd if len(wing.registrations) > 1]
    again = [b.attached[-1] - killed for b in browsers if b.attached and b.attached[-1] > killed]
    await asyncio.sleep(max(0.0, killed + GIVEN_UP_SECONDS - time.monotonic()))
    ended = time.monotonic()
    after_given_up = await stage.directory_faults()
    moved_twice = sum(len(wing.registrations) > 2 for wing in crowd)
    by_region = Counter(
        node.region for node in await stage.nodes() for w in crowd if w.machine == node.machine
    )

    stage.say(f"{NRT} starts again")
    _, started = await _start(stage)
    back = None if await stage.settle() else time.monotonic() - started
    stage.say("the directory is whole")

    freezes = [longest_freeze(browser.sight.times, killed, ended).seconds for browser in browsers]
    report.all_of("wings online on another node", sum(bool(wing.machine) for wing in crowd), wings)
    report.at_most("the last of them", max(online, default=None) if moved is not None else None, BACK_SECONDS)
    report.at_most(
        f"the last of {terminals} terminals open again",
        max(again, default=None) if attached is not None else None,
        BACK_SECONDS,
    )
    report.at_most("longest time without output", max(freezes), BACK_SECONDS)
    report.none("faults of the directory when the edge has been given up", after_given_up)
    report.must("wings that had to come back twice", "none", str(moved_twice or "none"), not moved_twice)
    report.figure("wings until online elsewhere (p50 / p90 / max)", distribution(online))
    report.figure("terminals until open again (p50 / p90 / max)", distribution(again))
    report.figure("freezes (p50 / p90 / max)", distribution(freezes))
    if everywhere is not None:
        report.figure("directory whole on the nodes that are left", duration(everywhere))
    report.figure("where the wings went", ", ".join(f"{n} {region}" for region, n in by_region.most_common()))
    if back is not None:
        report.figure("directory whole on every node, after the edge is healthy again", duration(back))
    await stage.conclude(report)
    return report


async def _start(stage: Stage) -> tuple[float, float]:
    began = time.monotonic()
    await asyncio.to_thread(stage.fleet.start, NRT)
    return began, time.monotonic()
