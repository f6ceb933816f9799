"""An edge's side at work: says hello to login when it starts, and again when it has news to fetch."""

from __future__ import annotations

from typing import Protocol

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from wingthing.cluster.client import Reply
from wingthing.cluster.gossip_edge import EdgeGossip
from wingthing.errors import NotFound, TemporarilyUnavailable
from wingthing.wire.internal import HELLO_PATH, Hello
from wingthing.wire.limits import (
    DIRECTORY_STALE_SECONDS,
    GOSSIP_SECONDS,
    INTERNAL_TIMEOUT_SECONDS,
    NUDGE_COALESCE_SECONDS,
)


class AsksLogin(Protocol):
    """What is needed of LoginClient."""

    async def post(self, path: str, body: object, *, seconds: float) -> Reply: ...


class Reporter(Service):
    """Tells login that this edge is here. Login then begins a round, and that takes the news."""

    log = Logger()

    def __init__(self, clock: IReactorTime, gossip: EdgeGossip, login: AsksLogin) -> None:
        self._clock = clock
        self._gossip = gossip
        self._login = login
        self._due: IDelayedCall | None = None
        self._busy = False
        self._again = False
        self._started_at = 0.0
        self._told = False
        self._heard_before: float | None = None
        self._why_not = ""
        gossip.log.appended = self._news

    @property
    def silent_seconds(self) -> float:
        """How long login has not been heard; since the start when never."""
        heard = self._gossip.heard_at
        return self._clock.seconds() - (self._started_at if heard is None else heard)

    @property
    def why_not(self) -> str:
        """Why login could not be told that this edge is here; empty once it has been heard."""
        return self._why_not if self._gossip.heard_at is None else ""

    @property
    def stale(self) -> bool:
        """Whether login has not been heard for so long that the directory may be wrong."""
        return self.silent_seconds >= DIRECTORY_STALE_SECONDS

    def startService(self) -> None:
        super().startService()
        self._started_at = self._clock.seconds()
        self._schedule(0)

    def stopService(self) -> None:
        super().stopService()
        if self._due is not None and self._due.active():
            self._due.cancel()

    def report_now(self) -> None:
        """Have login fetch what there is, whether or not it is news."""
        self._again = self._busy
        self._schedule(0)

    def _news(self) -> None:
        if not self._login_comes:
            self._schedule(NUDGE_COALESCE_SECONDS)

    @property
    def _login_comes(self) -> bool:
        """Whether login has been told and not heard since: its round will take all that there is by then."""
        return self._told and self._gossip.heard_at == self._heard_before

    def _schedule(self, seconds: float) -> None:
        """See to it that login is told in `seconds` at the latest."""
        if not self.running or self._busy:
            # What comes while login is being told is seen at the end of that.
            return
        if self._due is not None and self._due.active():
            if self._due.getTime() <= self._clock.seconds() + seconds:
                return
            self._due.cancel()
        self._due = self._clock.callLater(seconds, self._begin)

    def _begin(self) -> None:
        self._busy, self._told = True, False
        self._heard_before = self._gossip.heard_at
        saying = Deferred.fromCoroutine(self._say_hello(self._gossip.log.seq))
        saying.addErrback(lambda failure: self.log.failure("login was not told", failure=failure))

    async def _say_hello(self, seq: int) -> None:
        pause = NUDGE_COALESCE_SECONDS
        try:
            await self._login.post(
                HELLO_PATH, Hello(boot=self._gossip.boot), seconds=INTERNAL_TIMEOUT_SECONDS
            )
            self._told = True
        except (TemporarilyUnavailable, NotFound) as why:
            # LoginWatch says it once; here it would be said every two seconds.
            self.log.debug("login was not told: {why}", why=why)
            self._why_not = str(why)
            pause = GOSSIP_SECONDS
        finally:
            self._busy = False
        # Until login has been heard at all it may not know of this edge; later its own rounds come anyway.
        again, self._again = self._again, False
        if self._gossip.heard_at is None:
            self._schedule(GOSSIP_SECONDS)
        elif again or (self._gossip.log.seq != seq and self._gossip.has_news and not self._login_comes):
            self._schedule(pause)
