"""Tells a node with the database what has been revoked, by itself or by `wt user` beside it."""

from __future__ import annotations

from collections.abc import Callable

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from wingthing.errors import TemporarilyUnavailable
from wingthing.store import revocations
from wingthing.store.pool import Database
from wingthing.wire.gossip import Revoked
from wingthing.wire.limits import REVOCATION_SECONDS


class RevocationWatch(Service):
    """Looks every REVOCATION_SECONDS and when it is told to; `tell` hears of each event, once."""

    log = Logger()

    def __init__(
        self, clock: IReactorTime, database: Database, seen: int, tell: Callable[[Revoked], None]
    ) -> None:
        """`seen` is the number of the latest event at the start (`store.revocations.latest`)."""
        self._clock = clock
        self._database = database
        self._seen = seen
        self._tell = tell
        self._loop = LoopingCall(self._look)
        self._loop.clock = clock

    def startService(self) -> None:
        super().startService()
        self._loop.start(REVOCATION_SECONDS, now=False)

    def stopService(self) -> None:
        super().stopService()
        if self._loop.running:
            self._loop.stop()

    def look_now(self) -> None:
        """Something has been revoked here."""
        self._look()

    def _look(self) -> Deferred[None]:
        # A loop ends for ever at the first failure that it is told of.
        looking = Deferred.fromCoroutine(self._tell_new())
        return looking.addErrback(
            lambda failure: self.log.failure("revocations were not looked at", failure=failure)
        )

    async def _tell_new(self) -> None:
        try:
            latest, events = await self._database.read(
                revocations.since, self._seen, now=self._clock.seconds()
            )
        except TemporarilyUnavailable:
            self.log.info("the database is busy: revocations are looked at the next time")
            return
        if latest <= self._seen:
            # Another look that began later has been faster.
            return
        fresh = events[-(latest - self._seen) :]
        self._seen = latest
        for event in fresh:
            self._tell(event)
