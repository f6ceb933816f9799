"""Whether a browser's upgrade may be served here, or belongs to the node that its wing is connected to.

Decided before the upgrade: the node that answers with `fly-replay` must not upgrade, and Fly's proxy then
brings the request to the right one (fly.io/docs: networking/dynamic-request-routing). A request that has been
sent on once is never sent on again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from wingthing.cluster import fly
from wingthing.cluster.caches import SingleFlight
from wingthing.cluster.directory import Change, Directory
from wingthing.cluster.trust import Trust
from wingthing.crypto.node_tokens import Audience
from wingthing.errors import NotAuthenticated, NotFound, PeerError, TemporarilyUnavailable
from wingthing.relay.access import may_reach
from wingthing.relay.orgs import Roster
from wingthing.relay.peers import Identity
from wingthing.wire.gossip import WingUp
from wingthing.wire.internal import Session
from wingthing.wire.limits import MAX_WAITING_UPGRADES, WING_WAIT_SECONDS

SENT_ON_STATUS = 409
"""Fly's proxy takes `fly-replay` from an answer with any status, and a client without that proxy an error."""

OUTCOMES = ("here", "sent on", "arrived", "came back", "not found", "out of reach", "forged")
"""What an upgrade can come to; Placement has the meaning of each."""

Test = Callable[[WingUp], bool]


class Waiting:
    """Upgrades that wait until a wing is where they need it."""

    def __init__(self, clock: IReactorTime, directory: Directory, most: int = MAX_WAITING_UPGRADES) -> None:
        self._clock = clock
        self._directory = directory
        self._most = most
        self._waiting: dict[str, list[tuple[Test, Deferred[WingUp | None]]]] = {}
        self.count = 0
        directory.listeners.append(self._changed)

    async def until(self, wing_id: str, test: Test, seconds: float) -> WingUp | None:
        """The wing's place as soon as `test` likes it; None when it does not within `seconds`, or when too
        many wait already."""
        now = self._directory.current(wing_id)
        if now is not None and test(now):
            return now
        if self.count >= self._most:
            return None
        found: Deferred[WingUp | None] = Deferred()
        entry = (test, found)
        self._waiting.setdefault(wing_id, []).append(entry)
        self.count += 1
        timeout = self._clock.callLater(seconds, self._give_up, found)
        try:
            return await found
        finally:
            # Found, given up, or the browser has left.
            if timeout.active():
                timeout.cancel()
            self.count -= 1
            others = self._waiting[wing_id]
            others.remove(entry)
            if not others:
                del self._waiting[wing_id]

    def _give_up(self, found: Deferred[WingUp | None]) -> None:
        if not found.called:
            found.callback(None)

    def _changed(self, change: Change) -> None:
        after = change.after
        if after is not None:
            self._look(change.wing_id, after)

    def look_again(self) -> None:
        """What the tests go by has changed."""
        for wing_id in list(self._waiting):
            now = self._directory.current(wing_id)
            if now is not None:
                self._look(wing_id, now)

    def _look(self, wing_id: str, now: WingUp) -> None:
        for test, found in list(self._waiting.get(wing_id, ())):
            if not found.called and test(now):
                found.callback(now)


