"""Work that is done again and again for as long as a node runs, and at once when somebody asks for it."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from wingthing.errors import TemporarilyUnavailable


class Periodic(Service):
    """Does `work` every `seconds`. A database that is busy puts it off; whatever else fails is logged, and
    ends nothing. `what` is the work in the plural, for these lines."""

    log = Logger()
    seconds: float
    what: str
    at_once = False
    """Whether the first time is at the start."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._loop = LoopingCall(self.look)
        self._loop.clock = clock

    def startService(self) -> None:
        super().startService()
        self._loop.start(self.seconds, now=self.at_once)

    def stopService(self) -> None:
        super().stopService()
        if self._loop.running:
            self._loop.stop()

    def look(self) -> Deferred[None]:
        """Do it now; fires when it is done, and never fails."""
        # A loop ends for ever at the first failure that it is told of.
        return self.begin().addErrback(self._failed)

    def begin(self) -> Deferred[None]:
        """The work, begun."""
        return Deferred.fromCoroutine(self.work())

    def work(self) -> Coroutine[Deferred[Any], Any, None]:
        """What is to be done, once. Raises TemporarilyUnavailable to be put off."""
        raise TypeError(f"{type(self).__name__} does nothing")

    def _failed(self, failure: Failure) -> None:
        if failure.check(TemporarilyUnavailable):
            self.log.info("the database is busy: {what} are put off to the next time", what=self.what)
        else:
            self.log.failure("{what} failed", failure=failure, what=self.what)
