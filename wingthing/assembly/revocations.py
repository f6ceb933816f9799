"""Tells a node with the database what has been revoked, by itself or by `wt user` beside it."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime

from wingthing.assembly.periodic import Periodic
from wingthing.store import revocations
from wingthing.store.pool import Database
from wingthing.wire.gossip import Revoked
from wingthing.wire.limits import REVOCATION_SECONDS


class RevocationWatch(Periodic):
    """Looks every REVOCATION_SECONDS and when it is told to; `tell` hears of each event, once."""

    seconds = REVOCATION_SECONDS
    what = "looks at revocations"

    def __init__(
        self, clock: IReactorTime, database: Database, seen: int, tell: Callable[[Revoked], None]
    ) -> None:
        """`seen` is the number of the latest event at the start (`store.revocations.latest`)."""
        super().__init__(clock)
        self._database = database
        self._seen = seen
        self._tell = tell

    def look_now(self) -> None:
        """Something has been revoked here."""
        self.look()

    async def work(self) -> None:
        latest, events = await self._database.read(revocations.since, self._seen, now=self._clock.seconds())
        if latest <= self._seen:
            # Another look that began later has been faster.
            return
        fresh = events[-(latest - self._seen) :]
        self._seen = latest
        for event in fresh:
            self._tell(event)
