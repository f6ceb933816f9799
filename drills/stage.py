"""A rehearsed fleet with its people: where a drill takes place, and what is true there at its end."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence

from rich.console import Console

from drills.browser import Browser, Canvas, Transcript, WingName
from drills.nodes import Figures, Node
from drills.report import Report, duration
from drills.sight import difference
from drills.wing import LightWing
from tests.integration.fleet import Rehearsal
from tests.integration.people import People

LOGIN, NRT, LHR = REGIONS = ("ewr", "nrt", "lhr")
LINE_SECONDS = 0.1
"""Between two lines of one terminal."""

TICK_SECONDS = 0.02
LOOK_SECONDS = 0.05
AT_A_TIME = 20
"""Sockets that are opened at the same time while the stage is set."""

SETTLE_SECONDS = 20.0
"""How long everything may take to come to rest after the drill, in which nothing happens any more."""


class Stage:
    """The fleet, light wings and browsers, and a clock of its own that makes the terminals count."""

    def __init__(self, fleet: Rehearsal, people: dict[str, People], token: str, console: Console) -> None:
        self.fleet = fleet
        self.people = people
        """By region. Each has a login session of its own, as different people have."""

        self.token = token
        self.wings: list[LightWing] = []
        self.strangers: list[str] = []
        """Ids of wings that are programs of their own: where they are, login says."""

        self.browsers: list[Browser] = []
        self.slowest_tick = 0.0
        """How late the drill's own clock was at most: no freeze can be told from that."""

        self.faults: list[str] = []
        self._console = console
        self._tasks: dict[object, asyncio.Task[None]] = {}
        self._ticking = True
        self._began = time.monotonic()
        self.spawn(self, self._tick())

    # -- the time and the log --------------------------------------------------------------------------

    def say(self, sentence: str) -> None:
        """What happens, for who watches."""
        self._console.print(
            f"{time.monotonic() - self._began:6.1f} s  {sentence}", style="dim", highlight=False
        )

    def spawn(self, owner: object, work: Awaitable[None]) -> None:
        """Run something beside all else, until `end(owner)`. What it raises is a fault of the drill."""

        async def guarded() -> None:
            try:
                await work
            except Exception as why:
                self.faults.append(f"{type(owner).__name__}: {type(why).__name__}: {why}")

        self._tasks[owner] = asyncio.create_task(guarded())

    async def end(self, owner: object) -> None:
        """End what was spawned for `owner`."""
        task = self._tasks.pop(owner, None)
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def until(self, true: Callable[[], bool], seconds: float) -> float | None:
        """Wait until something is true. How long that took; None when it did not become so in that time."""
        began = time.monotonic()
        while not true():
            if time.monotonic() - began > seconds:
                return None
            await asyncio.sleep(LOOK_SECONDS)
        return time.monotonic() - began

    async def _tick(self) -> None:
        before = time.monotonic()
        due = before
        while True:
            await asyncio.sleep(TICK_SECONDS)
            now = time.monotonic()
            self.slowest_tick = max(self.slowest_tick, now - before - TICK_SECONDS)
            before = now
            if self._ticking and now >= due:
                due = max(due + LINE_SECONDS, now - LINE_SECONDS)
                for wing in self.wings:
                    wing.tick()

    # -- the people ------------------------------------------------------------------------------------

    async def add_wings(self, regions: Sequence[str]) -> list[LightWing]:
        """A wing for each of these regions, online. Raises AssertionError when one is not."""
        added = [LightWing(self.people[region].ws(region), self.token) for region in regions]
        for begin in range(0, len(added), AT_A_TIME):
            batch = added[begin : begin + AT_A_TIME]
            for wing in batch:
                self.wings.append(wing)
                self.spawn(wing, wing.run())
            online = await self.until(lambda batch=batch: all(wing.machine for wing in batch), 60)  # type: ignore[misc]
            assert online is not None, [wing.refused for wing in batch if not wing.machine]
        return added

    def browser(
        self,
        region: str,
        wing: WingName,
        canvas: Canvas | None = None,
        *,
        session_id: str = "",
        cwd: str = "",
    ) -> Browser:
        """A browser that begins to open a terminal."""
        people = self.people[region]
        made = Browser(
            people.ws(region), people.cookie, wing, canvas or Transcript(), session_id=session_id, cwd=cwd
        )
        self.browsers.append(made)
        self.spawn(made, made.run())
        return made

    async def open_terminals(self, places: Iterable[tuple[str, LightWing]]) -> list[Browser]:
        """A browser in each region with a terminal on that wing, open. Raises AssertionError."""
        opened: list[Browser] = []
        waiting: list[Browser] = []
        for region, wing in places:
            waiting.append(self.browser(region, WingName(wing.wing_id, wing.public_key)))
            if len(waiting) == AT_A_TIME:
                await self.all_live(waiting)
                opened += waiting
                waiting = []
        await self.all_live(waiting)
        return opened + waiting

    async def all_live(self, browsers: Sequence[Browser], seconds: float = 60) -> None:
        """Raises AssertionError when a terminal does not open."""
        live = await self.until(lambda: all(browser.live.is_set() for browser in browsers), seconds)
        stuck = [(b.by_hand, b.refused[-3:]) for b in browsers if not b.live.is_set()]
        assert live is not None, f"{len(stuck)} terminals do not open: {stuck[:3]}"

    async def leave(self, browser: Browser) -> None:
        """Close a browser's window."""
        await self.end(browser)
        self.browsers.remove(browser)

    def hush(self) -> None:
        """No more lines."""
        self._ticking = False

    # -- the nodes -------------------------------------------------------------------------------------

    async def nodes(self) -> list[Node]:
        """The machines that run, login first."""
        status = await asyncio.to_thread(self.fleet.status)
        return [
            Node(machine.id, machine.region, machine.role, machine.address)
            for machine in status.machines
            if machine.pid is not None
        ]

    async def node(self, word: str) -> Node:
        """The one of a role or region."""
        (found,) = [node for node in await self.nodes() if word in (node.role, node.region)]
        return found

    def truth(self) -> dict[str, str]:
        """wing id -> machine, of the wings that are online."""
        return {wing.wing_id: wing.machine for wing in self.wings if wing.machine}

    async def directory_faults(self, *, browsers: bool = True) -> list[str]:
        """Where a node does not know every wing's place, or has sockets that are nobody's; in sentences.

        Without `browsers` it may have sockets of them that are on their way.
        """
        nodes = await self.nodes()
        try:
            truth = self.truth() | await self._strangers(nodes[0])
        except (OSError, http.client.HTTPException) as why:
            return [f"login does not answer: {why}"]
        faults = []
        for node in nodes:
            try:
                faults += await self._faults_of(node, truth, browsers)
            except (OSError, http.client.HTTPException) as why:
                faults.append(f"{node.region} does not answer: {why}")
        if not faults:
            listed = await asyncio.to_thread(
                lambda: {r: len(self.people[r].api(r, "/api/app/wings")) for r in self.people}
            )
            faults = [f"the API lists {n} wings in {r}" for r, n in listed.items() if n != len(truth)]
        return faults

    async def _strangers(self, login: Node) -> dict[str, str]:
        if not self.strangers:
            return {}
        listed = await asyncio.to_thread(login.listed, self.people[LOGIN].cookie)
        return {wing_id: listed.get(wing_id, "") for wing_id in self.strangers}

    async def _faults_of(self, node: Node, truth: dict[str, str], browsers: bool) -> list[str]:
        figures = await asyncio.to_thread(node.figures)
        expected = Figures(
            wings=sum(machine == node.machine for machine in truth.values()),
            browsers=sum(browser.machine == node.machine for browser in self.browsers)
            if browsers
            else figures.browsers,
            known=len(truth),
            whole=True,
        )
        if figures != expected:
            return [f"{node.region} has {figures} instead of {expected}"]
        places = await asyncio.to_thread(node.places, self.people[LOGIN].cookie, list(truth))
        wrong = [wing_id for wing_id, machine in truth.items() if places.get(wing_id) != machine]
        return [f"{node.region} has {len(wrong)} wings elsewhere, {wrong[0]} first"] if wrong else []

    # -- the end ---------------------------------------------------------------------------------------

    async def settle(self, *, browsers: bool = True) -> list[str]:
        """Wait until the directory is whole on every node; what is wrong when it does not become so."""
        until = time.monotonic() + SETTLE_SECONDS
        while faults := await self.directory_faults(browsers=browsers):
            if time.monotonic() > until:
                break
            await asyncio.sleep(LOOK_SECONDS)
        return faults

    def content_faults(self) -> list[str]:
        """Light terminals that a browser does not show as they are."""
        terminals = {
            (wing.wing_id, session_id): terminal
            for wing in self.wings
            for session_id, terminal in wing.terminals.items()
        }
        faults = []
        for browser in self.browsers:
            terminal = terminals.get((browser.wing.wing_id, browser.session_id))
            if terminal is not None and isinstance(browser.canvas, Transcript):
                wrong = difference(bytes(browser.canvas.content), bytes(terminal.content))
                faults += [f"{browser.session_id}: {wrong}"] if wrong else []
            elif isinstance(browser.canvas, Transcript):
                faults.append(f"{browser.session_id or 'a terminal that never opened'}: there is none")
        return faults

    async def conclude(self, report: Report) -> None:
        """What every drill ends with."""
        self.hush()
        await asyncio.sleep(1.0)
        faults = await self.settle()
        live = [browser for browser in self.browsers if browser.live.is_set()]
        report.all_of("terminals open at the end", len(live), len(self.browsers))
        report.none("terminals whose content is not the wing's own", self.content_faults())
        report.none(
            "lines missing or out of order at any time",
            [f"{browser.session_id}: {wrong}" for browser in self.browsers for wrong in browser.sight.wrong],
        )
        report.none(
            "browsers that a person would have to reload",
            [browser.by_hand for browser in self.browsers if browser.by_hand],
        )
        report.none("wings that do not come back", [wing.refused for wing in self.wings if wing.refused])
        report.none("nodes whose directory or sockets are not the truth", faults)
        report.none("logs with a traceback", await asyncio.to_thread(self.fleet.tracebacks))
        assert not self.faults, self.faults
        report.figure("longest pause of the drill's own clock", duration(self.slowest_tick))

    async def close(self) -> None:
        """Everybody leaves."""
        for owner in list(self._tasks):
            await self.end(owner)


@contextlib.asynccontextmanager
async def stage(console: Console) -> AsyncIterator[Stage]:
    """A fleet of login and two edges, and people in each region; all of it is gone at the end."""
    fleet = await asyncio.to_thread(Rehearsal, REGIONS)
    try:
        people = {region: await asyncio.to_thread(People, fleet) for region in REGIONS}
        token = await asyncio.to_thread(people[LOGIN].token)
        made = Stage(fleet, people, token, console)
        try:
            yield made
        finally:
            await made.close()
    finally:
        await asyncio.to_thread(fleet.close)


async def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Do something that blocks, in a thread: when it began, and when it was done."""
    began = time.monotonic()
    await asyncio.to_thread(work)
    return began, time.monotonic()
