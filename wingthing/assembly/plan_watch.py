"""Tells a node with the database what plans its users have, by itself or by `wt` beside it, and what they
have been sent; edges hear it by polling login."""

from __future__ import annotations

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from wingthing.assembly.caps import CapWatch
from wingthing.assembly.usage import UsageBook
from wingthing.errors import TemporarilyUnavailable
from wingthing.store import plans
from wingthing.store.pool import Database
from wingthing.wire.internal import Terms
from wingthing.wire.limits import ENTITLEMENTS_SECONDS
from wingthing.wire.plans import month_of


class PlanWatch(Service):
    """Looks every ENTITLEMENTS_SECONDS and when it is told to. `terms` is what this server has."""

    log = Logger()

    def __init__(
        self, clock: IReactorTime, database: Database, book: UsageBook, watch: CapWatch, terms: Terms
    ) -> None:
        self._clock = clock
        self._database = database
        self._book = book
        self._watch = watch
        self._terms = terms
        self._lock = DeferredLock()
        self._loop = LoopingCall(self._look)
        self._loop.clock = clock

    def startService(self) -> None:
        super().startService()
        self._loop.start(ENTITLEMENTS_SECONDS)

    def stopService(self) -> None:
        super().stopService()
        if self._loop.running:
            self._loop.stop()

    def look_now(self) -> None:
        """A plan has been changed here."""
        if self.running:
            self._look()

    def _look(self) -> Deferred[None]:
        # A loop ends for ever at the first failure that it is told of.
        # One after the other: what was read earlier must not be believed later.
        looking = self._lock.run(lambda: Deferred.fromCoroutine(self._tell()))
        return looking.addErrback(
            lambda failure: self.log.failure("plans were not looked at", failure=failure)
        )

    async def _tell(self) -> None:
        try:
            now = self._clock.seconds()
            pro = await self._database.read(plans.pro_users, now=now)
            used = {}
            if self._terms.cap_bytes is not None:
                used = await self._book.of_everybody(at_least=self._terms.cap_bytes // 2)
        except TemporarilyUnavailable:
            self.log.info("the database is busy: plans are looked at the next time")
            return
        self._watch.update(self._terms, month_of(now), pro, used)
