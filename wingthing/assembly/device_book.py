"""Notes which machines are connected, as the use of their logins: a wing that stays connected for weeks shows
its token once, and where it shows it to an edge, this node does not see it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Final

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from wingthing.errors import TemporarilyUnavailable
from wingthing.store import tokens
from wingthing.store.pool import Database
from wingthing.wire.limits import DEVICE_TOUCH_SECONDS
from wingthing.wire.records import WingRecord

TOGETHER: Final = 500
"""Wings in one transaction, so that other writers get their turn."""


class DeviceBook(Service):
    """Looks every DEVICE_TOUCH_SECONDS at `online()`, the wings that are connected to any node."""

    log = Logger()

    def __init__(
        self, clock: IReactorTime, database: Database, online: Callable[[], Iterable[WingRecord]]
    ) -> None:
        self._clock = clock
        self._database = database
        self._online = online
        self._loop = LoopingCall(self._look)
        self._loop.clock = clock

    def startService(self) -> None:
        super().startService()
        self._loop.start(DEVICE_TOUCH_SECONDS, now=False)

    def stopService(self) -> None:
        super().stopService()
        if self._loop.running:
            self._loop.stop()

    def _look(self) -> Deferred[None]:
        # A loop ends for ever at the first failure that it is told of.
        looking = Deferred.fromCoroutine(self._note())
        return looking.addErrback(
            lambda failure: self.log.failure("machines in use were not noted", failure=failure)
        )

    async def _note(self) -> None:
        # All at once, and not while it is written: the tables change meanwhile.
        online = iter([(record.user_id, record.wing_id) for record in self._online()])
        now = self._clock.seconds()
        try:
            while some := list(islice(online, TOGETHER)):
                await self._database.write(tokens.touch_online, some, now=now)
        except TemporarilyUnavailable:
            self.log.info("the database is busy: machines in use are noted the next time")
