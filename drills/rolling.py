"""Drill: a rolling deploy under live terminals: every node is stopped and started, one after the other."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from itertools import zip_longest
from pathlib import Path

import attrs

from drills.browser import Browser, Canvas, Painted
from drills.real import COUNTED, STOP, RealWing
from drills.report import Report, distribution, duration
from drills.sight import gaps, longest_freeze, numbers_in
from drills.stage import LHR, LINE_SECONDS, LOGIN, NRT, REGIONS, Stage

WING_REGIONS = (NRT, LHR, LOGIN)
AT_A_TIME = 4
"""Terminals that are started at the same time: each is a process that takes a core for half a second."""

CALM_SECONDS = 3.0
QUIET_SECONDS = 1.0
WAIT_SECONDS = 40.0
LONGEST_SECONDS = 15.0
NOTICED_SECONDS = 1.0


@attrs.frozen
class Restart:
    """Of one machine."""

    region: str
    began: float
    done: float


@attrs.frozen
class Seen:
    """What a terminal shows at the end."""

    text: str
    numbers: list[int]

    @classmethod
    def of(cls, canvas: Canvas) -> Seen:
        """The screen as text, and all numbers on it and in the scrollback."""
        assert isinstance(canvas, Painted)
        return cls(canvas.screen.text(), numbers_in(canvas.screen.replay()))


async def run(stage: Stage, wings: int, terminals: int) -> Report:
    """`wings` real wings, and `terminals` over all of them, with browsers in all regions."""
    report = Report(f"rolling deploy under {terminals} live terminals")
    async with _real_wings(stage, wings) as real:
        browsers = await _terminals(stage, real, terminals)
        faults = await stage.settle()
        assert not faults, faults
        await asyncio.sleep(CALM_SECONDS)
        restarts = await _roll(stage)
        news = time.monotonic()
        back = await stage.until(
            lambda: all(b.live.is_set() and b.sight.times[-1] > news for b in browsers), WAIT_SECONDS
        )
        settled = not await stage.settle()
        everywhere = time.monotonic() - restarts[-1].done if settled else None
        stage.say("everything is back" if back is not None else "not everything is back")
        await asyncio.sleep(CALM_SECONDS)
        ended = time.monotonic()
        counted = await _stop_counting(stage, browsers)
        seen = [Seen.of(browser.canvas) for browser in browsers]
        again = await _attach_anew(stage, browsers)
        true = [Seen.of(browser.canvas) for browser in again]

        _judge(report, browsers, restarts, ended)
        wrong = []
        for browser, shown, fresh, count in zip(browsers, seen, true, counted, strict=True):
            for sentence in wrong_with(shown, fresh, count):
                wrong.append(f"{browser.session_id}: {sentence}")
        report.all_of("programs that were stopped through their browsers", sum(map(bool, counted)), terminals)
        report.none("screens that are not what a fresh attach shows, or lack numbers", wrong)
        if everywhere is not None:
            report.figure("directory whole on every node, after the last restart", duration(everywhere))
        report.figure("numbers counted by each terminal", f"{min(counted)} to {max(counted)}")
        await stage.conclude(report)
        logs = [log for wing in real for log in wing.tracebacks()]
        report.none("logs of wings with a traceback", logs)
        for browser in list(stage.browsers):
            await stage.leave(browser)
    return report


def _judge(report: Report, browsers: list[Browser], restarts: list[Restart], ended: float) -> None:
    whole = [longest_freeze(b.sight.times, restarts[0].began, ended).seconds for b in browsers]
    lost = [f"{b.session_id}: {b.by_hand}" for b in browsers if b.by_hand]
    report.none(f"of {len(browsers)} terminals, lost", lost)
    report.at_most("longest freeze", max(whole), LONGEST_SECONDS)
    report.figure("longest freeze of each terminal (p50 / p90 / max)", distribution(whole))
    ends = [restart.began for restart in restarts[1:]] + [ended]
    for restart, end in zip(restarts, ends, strict=True):
        during = [longest_freeze(b.sight.times, restart.began, end).seconds for b in browsers]
        touched = [seconds for seconds in during if seconds > NOTICED_SECONDS]
        report.figure(
            f"restart of {restart.region}: machine away / terminals frozen over 1 s / longest",
            f"{duration(restart.done - restart.began)} / {len(touched)} / {duration(max(during))}",
        )
    times = sum(len(browser.attached) - 1 for browser in browsers)
    report.figure("attached to again by themselves", f"{times} times")


def wrong_with(shown: Seen, fresh: Seen, count: int) -> list[str]:
    """What is wrong with what a browser has shown, in sentences: beside a fresh attach, where the program has
    counted from 1 up to `count`."""
    found = []
    if shown.text != fresh.text:
        pairs = zip_longest(shown.text.splitlines(), fresh.text.splitlines())
        row, (before, after) = next((n, pair) for n, pair in enumerate(pairs) if pair[0] != pair[1])
        found.append(f"row {row} is {before!r}, and {after!r} after a fresh attach")
    for name, seen in (("browser", shown), ("fresh attach", fresh)):
        if not seen.numbers or seen.numbers[-1] != count:
            found.append(f"{name}: ends at {seen.numbers[-1:]} instead of {count}")
        found += [f"{name}: {gap}" for gap in gaps(seen.numbers)]
        if seen.numbers[:1] != [1]:
            found.append(f"{name}: begins with {seen.numbers[:1]}")
    return found


async def _roll(stage: Stage) -> list[Restart]:
    """Edges first, then login; the next one when the one before passes its health check, as Fly does it."""
    done = []
    for node in reversed(await stage.nodes()):
        stage.say(f"{node.region} ({node.role}) is restarted")
        began = time.monotonic()
        await asyncio.to_thread(stage.fleet.restart, node.machine)
        done.append(Restart(node.region, began, time.monotonic()))
    return done


@contextlib.asynccontextmanager
async def _real_wings(stage: Stage, count: int) -> AsyncIterator[list[RealWing]]:
    """So many wings, online; ended with all their terminals."""
    folder = Path(tempfile.mkdtemp(prefix="wt-"))
    real: list[RealWing] = []
    try:
        for number in range(count):
            url = stage.people[LOGIN].urls[WING_REGIONS[number % len(WING_REGIONS)]]
            real.append(await asyncio.to_thread(RealWing, folder / str(number), url, stage.token))
        stage.strangers = [wing.name.wing_id for wing in real]
        login = await stage.node("login")
        cookie = stage.people[LOGIN].cookie
        until = time.monotonic() + WAIT_SECONDS
        while set(await asyncio.to_thread(login.listed, cookie)) != set(stage.strangers):
            assert time.monotonic() < until, [wing.program.output[-500:] for wing in real]
            await asyncio.sleep(0.2)
        stage.say(f"{count} wings are online")
        yield real
    finally:
        for wing in real:
            await asyncio.to_thread(wing.close)
        shutil.rmtree(folder, ignore_errors=True)


async def _terminals(stage: Stage, real: list[RealWing], count: int) -> list[Browser]:
    """Terminals that count."""
    browsers: list[Browser] = []
    while len(browsers) < count:
        batch: list[tuple[RealWing, Browser]] = []
        for number in range(len(browsers), min(count, len(browsers) + AT_A_TIME)):
            wing = real[number % len(real)]
            region = REGIONS[number // len(real) % len(REGIONS)]
            batch.append((wing, stage.browser(region, wing.name, Painted(), cwd=str(wing.home))))
        await stage.all_live([browser for _wing, browser in batch])
        for wing, browser in batch:
            assert browser.type(wing.count_up(LINE_SECONDS)), browser.by_hand
        browsers += [browser for _wing, browser in batch]
    counting = await stage.until(lambda: all(b.sight.highest > 3 for b in browsers), WAIT_SECONDS)
    assert counting is not None, "not every terminal counts"
    stage.say(f"{count} terminals count")
    return browsers


async def _stop_counting(stage: Stage, browsers: list[Browser]) -> list[int]:
    """Typed into every browser; up to where each program says it has counted, 0 when it does not say so."""

    def counted(browser: Browser) -> int:
        assert isinstance(browser.canvas, Painted)
        found = COUNTED.search(browser.canvas.tail)
        return int(found.group(1)) if found else 0

    for browser in browsers:
        browser.type(STOP)
    await stage.until(lambda: all(map(counted, browsers)), WAIT_SECONDS)
    return [counted(browser) for browser in browsers]


async def _attach_anew(stage: Stage, browsers: list[Browser]) -> list[Browser]:
    """Each terminal in a new browser, which takes it from the one that is closed."""
    again = []
    for browser in browsers:
        await stage.leave(browser)
    for browser in browsers:
        region = next(name for name in stage.people if stage.people[name].ws(name) == browser.url)
        again.append(stage.browser(region, browser.wing, Painted(), session_id=browser.session_id))
    await stage.all_live(again)
    await _quiet(stage, again)
    return again


async def _quiet(stage: Stage, browsers: list[Browser]) -> None:
    """Wait until every browser has been sent something, and nothing more has come for a while."""

    def quiet() -> bool:
        return all(b.heard_at and time.monotonic() - b.heard_at > QUIET_SECONDS for b in browsers)

    await asyncio.sleep(QUIET_SECONDS)
    await stage.until(quiet, WAIT_SECONDS)
