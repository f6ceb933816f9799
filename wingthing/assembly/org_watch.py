"""Keeps the roster of a node with the database as the database has it, whoever changes that: this server, or
`wt user` beside it."""

from __future__ import annotations

from collections.abc import Callable

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from wingthing.errors import TemporarilyUnavailable
from wingthing.store import rosters
from wingthing.store.pool import Database
from wingthing.wire.limits import REVOCATION_SECONDS
from wingthing.wire.records import OrgRecord


class OrgWatch(Service):
    """Looks every REVOCATION_SECONDS and when it is told to. `tell(org_id, org)` hears how each organisation
    is that has changed, None for one that is not there any more."""

    log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        database: Database,
        seen: int,
        tell: Callable[[str, OrgRecord | None], object],
    ) -> None:
        """`seen` is the number of the latest change at the start (`store.rosters.latest`)."""
        self._database = database
        self._seen = seen
        self._tell = tell
        # One look at a time: of two, the one that has read first could tell last.
        self._lock = DeferredLock()
        self._loop = LoopingCall(self._look)
        self._loop.clock = clock

    def startService(self) -> None:
        super().startService()
        self._loop.start(REVOCATION_SECONDS, now=False)

    def stopService(self) -> None:
        super().stopService()
        if self._loop.running:
            self._loop.stop()

    async def look_now(self) -> None:
        """Something has been changed here; when this is back, it has been told."""
        await self._look()

    def look_soon(self) -> None:
        """The same, for who does not wait for it."""
        self._look()

    def _look(self) -> Deferred[None]:
        # A loop ends for ever at the first failure that it is told of.
        looking = Deferred.fromCoroutine(self._tell_new())
        return looking.addErrback(
            lambda failure: self.log.failure("organisations were not looked at", failure=failure)
        )

    async def _tell_new(self) -> None:
        await self._lock.acquire()
        try:
            latest, changed = await self._database.read(rosters.since, self._seen)
            self._seen = max(self._seen, latest)
            for org_id, org in changed.items():
                self._tell(org_id, org)
        except TemporarilyUnavailable:
            self.log.info("the database is busy: organisations are looked at the next time")
        finally:
            self._lock.release()
