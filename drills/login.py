"""Drill: login is killed and stays away for a minute."""

from __future__ import annotations

import asyncio
import time

import attrs

from drills.browser import WingName
from drills.report import Report, distribution, duration
from drills.sight import longest_freeze
from drills.stage import LHR, LOGIN, LOOK_SECONDS, NRT, REGIONS, Stage
from drills.wing import LightWing
from wingthing.wire.limits import GOSSIP_SECONDS

AWAY_SECONDS = 60.0
EVERY_SECONDS = 5.0
"""How often new terminals and pages are asked for meanwhile."""

LATE_WINGS_AFTER_SECONDS = 20.0
UNNOTICED_SECONDS = 1.0
"""A terminal without output for so long has been noticed."""

OPEN_SECONDS = 5.0
PAGE_SECONDS = 5.0
ROUNDS = 2
BACK_SECONDS = 15.0
WAIT_SECONDS = 40.0


@attrs.define
class Meanwhile:
    """What was tried while login was away."""

    opened: list[float] = attrs.field(factory=list)
    """How long each new terminal took."""

    not_opened: list[str] = attrs.field(factory=list)
    asked: int = 0
    answered: list[float] = attrs.field(factory=list)
    wrong_pages: list[str] = attrs.field(factory=list)
    late: list[LightWing] = attrs.field(factory=list)
    late_seconds: float | None = None
    late_opened: float | None = None


