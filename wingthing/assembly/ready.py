"""Whether the database answers: what `/ready` asks on a node that has one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as TwistedTimeout
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from wingthing.failures import error_words
from wingthing.wire.limits import READY_SECONDS


class DatabaseCheck:
    """Asks the database something small. Whoever asks meanwhile gets the same answer: a database that is
    stuck must not be asked again and again."""

    def __init__(self, clock: IReactorTime, ask: Callable[[], Awaitable[object]]) -> None:
        self._clock = clock
        self._ask = ask
        self._waiting: list[Deferred[str]] = []
        self._asking = False

    async def trouble(self) -> str:
        """What is wrong, in a sentence; empty when nothing is."""
        mine: Deferred[str] = Deferred()
        self._waiting.append(mine)
        mine.addTimeout(READY_SECONDS, self._clock)
        if not self._asking:
            self._asking = True
            asking: Deferred[str] = Deferred.fromCoroutine(self._question())
            asking.addErrback(_words).addCallback(self._answered)
        try:
            return await mine
        except TwistedTimeout:
            return f"the database does not answer within {READY_SECONDS:g} s"

    async def _question(self) -> str:
        await self._ask()
        return ""

    def _answered(self, trouble: str) -> None:
        self._asking = False
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            if not each.called:
                each.callback(trouble)


def _words(failure: Failure) -> str:
    return f"the database cannot be read: {error_words(failure.value)}"
