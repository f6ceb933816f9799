"""Ends the sockets of users who have been removed while they were connected.

`wt user remove` works on the database, beside the server: the server has to look.
"""

from __future__ import annotations

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from wingthing.errors import TemporarilyUnavailable
from wingthing.relay.router import Router
from wingthing.store import users
from wingthing.store.pool import Database
from wingthing.wire.limits import ACCOUNT_CHECK_SECONDS


class AccountWatch(Service):
    """Looks every ACCOUNT_CHECK_SECONDS."""

    log = Logger()

    def __init__(self, clock: IReactorTime, database: Database, router: Router) -> None:
        self._database = database
        self._router = router
        self._loop = LoopingCall(self._look)
        self._loop.clock = clock

    def startService(self) -> None:
        super().startService()
        self._loop.start(ACCOUNT_CHECK_SECONDS, now=False)

    def stopService(self) -> None:
        super().stopService()
        if self._loop.running:
            self._loop.stop()

    def _look(self) -> Deferred[None]:
        # A loop ends for ever at the first failure that it is told of.
        looking = Deferred.fromCoroutine(self._end_removed())
        return looking.addErrback(
            lambda failure: self.log.failure("accounts were not checked", failure=failure)
        )

    async def _end_removed(self) -> None:
        connected = self._router.connected_users()
        if not connected:
            return
        try:
            removed = await self._database.read(users.removed, connected)
        except TemporarilyUnavailable:
            self.log.info("the database is busy: accounts are checked the next time")
            return
        for user_id in removed:
            self.log.info("{user_id} has been removed: closing their sockets", user_id=user_id)
            self._router.end_user(user_id)
