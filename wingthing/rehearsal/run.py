"""Runs a rehearsal in the foreground, as `wt fleet up` does."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable
from types import FrameType
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from wingthing.assembly.logs import start_logging
from wingthing.assembly.open_files import allow_many_files
from wingthing.rehearsal.fleet import Fleet
from wingthing.rehearsal.plan import Plan

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run_fleet(plan: Plan, say: Callable[[str], Any], welcome: Callable[[Fleet], Awaitable[None]]) -> None:
    """Until SIGINT, SIGTERM or SIGHUP: the first stops the machines in good order, the next kills them.

    `say` prints a line; `welcome(fleet)` is awaited when everything is up. Raises OperatorError when the
    fleet cannot be started.
    """
    from twisted.internet import reactor as installed

    reactor: Any = installed
    fleet = Fleet(reactor, plan, say)
    fleet.prepare()
    with fleet.folder.log.open("w", encoding="utf-8", buffering=1) as stream:
        start_logging(stream)
        # A socket for each pair of machines, and two for each client.
        allow_many_files()
        session = _Session(reactor, fleet, say, welcome)
        reactor.callWhenRunning(session.begin)
        reactor.addSystemEventTrigger("before", "shutdown", session.end)
        reactor.run()
    if session.failures:
        raise session.failures[0]


class _Session:
    log = Logger()

    def __init__(
        self,
        reactor: Any,
        fleet: Fleet,
        say: Callable[[str], Any],
        welcome: Callable[[Fleet], Awaitable[None]],
    ) -> None:
        self._reactor = reactor
        self._fleet = fleet
        self._say = say
        self._welcome = welcome
        self._stopping = False
        self.failures: list[BaseException] = []

    def begin(self) -> None:
        # In the place of Twisted's own handlers, which a second Ctrl-C would make fail.
        for number in SIGNALS:
            signal.signal(number, self._signalled)
        Deferred.fromCoroutine(self._begin())

    async def _begin(self) -> None:
        try:
            await self._fleet.start()
            await self._welcome(self._fleet)
        except Exception as why:
            # What fails because the fleet is being stopped is no failure.
            if not self._stopping:
                self.failures.append(why)
                self._stop()

    def end(self) -> Deferred[None]:
        self._stopping = True
        return Deferred.fromCoroutine(self._end())

    async def _end(self) -> None:
        try:
            await self._fleet.close()
        except Exception as why:
            self.log.failure("the rehearsal has not ended in good order")
            self.failures.append(why)

    def _signalled(self, _number: int, _frame: FrameType | None) -> None:
        self._reactor.callFromThread(self._asked_to_end)

    def _asked_to_end(self) -> None:
        if self._stopping:
            self._fleet.kill_all()
        else:
            self._say("Stopping the machines ...")
            self._stop()

    def _stop(self) -> None:
        self._stopping = True
        self._reactor.stop()
