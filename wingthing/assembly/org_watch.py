"""Keeps the roster of a node with the database as the database has it, whoever changes that: this server, or
`wt user` beside it."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.interfaces import IReactorTime

from wingthing.assembly.periodic import Periodic
from wingthing.store import rosters
from wingthing.store.pool import Database
from wingthing.wire.limits import REVOCATION_SECONDS
from wingthing.wire.records import OrgRecord


class OrgWatch(Periodic):
    """Looks every REVOCATION_SECONDS and when it is told to. `tell(org_id, org)` hears how each organisation
    is that has changed, None for one that is not there any more."""

    seconds = REVOCATION_SECONDS
    what = "looks at organisations"

    def __init__(
        self,
        clock: IReactorTime,
        database: Database,
        seen: int,
        tell: Callable[[str, OrgRecord | None], object],
    ) -> None:
        """`seen` is the number of the latest change at the start (`store.rosters.latest`)."""
        super().__init__(clock)
        self._database = database
        self._seen = seen
        self._tell = tell
        # One look at a time: of two, the one that has read first could tell last.
        self._lock = DeferredLock()

    async def look_now(self) -> None:
        """Something has been changed here; when this is back, it has been told."""
        await self.look()

    def look_soon(self) -> None:
        """The same, for who does not wait for it."""
        self.look()

    def begin(self) -> Deferred[None]:
        return self._lock.run(super().begin)

    async def work(self) -> None:
        latest, changed = await self._database.read(rosters.since, self._seen)
        self._seen = max(self._seen, latest)
        for org_id, org in changed.items():
            self._tell(org_id, org)