async def run(stage: Stage, wings: int, terminals: int) -> Report:
    """`wings` over all regions, one browser for each of `terminals`, in all regions, too."""
    report = Report(f"kill -9 login for {AWAY_SECONDS:g} s")
    crowd = await stage.add_wings([REGIONS[n // 3 % 3] for n in range(wings)])
    places = [(REGIONS[n % 3], crowd[n % wings]) for n in range(terminals)]
    browsers = await stage.open_terminals(places)
    assert not await stage.settle(), await stage.directory_faults()
    login = await stage.node("login")
    on_edges = [browser for browser in browsers if browser.machine != login.machine]
    on_login = [browser for browser in browsers if browser.machine == login.machine]
    known = [wing for wing in crowd if wing.machine != login.machine]
    await asyncio.sleep(2.0)

    stage.say("kill -9 login")
    killed = time.monotonic()
    await asyncio.to_thread(stage.fleet.kill, "login")
    found = await _meanwhile(stage, known, killed + AWAY_SECONDS)
    came_back_early = sum(browser.live.is_set() for browser in on_login)

    stage.say("login starts")
    start = asyncio.create_task(asyncio.to_thread(stage.fleet.start, "login"))
    healthy, whole = await _return(stage, killed)
    faults = await stage.settle(browsers=False)
    everywhere = None if faults else time.monotonic()
    report.details += faults
    await start
    back = await stage.until(lambda: all(browser.live.is_set() for browser in browsers), WAIT_SECONDS)
    all_back = None if back is None else max(0.0, time.monotonic() - healthy)
    stage.say("everything is back")
    ended = time.monotonic()

    freezes = [longest_freeze(browser.sight.times, killed, ended).seconds for browser in on_edges]
    on_login_freezes = [longest_freeze(b.sight.times, killed, ended).seconds for b in on_login]
    touched = [f"{b.session_id}: {b.closed}" for b in on_edges if len(b.attached) > 1 or b.closed]
    report.none(f"of {len(on_edges)} terminals on edges, closed or attached to anew", touched)
    report.at_most("their longest time without output", max(freezes), UNNOTICED_SECONDS)
    tried = len(found.opened) + len(found.not_opened)
    report.none(f"of {tried} new terminals from all regions on wings of edges, not opened", found.not_opened)
    report.at_most("slowest of them to open", max(found.opened, default=None), OPEN_SECONDS)
    report.none(
        f"of {found.asked} pages and API requests, not a readable 503 with Retry-After", found.wrong_pages
    )
    report.at_most("slowest of these answers", max(found.answered, default=None), PAGE_SECONDS)
    report.all_of("wings that came meanwhile and are online", sum(bool(w.machine) for w in found.late), 3)
    report.at_most("time until a terminal on one of them was open", found.late_opened, 2 * OPEN_SECONDS)
    for whose, at in (("login's directory whole", whole), ("directory whole on every node", everywhere)):
        rounds = None if at is None else (at - healthy) / GOSSIP_SECONDS
        report.must(
            f"{whose}, after login's first passed health check",
            f"at most {ROUNDS} rounds",
            "never" if rounds is None else f"{rounds:.2f} rounds ({duration(rounds * GOSSIP_SECONDS)})",
            rounds is not None and rounds <= ROUNDS,
        )
    report.at_most("every terminal open again, those of login's wings too", all_back, BACK_SECONDS)
    report.figure("freezes of terminals on edges (p50 / p90 / max)", distribution(freezes))
    report.figure("new terminals to open (p50 / p90 / max)", distribution(found.opened))
    report.figure("answers of pages and API (p50 / p90 / max)", distribution(found.answered))
    report.figure(
        "terminals of login's wings that came back while it was away", f"{came_back_early} of {len(on_login)}"
    )
    report.figure("freezes of these (p50 / p90 / max)", distribution(on_login_freezes))
    if found.late_seconds is not None:
        report.figure("wings that came meanwhile, until online", duration(found.late_seconds))
    await stage.conclude(report)
    return report


async def _return(stage: Stage, killed: float) -> tuple[float, float | None]:
    """When login answers its health check, and when it lists every wing at its place."""
    login = None
    while login is None:
        nodes = [node for node in await stage.nodes() if node.role == "login"]
        login = nodes[0] if nodes else None
    while not await asyncio.to_thread(login.healthy):  # noqa: ASYNC110 - it is asked over HTTP
        await asyncio.sleep(LOOK_SECONDS / 2)
    healthy = time.monotonic()
    stage.say(f"login is healthy, {healthy - killed:.1f} s after its end")
    cookie = stage.people[LOGIN].cookie
    while await asyncio.to_thread(login.listed, cookie) != stage.truth():
        if time.monotonic() - healthy > WAIT_SECONDS:
            return healthy, None
        await asyncio.sleep(LOOK_SECONDS / 2)
    return healthy, time.monotonic()


async def _meanwhile(stage: Stage, known: list[LightWing], until: float) -> Meanwhile:
    found = Meanwhile()
    began = time.monotonic()
    turn = 0
    last = False
    while not last:
        # The last time is after the whole minute: what an edge has from another one is good for so long.
        last = time.monotonic() >= until
        due = time.monotonic() + EVERY_SECONDS
        await asyncio.gather(
            *(
                _open(stage, region, known[(turn * len(REGIONS) + n) % len(known)], found)
                for n, region in enumerate(REGIONS)
            ),
            *(_pages(stage, region, found) for region in REGIONS),
        )
        turn += 1
        if not found.late and time.monotonic() - began > LATE_WINGS_AFTER_SECONDS:
            await _late_wings(stage, found)
        if not last:
            await asyncio.sleep(max(0.0, min(due, until + 0.5) - time.monotonic()))
    return found


async def _open(stage: Stage, region: str, wing: LightWing, found: Meanwhile) -> None:
    """One more terminal, which leaves again when it has been seen to work."""
    began = time.monotonic()
    browser = stage.browser(region, WingName(wing.wing_id, wing.public_key))
    took = await stage.until(browser.live.is_set, 2 * OPEN_SECONDS)
    written = took is not None and await stage.until(lambda: bool(browser.sight.times), OPEN_SECONDS)
    if took is None or written is None:
        found.not_opened.append(
            f"from {region} after {time.monotonic() - began:.1f} s: {browser.by_hand} {browser.refused}"
        )
    else:
        found.opened.append(browser.attached[0] - began)
    await stage.leave(browser)
    wing.terminals.pop(browser.session_id, None)


async def _pages(stage: Stage, region: str, found: Meanwhile) -> None:
    people = stage.people[region]
    for path, accept, mark in (
        ("/app/", "text/html", b"<html"),
        ("/api/app/wings", "application/json", b'"error"'),
    ):
        began = time.monotonic()
        found.asked += 1
        try:
            status, headers, body = await asyncio.to_thread(
                people.request, region, "GET", path, {"Cookie": people.cookie, "Accept": accept}
            )
        except OSError as why:
            found.wrong_pages.append(f"{path} in {region}: {why}")
            continue
        found.answered.append(time.monotonic() - began)
        if status != 503 or "retry-after" not in headers or mark not in body:
            found.wrong_pages.append(f"{path} in {region}: {status} {body[:80]!r}")


async def _late_wings(stage: Stage, found: Meanwhile) -> None:
    """Wings that nobody knew register: their tokens are good without login. Then a terminal on one."""
    began = time.monotonic()
    found.late = await stage.add_wings([LOGIN, NRT, LHR])
    found.late_seconds = time.monotonic() - began
    wing = found.late[1]
    browser = stage.browser(NRT, WingName(wing.wing_id, wing.public_key))
    found.late_opened = await stage.until(browser.live.is_set, 2 * OPEN_SECONDS)
