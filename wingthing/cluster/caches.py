"""What an edge remembers of what login has told it: login sessions, and what each user may do."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from typing import Generic, Protocol, TypeVar

import msgspec
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from wingthing.cluster.client import NOT_MODIFIED, Reply, decode
from wingthing.errors import NotFound, TemporarilyUnavailable
from wingthing.relay.orgs import Roster
from wingthing.wire.gossip import PasskeysChanged, Revoked, RevokedKind
from wingthing.wire.internal import ENTITLEMENTS_PATH, Entitlement, Entitlements, Session
from wingthing.wire.limits import (
    ENTITLEMENTS_SECONDS,
    GOSSIP_SECONDS,
    INTERNAL_TIMEOUT_SECONDS,
    INTERNAL_TOKEN_SECONDS,
    MAX_CACHED_SESSIONS,
    SESSION_CACHE_SECONDS,
    SESSION_GRACE_SECONDS,
    SESSION_NEGATIVE_SECONDS,
)

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Asks once where many ask for the same at the same time."""

    def __init__(self) -> None:
        self._asking: dict[str, list[Deferred[T]]] = {}

    def ask(self, key: str, question: Callable[[], Awaitable[T]]) -> Deferred[T]:
        """The answer to `question`, or to the one that is under way for this key; fails as it fails."""
        mine: Deferred[T] = Deferred()
        waiting = self._asking.get(key)
        if waiting is not None:
            waiting.append(mine)
            return mine
        self._asking[key] = [mine]
        # Whoever asked first may lose interest: the question is not theirs alone, and goes on.
        asked: Deferred[T] = Deferred.fromCoroutine(_coroutine(question))
        asked.addBoth(self._answered, key)
        return mine

    def _answered(self, result: T | Failure, key: str) -> None:
        for waiting in self._asking.pop(key):
            if waiting.called:
                continue
            if isinstance(result, Failure):
                waiting.errback(result)
            else:
                waiting.callback(result)


async def _coroutine(question: Callable[[], Awaitable[T]]) -> T:
    return await question()


class SessionCache:
    """Whose a login session is. `ask(hash)` asks login; it raises NotFound when there is no such session.

    Answers are believed for SESSION_CACHE_SECONDS, that there is none for SESSION_NEGATIVE_SECONDS; an answer
    that cannot be renewed, because login is away, for SESSION_GRACE_SECONDS more.
    """

    def __init__(
        self, clock: IReactorTime, ask: Callable[[str], Awaitable[Session]], most: int = MAX_CACHED_SESSIONS
    ) -> None:
        self._clock = clock
        self._ask = ask
        self._most = most
        self._known: dict[str, tuple[Session | None, float]] = {}
        self._flight: SingleFlight[Session | None] = SingleFlight()
        self._epoch = 0
        self.hits = 0
        self.misses = 0

    def __len__(self) -> int:
        return len(self._known)

    async def find(self, login: str) -> Session | None:
        """The session of that hash, None when there is none. Raises TemporarilyUnavailable."""
        known = self._known.get(login)
        if known is not None and known[1] > self._clock.seconds():
            self.hits += 1
            return known[0]
        self.misses += 1
        return await self._flight.ask(login, lambda: self._fetch(login))

    async def _fetch(self, login: str) -> Session | None:
        epoch = self._epoch
        session: Session | None
        try:
            session, seconds = await self._ask(login), SESSION_CACHE_SECONDS
        except NotFound:
            session, seconds = None, SESSION_NEGATIVE_SECONDS
        except TemporarilyUnavailable:
            # Nothing ends a session while login is away, and what ended before is not here any more.
            known = self._known.get(login)
            if known is None or known[0] is None:
                raise
            if known[1] + SESSION_GRACE_SECONDS <= self._clock.seconds():
                raise
            return known[0]
        if self._epoch == epoch:
            # Otherwise something was revoked while the answer was on its way.
            self._keep(login, session, seconds)
        return session

    def learn(self, login: str, session: Session) -> None:
        """Another node has vouched for a session just now; it is believed for a shorter time."""
        known = self._known.get(login)
        if known is None or known[1] <= self._clock.seconds():
            self._keep(login, session, INTERNAL_TOKEN_SECONDS)

    def _keep(self, login: str, session: Session | None, seconds: float) -> None:
        self._known.pop(login, None)
        while len(self._known) >= self._most:
            del self._known[next(iter(self._known))]
        self._known[login] = (session, self._clock.seconds() + seconds)

    def revoked(self, event: Revoked) -> None:
        """Forget what does not count any more."""
        if event.kind is RevokedKind.LOGIN:
            self._epoch += 1
            self._known.pop(event.subject, None)
        elif event.kind is RevokedKind.USER:
            self._epoch += 1
            ended = [
                login
                for login, (session, _until) in self._known.items()
                if session is not None and session.user_id == event.subject
            ]
            for login in ended:
                del self._known[login]

    def passkeys_changed(self, event: PasskeysChanged) -> None:
        """A user has other passkeys: an answer that is on its way may not know of it, those that are here now
        do."""
        self._epoch += 1
        for login, (session, until) in self._known.items():
            if session is not None and session.user_id == event.user_id:
                session = msgspec.structs.replace(session, passkeys=tuple(event.keys))
                self._known[login] = (session, until)


