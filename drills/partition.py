"""Drill: an edge is cut off from the other machines for a while, and its people still reach it."""

from __future__ import annotations

import asyncio
import time

from drills.browser import Browser, WingName
from drills.nodes import Node
from drills.report import Report, distribution, duration
from drills.sight import longest_freeze
from drills.stage import LHR, LOGIN, LOOK_SECONDS, NRT, Stage
from drills.wing import LightWing
from wingthing.wire.limits import EDGE_DEAD_SECONDS, GOSSIP_SECONDS

CUT_SECONDS = 30.0
OFFLINE_SECONDS = EDGE_DEAD_SECONDS + GOSSIP_SECONDS
RELOAD_AFTER_SECONDS = 15.0
"""Then the cut-off wings are offline elsewhere, and whoever comes anew is told so."""

UNNOTICED_SECONDS = 1.0
OPEN_SECONDS = 5.0
WHOLE_SECONDS = 10.0
BACK_SECONDS = 15.0
WAIT_SECONDS = 40.0
CALM_SECONDS = 2.0


async def run(stage: Stage, wings: int, terminals: int) -> Report:
    """Half of `wings` at the edge, the others elsewhere; `terminals` on all of them from all regions."""
    report = Report(f"partition an edge for {CUT_SECONDS:g} s")
    crowd = await stage.add_wings([(NRT, LHR, NRT, LOGIN)[n % 4] for n in range(wings)])
    edge = await stage.node(NRT)
    inside = [wing for wing in crowd if wing.machine == edge.machine]
    outside = [wing for wing in crowd if wing.machine != edge.machine]
    regions = (NRT, NRT, LHR, LOGIN)
    browsers = await stage.open_terminals(
        [(regions[(n + n // 4) % 4], crowd[n % wings]) for n in range(terminals)]
    )
    faults = await stage.settle()
    assert not faults, faults
    await asyncio.sleep(CALM_SECONDS)

    stage.say(f"{NRT} is cut off from the other machines")
    cut = time.monotonic()
    await asyncio.to_thread(stage.fleet.partition, NRT)
    others = [node for node in await stage.nodes() if node.machine != edge.machine]
    offline = {node.region: await _knows(stage, node, len(outside), cut) for node in others}
    await asyncio.sleep(max(0.0, cut + RELOAD_AFTER_SECONDS - time.monotonic()))
    calm = [longest_freeze(b.sight.times, cut, time.monotonic()).seconds for b in browsers]
    touched = [f"{b.session_id}: {b.closed}" for b in browsers if b.closed or len(b.attached) > 1]
    opened, not_opened = await _open_in(stage, inside[0], outside)
    reloaded = [b for b in browsers if b.url != stage.people[NRT].ws(NRT) and b.machine == edge.machine]
    stage.say(f"{len(reloaded)} browsers in other regions are reloaded")
    for browser in reloaded:
        browser.cut()
    others_open = [browser for browser in browsers if browser not in reloaded]
    await asyncio.sleep(max(0.0, cut + CUT_SECONDS - time.monotonic()))

    stage.say("the network is healed")
    away = sum(not browser.live.is_set() for browser in reloaded)
    await asyncio.to_thread(stage.fleet.heal, NRT)
    healed = time.monotonic()
    known = {node.region: await _knows(stage, node, len(crowd), healed) for node in [*others, edge]}
    everywhere = None if await stage.settle() else time.monotonic() - healed
    back = await stage.until(
        lambda: all(b.live.is_set() and b.attached[-1] > cut for b in reloaded), WAIT_SECONDS
    )
    stage.say("everything is back")
    ended = time.monotonic()
    again = [b.attached[-1] - healed for b in reloaded if b.attached[-1] > healed]

    report.at_most(f"its {len(inside)} wings offline on every other node", _latest(offline), OFFLINE_SECONDS)
    report.none(f"of {len(browsers)} terminals that were open, closed or attached to anew", touched)
    report.at_most("their longest time without output", max(calm), UNNOTICED_SECONDS)
    report.none("new terminals from its region, on its own and on other wings, not opened", not_opened)
    report.at_most("slowest of them to open", max(opened, default=None), OPEN_SECONDS)
    report.all_of(
        "reloaded browsers in other regions, with their terminals behind the cut", away, len(reloaded)
    )
    report.at_most("after healing: directory whole on every node", everywhere, WHOLE_SECONDS)
    report.at_most(
        "after healing: these browsers' terminals open again",
        max(again, default=0.0) if back is not None else None,
        BACK_SECONDS,
    )
    kept = [longest_freeze(b.sight.times, cut, ended).seconds for b in others_open]
    report.at_most("longest time without output of all others", max(kept), UNNOTICED_SECONDS)
    for region, seconds in offline.items():
        report.figure(f"wings offline in {region}", "never" if seconds is None else duration(seconds))
    for region, seconds in known.items():
        report.figure(
            f"after healing: all wings known in {region}", "never" if seconds is None else duration(seconds)
        )
    report.figure("reloaded browsers, from healing until open (p50 / p90 / max)", distribution(again))
    await stage.conclude(report)
    return report


def _latest(times: dict[str, float | None]) -> float | None:
    known = [seconds for seconds in times.values() if seconds is not None]
    return max(known) if len(known) == len(times) else None


async def _knows(stage: Stage, node: Node, count: int, since: float) -> float | None:
    """How long after `since` a node knows of exactly so many wings."""
    while (await asyncio.to_thread(node.figures)).known != count:
        if time.monotonic() - since > WAIT_SECONDS:
            return None
        await asyncio.sleep(LOOK_SECONDS)
    return time.monotonic() - since


async def _open_in(stage: Stage, own: LightWing, outside: list[LightWing]) -> tuple[list[float], list[str]]:
    """New terminals in the region of the edge, on a wing of its own and on others that it still knows."""
    opened, not_opened = [], []
    for wing in [own, *outside[:2]]:
        began = time.monotonic()
        browser: Browser = stage.browser(NRT, WingName(wing.wing_id, wing.public_key))
        took = await stage.until(browser.live.is_set, 2 * OPEN_SECONDS)
        if took is None:
            not_opened.append(f"{browser.by_hand} {browser.refused}")
        else:
            opened.append(browser.attached[0] - began)
        await stage.leave(browser)
        wing.terminals.pop(browser.session_id, None)
    return opened, not_opened
