"""Notes which machines are connected, as the use of their logins: a wing that stays connected for weeks shows
its token once, and where it shows it to an edge, this node does not see it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Final

from twisted.internet.interfaces import IReactorTime

from wingthing.assembly.periodic import Periodic
from wingthing.store import tokens
from wingthing.store.pool import Database
from wingthing.wire.limits import DEVICE_TOUCH_SECONDS
from wingthing.wire.records import WingRecord

TOGETHER: Final = 500
"""Wings in one transaction, so that other writers get their turn."""


class DeviceBook(Periodic):
    """Looks every DEVICE_TOUCH_SECONDS at `online()`, the wings that are connected to any node."""

    seconds = DEVICE_TOUCH_SECONDS
    what = "notes of machines in use"

    def __init__(
        self, clock: IReactorTime, database: Database, online: Callable[[], Iterable[WingRecord]]
    ) -> None:
        super().__init__(clock)
        self._database = database
        self._online = online

    async def work(self) -> None:
        # All at once, and not while it is written: the tables change meanwhile.
        online = iter([(record.user_id, record.wing_id) for record in self._online()])
        now = self._clock.seconds()
        while some := list(islice(online, TOGETHER)):
            await self._database.write(tokens.touch_online, some, now=now)
