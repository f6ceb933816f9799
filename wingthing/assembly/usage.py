"""The books of what users have been sent: this node's own meter, and what the edges report."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.interfaces import IReactorTime

from wingthing.assembly.periodic import Periodic
from wingthing.relay.meter import Meter
from wingthing.store import usage
from wingthing.store.pool import Database
from wingthing.wire.gossip import Answer
from wingthing.wire.limits import USAGE_FLUSH_SECONDS
from wingthing.wire.plans import day_of, days_until, month_of

Run = tuple[str, str]
"""Machine and boot."""


class UsageBook(Periodic):
    """Writes down every USAGE_FLUSH_SECONDS what has come together.

    `written(machine, boot, seq)` is told when an edge's report `seq` is in the database: only then may the
    edge forget it.
    """

    seconds = USAGE_FLUSH_SECONDS
    what = "records of usage"

    def __init__(
        self, clock: IReactorTime, database: Database, meter: Meter, machine: str, boot: str
    ) -> None:
        super().__init__(clock)
        self._database = database
        self._meter = meter
        self._own: Run = (machine, boot)
        self._waiting: dict[Run, dict[str, int]] = {}
        self._seqs: dict[Run, int] = {}
        self._written: dict[str, int] = {}
        """What is in the database of this node's own totals."""

        self._lock = DeferredLock()
        self.written: Callable[[str, str, int], None] = lambda machine, boot, seq: None

    def reported(self, machine: str, answer: Answer) -> None:
        """An edge says what it has sent since its start."""
        run = (machine, answer.boot)
        self._waiting.setdefault(run, {}).update(answer.usage)
        self._seqs[run] = answer.usage_seq

    async def days(self, user_id: str) -> dict[str, int]:
        """Bytes sent to a user's browsers on each day (YYYY-MM-DD) of this month (UTC) until today; what is
        not written down yet included, where this node knows of it."""
        return await self._lock.run(lambda: Deferred.fromCoroutine(self._days(user_id)))

    async def _days(self, user_id: str) -> dict[str, int]:
        # Under the lock: what is being written down in this moment would be counted twice.
        now = self._clock.seconds()
        written = await self._database.read(usage.days_of_month, user_id, month_of(now))
        days = {day: written.get(day, 0) for day in days_until(now)}
        days[day_of(now)] += self._meter.usage_bytes(user_id) - self._written.get(user_id, 0)
        return days

    async def of_everybody(self, *, at_least: int) -> dict[str, int]:
        """What everybody has been sent this month for whom that much is written down; what is not written
        down yet included, where this node knows of it."""
        return await self._lock.run(lambda: Deferred.fromCoroutine(self._of_everybody(at_least)))

    async def _of_everybody(self, at_least: int) -> dict[str, int]:
        month = month_of(self._clock.seconds())
        written = await self._database.read(usage.by_user, month, at_least=at_least)
        return {
            user_id: total + self._meter.usage_bytes(user_id) - self._written.get(user_id, 0)
            for user_id, total in written.items()
        }

    async def work(self) -> None:
        await self.flush()

    async def flush(self) -> None:
        """Write down everything that has come together. Raises TemporarilyUnavailable."""
        await self._lock.run(lambda: Deferred.fromCoroutine(self._flush()))

    async def _flush(self) -> None:
        waiting, self._waiting = self._waiting, {}
        own = {user: total for user, total in self._meter.totals() if total != self._written.get(user, 0)}
        runs = {**waiting, self._own: own}
        reports = [
            usage.Report(machine, boot, tuple(totals.items()))
            for (machine, boot), totals in runs.items()
            if totals
        ]
        if not reports:
            return
        now = self._clock.seconds()
        seqs = {run: self._seqs[run] for run in waiting}
        try:
            await self._database.write(usage.record, reports, day=day_of(now), now=now)
        except BaseException:
            for run, totals in waiting.items():
                self._waiting[run] = totals | self._waiting.get(run, {})
            raise
        self._written.update(own)
        for (machine, boot), seq in seqs.items():
            # Unless the edge has reported again meanwhile, if only the same.
            if (machine, boot) not in self._waiting:
                del self._seqs[machine, boot]
            self.written(machine, boot, seq)
