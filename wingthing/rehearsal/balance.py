"""Which machine gets a request: by region, in turn."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import count
from typing import Protocol

from wingthing.rehearsal.machine import Place
from wingthing.rehearsal.replay import Replay


class Backend(Protocol):
    """What the proxy needs to know of a machine."""

    place: Place

    @property
    def ready(self) -> bool:
        """Whether it may be sent requests."""


class Balance:
    """`machines()` are all of them, login first; what is not ready is passed over."""

    def __init__(self, app: str, machines: Callable[[], Sequence[Backend]]) -> None:
        self._app = app
        self._machines = machines
        self._turns = count(1)
        self._last: dict[str, int] = {}

    def find(self, machine_id: str) -> Backend | None:
        """A ready machine by its id."""
        return next((machine for machine in self._ready() if machine.place.id == machine_id), None)

    def region_of(self, machine_id: str) -> str:
        """Where a machine is or was; empty when there is none of that id."""
        places = (machine.place for machine in self._machines())
        return next((place.region for place in places if place.id == machine_id), "")

    def pick(self, region: str, without: Collection[str] = (), *, only: bool = False) -> Backend | None:
        """A machine of `region`, else (unless `only`) one of another region; never one of `without` (ids).

        The one that has waited longest; None when there is none.
        """
        candidates = [machine for machine in self._ready() if machine.place.id not in without]
        near = [machine for machine in candidates if machine.place.region == region]
        return self._next(near) or (None if only else self._next(candidates))

    def target(self, replay: Replay, region: str, source: str, without: Collection[str]) -> Backend | None:
        """The machine that a replay names; None when there is none.

        `region` is where the request came in, `source` the machine that asked, `without` what was tried.
        """
        if replay.app and replay.app != self._app:
            return None
        barred = {*without, source} if replay.elsewhere else {*without}
        if replay.instance:
            return None if replay.instance in barred else self.find(replay.instance)
        if replay.prefer_instance and replay.prefer_instance not in barred:
            preferred = self.find(replay.prefer_instance)
            if preferred is not None:
                return preferred
        if replay.region:
            return self.pick(replay.region, barred, only=True)
        return self.pick(region, barred)

    def _ready(self) -> Iterable[Backend]:
        return [machine for machine in self._machines() if machine.ready]

    def _next(self, candidates: Sequence[Backend]) -> Backend | None:
        if not candidates:
            return None
        chosen = min(candidates, key=lambda machine: self._last.get(machine.place.id, 0))
        self._last[chosen.place.id] = next(self._turns)
        return chosen