class Placement:
    """Places the browsers that come to this machine.

    `ask(wing_id)` asks login where a wing is (None on login itself); `learn(login, session)` is told of the
    login sessions that another node has vouched for. `count(outcome)` hears how each upgrade fared: its wing
    was `here` or `not found`, it was `sent on` to another node, or its wing is `out of reach` on one that
    does not answer. Of those that a node has sent on it hears before that they have `arrived`, or `came back`
    because no other node took them, or that a client has `forged` them.
    """

    log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        directory: Directory,
        roster: Roster,
        trust: Trust,
        ask: Callable[[str], Awaitable[WingUp | None]] | None,
        learn: Callable[[str, Session], None],
        count: Callable[[str], None],
    ) -> None:
        self._clock = clock
        self._directory = directory
        self._roster = roster
        self._trust = trust
        self._ask = ask
        self._learn = learn
        self._count = count
        self._flight: SingleFlight[WingUp | None] = SingleFlight()
        self.waiting = Waiting(clock, directory)
        roster.listeners.append(lambda change: self.waiting.look_again())

    def welcome(self, header: fly.Header) -> None:
        """Look at a request before its credentials are: one that another node has sent on brings what that
        node knows of its login session, so that login need not be asked, and may be away.

        A client can write these headers too, but not sign them; and it must have the cookie they are for.
        """
        source = header(fly.REPLAY_SOURCE)
        if source is None:
            if fly.was_replayed(header):
                self._count("came back")
            return
        try:
            claims = self._trust.check(fly.fields(source).get("state", ""), Audience.REPLAY)
            passed = msgspec.convert(claims.passed, _Passed)
        except (NotAuthenticated, msgspec.ValidationError):
            self._count("forged")
            return
        self._count("arrived")
        if passed.session is not None:
            self._learn(passed.login, passed.session)

    async def place(self, wing_id: str, identity: Identity, header: fly.Header) -> None:
        """Returns when the browser may be upgraded here.

        Raises PeerError for another answer: with `fly-replay` where the wing is on another machine, 404 with
        `retry` when no node has it within WING_WAIT_SECONDS, 503 when the other machine cannot be reached.
        """
        if not wing_id:
            # The only wing that this user may reach, if it is the only one; otherwise messages will name it.
            reached = self._directory.reachable(self._roster, identity.user_id)
            if len(reached) != 1:
                return
            wing_id = reached[0].record.wing_id
        replayed = fly.was_replayed(header)

        def reachable(entry: WingUp) -> bool:
            return may_reach(self._roster, identity.user_id, entry.record)

        def is_here(entry: WingUp) -> bool:
            return reachable(entry) and entry.machine == self._trust.machine

        found = await self._find(wing_id, reachable)
        if found is not None and not is_here(found) and replayed:
            if fly.did_not_answer(header, found.machine):
                # The wing will be back soon, here or elsewhere.
                left = found.record.connection_id

                def is_back(entry: WingUp) -> bool:
                    return reachable(entry) and (is_here(entry) or entry.record.connection_id != left)

                found = await self.waiting.until(wing_id, is_back, WING_WAIT_SECONDS)
            if found is None or not is_here(found):
                # Where it is, a request of its own gets.
                self._count("out of reach")
                raise TemporarilyUnavailable(
                    "this wing cannot be reached from here at the moment: try again",
                    headers={"Retry-After": "2"},
                    fields={"retry": True},
                )
        if found is None:
            self._count("not found")
            raise NotFound("wing not found", fields={"retry": True})
        if is_here(found):
            self._count("here")
            return
        self._count("sent on")
        state, _jti = self._trust.token(Audience.REPLAY, passed=msgspec.to_builtins(_passed(identity)))
        raise PeerError(
            "this wing is connected to another node",
            status=SENT_ON_STATUS,
            headers={fly.REPLAY: fly.replay_to(found.machine, state)},
        )

    async def _find(self, wing_id: str, reachable: Test) -> WingUp | None:
        until = self._clock.seconds() + WING_WAIT_SECONDS
        known = self._directory.current(wing_id)
        if known is None and self._ask is not None:
            try:
                known = await self._flight.ask(wing_id, lambda: self._asked(wing_id))
            except TemporarilyUnavailable as why:
                self.log.debug("login was not asked for {wing_id}: {why}", wing_id=wing_id, why=why)
            if known is not None and known.machine == self._trust.machine:
                # Login has not heard yet that the wing has left this machine.
                known = None
        if known is not None and reachable(known):
            return known
        # A wing of somebody else takes as long to be refused as one that is not there, whether or not login
        # was asked, and however long login took.
        return await self.waiting.until(wing_id, reachable, max(0.0, until - self._clock.seconds()))

    async def _asked(self, wing_id: str) -> WingUp | None:
        assert self._ask is not None
        return await self._ask(wing_id)


class _Passed(msgspec.Struct, frozen=True, omit_defaults=True):
    """What goes with a request that is sent on: whose login session its cookie is (by the cookie's hash)."""

    login: str = ""
    session: Session | None = None


def _passed(identity: Identity) -> _Passed:
    return _Passed(identity.login, session_of(identity)) if identity.login else _Passed()


def session_of(identity: Identity) -> Session:
    """An identity as one node tells another of it."""
    return Session(
        user_id=identity.user_id,
        display_name=identity.display_name,
        email=identity.email,
        provider=identity.provider,
        avatar_url=identity.avatar_url,
        passkeys=identity.passkeys,
    )
