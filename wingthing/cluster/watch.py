"""Says in the log when an edge loses login and when it finds it again: once each, however long it lasts."""

from __future__ import annotations

from twisted.application.service import Service
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from wingthing.cluster.reporter import Reporter
from wingthing.wire.limits import GOSSIP_SECONDS, SUSPECT_ROUNDS

LOST_SECONDS = SUSPECT_ROUNDS * GOSSIP_SECONDS
"""As many rounds have not come as make login call an edge suspect."""


class LoginWatch(Service):
    """Looks every second at how long login has been silent."""

    log = Logger()

    def __init__(self, clock: IReactorTime, reporter: Reporter) -> None:
        self._reporter = reporter
        self._longest = 0.0
        self._stale = False
        self._loop = LoopingCall(self._look)
        self._loop.clock = clock

    def startService(self) -> None:
        super().startService()
        self._loop.start(1.0, now=False)

    def stopService(self) -> None:
        super().stopService()
        if self._loop.running:
            self._loop.stop()

    def _look(self) -> None:
        silent = self._reporter.silent_seconds
        if silent < LOST_SECONDS:
            if self._longest:
                self.log.info("login is heard again, after {seconds:.0f} s", seconds=self._longest)
            if self._stale:
                self.log.info("the directory of wings is fresh again")
            self._longest, self._stale = 0.0, False
            return
        if not self._longest:
            why = self._reporter.why_not or "no round of it has come"
            self.log.warn("login has not been heard for {seconds:.0f} s: {why}", seconds=silent, why=why)
        self._longest = silent
        if self._reporter.stale and not self._stale:
            self._stale = True
            self.log.warn("the directory of wings is stale, after {seconds:.0f} s", seconds=silent)
