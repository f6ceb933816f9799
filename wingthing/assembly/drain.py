"""The end of a node: everybody is told, given a moment, and then closed."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from wingthing.relay.router import Router

GRACE_SECONDS = 1.0
"""How long peers have to leave by themselves after `relay.restart`."""

LOOK_SECONDS = 0.05

log = Logger()


async def drain(clock: IReactorTime, router: Router, most_seconds: float) -> None:
    """Send `relay.restart`, close what has not left after a moment, and wait until all sockets are gone.

    Answers after `most_seconds` at the latest, and at once when nothing is open.
    """
    started = clock.seconds()
    router.announce_restart()
    closed = False
    while router.open_sockets:
        waited = clock.seconds() - started
        if waited >= most_seconds:
            log.warn("{count} sockets did not close in time", count=router.open_sockets)
            return
        if waited >= GRACE_SECONDS and not closed:
            closed = True
            router.close_all()
        pause: Deferred[None] = deferLater(clock, LOOK_SECONDS, lambda: None)
        await pause