class AsksLogin(Protocol):
    """What is needed of LoginClient."""

    async def get(self, path: str, *, etag: str, seconds: float) -> Reply: ...


class EntitlementCache(Service):
    """The users of the fleet, and its organisations, which go into `roster`: asked for every
    ENTITLEMENTS_SECONDS; unchanged, that costs a 304.

    What gossip says of an organisation while an answer is on its way is newer than the answer (login says a
    change before it answers with it): `org_said` must hear of it. And an answer that is the same as the last
    one says nothing of what has been heard since, so the next one has to come whole.
    """

    log = Logger()

    def __init__(self, clock: IReactorTime, login: AsksLogin, roster: Roster) -> None:
        self._login = login
        self._roster = roster
        self._etag = ""
        self._said: set[str] = set()
        self._asking = False
        self._again = False
        self._wanted = False
        self._retry: IDelayedCall | None = None
        self._clock = clock
        self._users: dict[str, Entitlement] = {}
        self._loop = LoopingCall(self._poll)
        self._loop.clock = clock
        self.heard: Callable[[Entitlements], None] = lambda told: None
        """Called with every answer that is not the same as the one before."""

        self.warm = False
        """Whether login has answered at least once."""

        self.unchanged = 0
        self.changed = 0
        self.failed = 0
        self._failing = False

    def startService(self) -> None:
        super().startService()
        self._loop.start(ENTITLEMENTS_SECONDS)

    def stopService(self) -> None:
        super().stopService()
        if self._loop.running:
            self._loop.stop()
        if self._retry is not None and self._retry.active():
            self._retry.cancel()

    def find(self, user_id: str) -> Entitlement | None:
        """A user; None for one that login did not know at the last poll."""
        return self._users.get(user_id)

    def poll_now(self) -> None:
        """Ask at once: login has just been heard for the first time, or again. Where an answer is on its way,
        another one after it; and soon again where there is none: until then somebody may be let in who has
        been removed."""
        if self._loop.running:
            self._wanted = True
            self._loop.reset()
            self._poll()

    def org_said(self, org_id: str) -> None:
        """Gossip has told of an organisation; of which is empty when it did not say how it is now."""
        self._etag = ""
        self._said.add(org_id)
        if not org_id:
            self.poll_now()

    def _poll(self) -> Deferred[None]:
        polling = Deferred.fromCoroutine(self._fetch())
        return polling.addErrback(
            lambda failure: self.log.failure("entitlements were not asked for", failure=failure)
        )

    async def _fetch(self) -> None:
        self._again = True
        if self._asking:
            return
        self._asking = True
        try:
            while self._again:
                self._again = False
                await self._fetch_once()
        finally:
            self._asking = False

    async def _fetch_once(self) -> None:
        self._said.clear()
        try:
            reply = await self._login.get(
                ENTITLEMENTS_PATH, etag=self._etag, seconds=INTERNAL_TIMEOUT_SECONDS
            )
            told = None if reply.status == NOT_MODIFIED else decode(reply, Entitlements)
        except (TemporarilyUnavailable, NotFound) as why:
            self.failed += 1
            if not self._failing:
                self.log.info("entitlements were not renewed: {why}", why=why)
            self._failing = True
            if self._wanted and (self._retry is None or not self._retry.active()):
                self._retry = self._clock.callLater(GOSSIP_SECONDS, self.poll_now)
            return
        self._failing = False
        self._wanted = self._again
        if told is None:
            self.unchanged += 1
            return
        self.changed += 1
        self.warm = True
        self._etag = "" if self._said else reply.etag
        self._users = {user.user_id: user for user in told.users}
        self.heard(told)
        if told.orgs is not None:
            self._roster.take(told.orgs, but=self._said)


def entitlements_body(told: Entitlements) -> tuple[bytes, str]:
    """The answer to a poll, and its ETag."""
    body = msgspec.json.encode(told)
    return body, f'"{hashlib.sha256(body).hexdigest()[:32]}"'
