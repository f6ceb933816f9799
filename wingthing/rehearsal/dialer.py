"""Opens connections from the proxy to machines, and finds the machine that a replay names."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.error import ConnectError, ConnectingCancelledError
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from wingthing.rehearsal.balance import Backend, Balance
from wingthing.rehearsal.facts import CONNECT_PAUSE_SECONDS, CONNECT_SECONDS, CONNECT_TRIES
from wingthing.rehearsal.machine import Place
from wingthing.rehearsal.machine_side import MachineSide, NoAnswer
from wingthing.rehearsal.replay import Reason, Replay


class Unreached(Exception):
    """No connection to the target of a replay could be opened."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(str(reason))
        self.reason = reason


class Dialer:
    """A machine that is cut off takes no connection, and those that it has freeze, until it is healed."""

    def __init__(self, reactor: Any, balance: Balance) -> None:
        self._reactor = reactor
        self._balance = balance
        self._cut: set[str] = set()
        self._hanging: dict[str, list[Deferred[None]]] = {}
        self._open: dict[str, set[MachineSide]] = {}

    def cut(self, machine_id: str) -> None:
        """Lose everything that travels between the proxy and that machine."""
        self._cut.add(machine_id)
        for side in self._open.get(machine_id, ()):
            side.set_frozen(True)

    def heal(self, machine_id: str) -> None:
        """Lose it no longer."""
        self._cut.discard(machine_id)
        for side in tuple(self._open.get(machine_id, ())):
            side.set_frozen(False)
        for hanging in self._hanging.pop(machine_id, ()):
            hanging.callback(None)

    def is_cut(self, machine_id: str) -> bool:
        """Whether that machine is cut off from the proxy."""
        return machine_id in self._cut

    def close(self) -> None:
        """Cut every connection off."""
        for sides in tuple(self._open.values()):
            for side in tuple(sides):
                side.cut_off()

    def dial(self, place: Place, seconds: float = CONNECT_SECONDS) -> Deferred[MachineSide]:
        """A connection to a machine. Fails with NoAnswer when it cannot be opened in that time."""
        return Deferred.fromCoroutine(self._dial(place)).addTimeout(
            seconds, self._reactor, onTimeoutCancel=_no_answer
        )

    async def _dial(self, place: Place) -> MachineSide:
        while place.id in self._cut:
            waiting = self._hanging.setdefault(place.id, [])
            hanging: Deferred[None] = Deferred(waiting.remove)
            waiting.append(hanging)
            await hanging
        sides = self._open.setdefault(place.id, set())
        endpoint = TCP4ClientEndpoint(self._reactor, place.address, place.port)
        side = MachineSide(sides.discard)
        try:
            await connectProtocol(endpoint, side)
        except ConnectError as why:
            raise NoAnswer(f"no connection: {why}") from why
        except ConnectingCancelledError as why:
            raise CancelledError from why
        sides.add(side)
        side.set_frozen(place.id in self._cut)
        return side

    async def reach(self, replay: Replay, region: str, asker: Place) -> tuple[Backend, MachineSide]:
        """The machine that a replay names, and a connection to it. Raises Unreached.

        `region` is where the request came in, `asker` the machine that wants the replay.
        """
        trying = Deferred.fromCoroutine(self._try_all(replay, region, asker))
        try:
            return await trying.addTimeout(
                CONNECT_SECONDS if replay.timeout is None else replay.timeout, self._reactor
            )
        except DeferredTimeout:
            raise Unreached(Reason.TIMEOUT) from None

    async def _try_all(self, replay: Replay, region: str, asker: Place) -> tuple[Backend, MachineSide]:
        tried: set[str] = set()
        while True:
            machine = self._balance.target(replay, region, asker.id, tried)
            if machine is None:
                raise Unreached(Reason.RETRIES_EXHAUSTED if tried else Reason.NO_CANDIDATE)
            for attempt in range(CONNECT_TRIES):
                if attempt:
                    await deferLater(self._reactor, CONNECT_PAUSE_SECONDS)
                try:
                    return machine, await self._dial(machine.place)
                except NoAnswer:
                    continue
            tried.add(machine.place.id)


def _no_answer(result: Any, seconds: float) -> Any:
    if isinstance(result, Failure):
        raise NoAnswer(f"no connection within {seconds:g} seconds")
    return result
