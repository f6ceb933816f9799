"""Tells a node with the database what plans its users have, by itself or by `wt` beside it, and what they
have been sent; edges hear it by polling login."""

from __future__ import annotations

from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.interfaces import IReactorTime

from wingthing.assembly.caps import CapWatch
from wingthing.assembly.periodic import Periodic
from wingthing.assembly.usage import UsageBook
from wingthing.store import plans
from wingthing.store.pool import Database
from wingthing.wire.internal import Terms
from wingthing.wire.limits import ENTITLEMENTS_SECONDS
from wingthing.wire.plans import month_of


class PlanWatch(Periodic):
    """Looks every ENTITLEMENTS_SECONDS and when it is told to. `terms` is what this server has."""

    seconds = ENTITLEMENTS_SECONDS
    what = "looks at plans"
    at_once = True

    def __init__(
        self, clock: IReactorTime, database: Database, book: UsageBook, watch: CapWatch, terms: Terms
    ) -> None:
        super().__init__(clock)
        self._database = database
        self._book = book
        self._watch = watch
        self._terms = terms
        self._lock = DeferredLock()

    def look_now(self) -> None:
        """A plan has been changed here."""
        if self.running:
            self.look()

    def begin(self) -> Deferred[None]:
        # One after the other: what was read earlier must not be believed later.
        return self._lock.run(super().begin)

    async def work(self) -> None:
        now = self._clock.seconds()
        pro = await self._database.read(plans.pro_users, now=now)
        used = {}
        if self._terms.cap_bytes is not None:
            used = await self._book.of_everybody(at_least=self._terms.cap_bytes // 2)
        self._watch.update(self._terms, month_of(now), pro, used)
