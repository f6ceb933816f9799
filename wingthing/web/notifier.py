"""Sends the calls of terminals to their users, in the background: nothing that relays ever waits for it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, DeferredList
from twisted.logger import Logger
from twisted.python.failure import Failure

from wingthing.errors import PeerError
from wingthing.relay.calls import EXIT, Call
from wingthing.relay.rates import Limiter, Rate
from wingthing.store import notifications
from wingthing.store.pool import Database
from wingthing.web.notice import notice_of
from wingthing.web.ntfy import NtfySender
from wingthing.web.push import PushSender
from wingthing.wire.account_limits import (
    MAX_WAITING_NOTIFICATIONS,
    NOTIFICATION_WINDOW_SECONDS,
    NOTIFICATION_WORKERS,
    NOTIFICATIONS_PER_ACCOUNT,
)
from wingthing.wire.records import WingRecord

Waiting = tuple[str, Call]
"""A wing id, and what one of its terminals calls for."""


class Notifier:
    """A queue of bounded length, from which each user's calls are sent one after the other.

    So a push service that is slow delays those who use it, and not everybody.
    """

    log = Logger()

    def __init__(
        self,
        database: Database,
        ntfy: NtfySender,
        push: PushSender,
        seconds: Callable[[], float],
        base_url: Callable[[], str],
    ) -> None:
        self.ntfy = ntfy
        self.push = push
        self.dropped = 0
        """Calls that nobody was told of, because there were too many."""

        self._database = database
        self._seconds = seconds
        self._base_url = base_url
        rate = Rate(NOTIFICATIONS_PER_ACCOUNT, NOTIFICATION_WINDOW_SECONDS)
        self._often = Limiter(seconds, rate)
        self._waiting: dict[str, deque[Waiting]] = {}
        """By user; who waits longest comes first."""

        self._length = 0
        self._at_work: dict[str, Deferred[None]] = {}
        self._stopped = False

    def called(self, record: WingRecord, call: Call) -> None:
        """A terminal calls: for the owner of its wing, and for whoever has it open."""
        for user_id in dict.fromkeys((record.user_id, call.controller)):
            if user_id and not self._stopped:
                self._add(user_id, (record.wing_id, call))
        self._work()

    def stop(self) -> None:
        """Send nothing more."""
        self._stopped = True
        self._waiting.clear()
        self._length = 0
        for job in list(self._at_work.values()):
            job.cancel()

    def _add(self, user_id: str, what: Waiting) -> None:
        if self._length >= MAX_WAITING_NOTIFICATIONS:
            self.dropped += 1
            if self.dropped == 1:
                self.log.warn("more terminals call than notifications can be sent: some are dropped")
            return
        self._waiting.setdefault(user_id, deque()).append(what)
        self._length += 1

    def _work(self) -> None:
        while len(self._at_work) < NOTIFICATION_WORKERS:
            user_id = next((user for user in self._waiting if user not in self._at_work), None)
            if user_id is None:
                return
            self._next(user_id)

    def _next(self, user_id: str) -> None:
        line = self._waiting.pop(user_id)
        wing_id, call = line.popleft()
        self._length -= 1
        if line:
            # To the end of the line of users.
            self._waiting[user_id] = line
        job = Deferred.fromCoroutine(self._send(user_id, wing_id, call))
        job.addErrback(self._failed)
        if not job.called:
            self._at_work[user_id] = job
            job.addCallback(lambda _result: self._done(user_id))

    def _done(self, user_id: str) -> None:
        del self._at_work[user_id]
        if not self._stopped:
            self._work()

    def _failed(self, failure: Failure) -> None:
        # A database that is busy, or the end of this node: the user looks at the terminal later.
        if not failure.check(CancelledError, PeerError):
            self.log.failure("a notification could not be sent", failure=failure)

    async def _send(self, user_id: str, wing_id: str, call: Call) -> None:
        # Most users want none, and then nothing is to be written.
        if not await self._database.read(notifications.wants, user_id, call.kind, now=self._seconds()):
            return
        if not self._often.take(user_id):
            self.dropped += 1
            return
        episode: tuple[str, ...] = ()
        if call.kind == EXIT or call.nonce:
            episode = (wing_id, call.session_id, call.nonce)
        targets = await self._database.write(
            notifications.begin, user_id, call.kind, wing_id, episode, now=self._seconds()
        )
        if targets is None:
            self._often.give_back(user_id)
            return
        notice = notice_of(call, targets.label, self._base_url())
        sending = [
            self._one("Web Push", self.push.send(browser, notice)) for browser in targets.subscriptions
        ]
        if targets.ntfy is not None:
            sending.insert(0, self._one("ntfy", self.ntfy.send(targets.ntfy, notice)))
        # At once: a user whose services answer nothing takes as much of our time as one who has one of them.
        all_sent: Deferred[Any] = DeferredList(map(Deferred.fromCoroutine, sending), consumeErrors=True)
        for _sent, failure in await all_sent:
            if isinstance(failure, Failure):
                failure.raiseException()

    async def _one(self, way: str, sending: Coroutine[Any, Any, object]) -> None:
        try:
            await sending
        except PeerError as why:
            self.log.info("a notification by {way} was not taken: {why}", way=way, why=str(why))
