"""Looks at the machines: health checks as fly.toml asks for them, and the numbers of their /metrics."""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Sequence
from typing import Any

import h11
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.error import ConnectError
from twisted.internet.task import LoopingCall, deferLater
from twisted.logger import Logger

from wingthing.errors import OperatorError
from wingthing.rehearsal.facts import CHECK_SECONDS, FIRST_CHECK_SECONDS, GRACE_SECONDS
from wingthing.rehearsal.machine import Machine, Place, State
from wingthing.rehearsal.machine_side import MachineSide, NoAnswer


class Health(enum.Enum):
    """What one check has found."""

    PASSING = "passing"
    """200."""

    FAILING = "failing"
    """The port accepts, and there is no 200 in time."""

    DOWN = "down"
    """The port does not accept."""


class Probe:
    """Asks machines at their own addresses, past the public proxy, as Fly's checks and its Prometheus do."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor

    async def get(self, place: Place, path: str) -> tuple[int, bytes]:
        """Status and body. Raises ConnectError when the port does not accept, or whatever else went wrong."""
        return await Deferred.fromCoroutine(self._get(place, path)).addTimeout(CHECK_SECONDS, self._reactor)

    async def _get(self, place: Place, path: str) -> tuple[int, bytes]:
        side = MachineSide(lambda _side: None)
        await connectProtocol(TCP4ClientEndpoint(self._reactor, place.address, place.port), side)
        try:
            asking = side.ask(
                h11.Request(method="GET", target=path, headers=[("Host", f"{place.address}:{place.port}")]),
                lambda _event: None,
            )
            side.finish()
            head = await asking
            whole = _Whole()
            side.deliver(whole)
            return head.status_code, await whole.ended
        finally:
            side.cut_off()

    async def check(self, place: Place) -> Health:
        """One health check."""
        try:
            status, _body = await self.get(place, "/health")
        except ConnectError:
            return Health.DOWN
        except Exception:
            return Health.FAILING
        return Health.PASSING if status == 200 else Health.FAILING

    async def numbers(self, place: Place, names: Sequence[str]) -> dict[str, int | None]:
        """Metrics of a machine by name, summed over their labels; None for what it does not tell."""
        try:
            status, body = await self.get(place, "/metrics")
        except Exception:
            status, body = 0, b""
        text = body.decode("utf-8", "replace") if status == 200 else ""
        return {name: metric(text, name) for name in names}


class _Whole:
    """Takes the body of an answer together."""

    def __init__(self) -> None:
        self.ended: Deferred[bytes] = Deferred()
        self._parts: list[bytes] = []

    def body(self, data: bytes) -> None:
        self._parts.append(data)

    def body_ended(self) -> None:
        self.ended.callback(b"".join(self._parts))

    def broken(self) -> None:
        self.ended.errback(NoAnswer("the answer broke off"))


def metric(text: str, name: str) -> int | None:
    """One metric out of Prometheus' text format; None when it is not there."""
    found = re.findall(rf"^{re.escape(name)}(?:\{{[^}}]*\}})?\s+([-+.\deE]+)", text, re.MULTILINE)
    return round(sum(map(float, found))) if found else None


class Watch:
    """Checks all machines, each every CHECK_SECONDS, and often while it does not listen yet."""

    log = Logger()

    def __init__(self, reactor: Any, probe: Probe, machines: Callable[[], Sequence[Machine]]) -> None:
        self._reactor = reactor
        self._probe = probe
        self._machines = machines
        self._due: dict[str, float] = {}
        self._busy: set[str] = set()
        self._loop = LoopingCall(self._look)
        self._loop.clock = reactor

    def start(self) -> None:
        """Begin to look."""
        self._loop.start(FIRST_CHECK_SECONDS)

    def stop(self) -> None:
        """Look no more."""
        if self._loop.running:
            self._loop.stop()

    async def until_passing(self, machine: Machine, seconds: float) -> None:
        """Back when a check of a started machine has passed.

        Raises OperatorError when it ends before, or does not pass in that time.
        """
        place, began = machine.place, self._reactor.seconds()
        while not machine.passing:
            name = f"Machine {place.id} ({place.group}, {place.region})"
            if not machine.alive:
                words = machine.last_words() or machine.last_exit
                raise OperatorError(f"{name} has ended: {words.rstrip('.')}. Its log is {machine.log_path}.")
            if self._reactor.seconds() - began > seconds:
                raise OperatorError(
                    f"{name} does not answer /health with 200 after {seconds:g} seconds: "
                    f"see {machine.log_path}."
                )
            await deferLater(self._reactor, FIRST_CHECK_SECONDS / 2)

    def _look(self) -> None:
        now = self._reactor.seconds()
        for machine in self._machines():
            known = machine.place.id
            early = machine.state is State.STARTING
            if machine.alive and known not in self._busy and (early or now >= self._due.get(known, 0)):
                self._busy.add(known)
                self._due[known] = now + CHECK_SECONDS
                Deferred.fromCoroutine(self._check(machine)).addErrback(
                    lambda failure: self.log.failure("a check has failed", failure=failure)
                )

    async def _check(self, machine: Machine) -> None:
        start = machine.starts
        try:
            health = await self._probe.check(machine.place)
        finally:
            self._busy.discard(machine.place.id)
        if not machine.alive or machine.starts != start:
            return
        if machine.state is State.STARTING and health is not Health.DOWN:
            machine.state = State.RUNNING
        young = self._reactor.seconds() - machine.started_at < GRACE_SECONDS
        healthy = health is Health.PASSING or (health is Health.FAILING and young)
        if machine.healthy and not healthy:
            self.log.warn("{id} is out of rotation: {how}", id=machine.place.id, how=health.value)
        elif healthy and not machine.healthy:
            self.log.info("{id} is in rotation", id=machine.place.id)
        machine.healthy, machine.passing = healthy, health is Health.PASSING
