"""What an edge remembers of what login said: for how long, how much, and what ends it before that."""

from __future__ import annotations

from typing import Any

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from tests.cluster.case import revoked
from wingthing.cluster.caches import EntitlementCache, SessionCache, SingleFlight, entitlements_body
from wingthing.cluster.client import Reply
from wingthing.errors import NotFound, TemporarilyUnavailable
from wingthing.wire.gossip import RevokedKind
from wingthing.wire.internal import ENTITLEMENTS_PATH, Entitlement, Session, Tier
from wingthing.wire.limits import (
    ENTITLEMENTS_SECONDS,
    INTERNAL_TOKEN_SECONDS,
    SESSION_CACHE_SECONDS,
    SESSION_GRACE_SECONDS,
    SESSION_NEGATIVE_SECONDS,
)

ANN, EVE = Session(user_id="ann"), Session(user_id="eve")


class FakeLogin:
    """Login, for the sessions that it knows. `hold()`: it answers only when `answer` is called."""

    def __init__(self) -> None:
        self.sessions: dict[str, Session] = {}
        self.away = False
        self.asked: list[str] = []
        self._held: list[Deferred[None]] | None = None

    async def session(self, login: str) -> Session:
        self.asked.append(login)
        if self._held is not None:
            waiting: Deferred[None] = Deferred()
            self._held.append(waiting)
            found = self.sessions.get(login)
            await waiting
        else:
            found = self.sessions.get(login)
        if self.away:
            raise TemporarilyUnavailable("login is away")
        if found is None:
            raise NotFound("no such session")
        return found

    def hold(self) -> None:
        self._held = []

    def answer(self) -> None:
        held, self._held = self._held or [], None
        for waiting in held:
            waiting.callback(None)


class SingleFlightTests(TestCase):
    def setUp(self) -> None:
        self.flight: SingleFlight[str] = SingleFlight()
        self.asked = 0
        self.answer: Deferred[str] = Deferred()

    async def question(self) -> str:
        self.asked += 1
        return await self.answer

    def ask(self, key: str = "k") -> Deferred[str]:
        return self.flight.ask(key, self.question)

    def test_many_ask_and_one_question_goes_out(self) -> None:
        waiting = [self.ask() for _ in range(1000)]
        self.assertEqual(self.asked, 1)
        self.answer.callback("yes")
        self.assertEqual([self.successResultOf(each) for each in waiting], ["yes"] * 1000)

    def test_a_failure_is_everybodys_and_the_next_one_asks_again(self) -> None:
        waiting = [self.ask() for _ in range(3)]
        self.answer.errback(TemporarilyUnavailable("away"))
        for each in waiting:
            self.failureResultOf(each, TemporarilyUnavailable)
        self.answer = Deferred()
        again = self.ask()
        self.answer.callback("yes")
        self.assertEqual((self.successResultOf(again), self.asked), ("yes", 2))

    def test_who_loses_interest_takes_nothing_from_the_others(self) -> None:
        first, second, third = (self.ask() for _ in range(3))
        for each in (first, third):
            each.cancel()
            self.failureResultOf(each)
        self.answer.callback("yes")
        self.assertEqual(self.successResultOf(second), "yes")

    def test_an_answer_that_nobody_wants_any_more_is_no_error(self) -> None:
        lonely = self.ask()
        lonely.cancel()
        self.failureResultOf(lonely)
        self.answer.errback(TemporarilyUnavailable("away"))
        self.assertEqual(self.flushLoggedErrors(), [])
        self.answer = Deferred()
        self.ask()
        self.assertEqual(self.asked, 2, "and the next question goes out")

    def test_other_keys_are_other_questions(self) -> None:
        self.ask("a"), self.ask("b")
        self.assertEqual(self.asked, 2)


class SessionCacheTests(TestCase):
    def setUp(self) -> None:
        self.clock, self.login = Clock(), FakeLogin()
        self.login.sessions = {"a": ANN}
        self.cache = SessionCache(self.clock, self.login.session, most=3)

    def begin(self, login: str = "a") -> Deferred[Session | None]:
        return Deferred.fromCoroutine(self.cache.find(login))

    def find(self, login: str = "a") -> Session | None:
        return self.successResultOf(self.begin(login))

    def revoke(self, kind: RevokedKind, subject: str) -> None:
        self.cache.revoked(revoked(subject, kind))

    def test_an_answer_is_believed_for_five_minutes(self) -> None:
        for seconds in (0, 1, SESSION_CACHE_SECONDS - 1.5):
            self.clock.advance(seconds)
            self.assertEqual(self.find(), ANN)
        self.assertEqual((self.login.asked, self.cache.misses, self.cache.hits), (["a"], 1, 2))
        self.clock.advance(0.5)
        self.login.sessions.clear()
        self.assertIsNone(self.find())

    def test_that_there_is_none_for_ten_seconds(self) -> None:
        self.assertIsNone(self.find("b"))
        self.login.sessions["b"] = EVE
        self.clock.advance(SESSION_NEGATIVE_SECONDS - 0.1)
        self.assertIsNone(self.find("b"))
        self.clock.advance(0.1)
        self.assertEqual((self.find("b"), self.login.asked), (EVE, ["b", "b"]))

    def test_a_thousand_at_the_same_time_cost_one_question(self) -> None:
        self.login.hold()
        waiting = [self.begin() for _ in range(1000)]
        self.login.answer()
        self.assertEqual([self.successResultOf(each) for each in waiting], [ANN] * 1000)
        self.assertEqual(self.login.asked, ["a"])

    def test_login_away_is_not_remembered_as_an_answer(self) -> None:
        self.login.away = True
        self.failureResultOf(self.begin(), TemporarilyUnavailable)
        self.login.away = False
        self.assertEqual(self.find(), ANN)
        self.login.away = True
        self.assertEqual(self.find(), ANN, "what is known counts with login away too")

    def test_what_cannot_be_renewed_is_believed_for_five_minutes_more(self) -> None:
        self.find()
        self.clock.advance(SESSION_CACHE_SECONDS)
        self.login.away = True
        for seconds in (0, SESSION_GRACE_SECONDS - 0.1):
            self.clock.advance(seconds)
            self.assertEqual(self.find(), ANN)
        self.assertEqual(len(self.login.asked), 3, "login is asked first, each time")
        self.clock.advance(0.1)
        self.failureResultOf(self.begin(), TemporarilyUnavailable)
        self.login.away = False
        self.assertEqual(self.find(), ANN)

    def test_what_has_ended_is_not_believed_with_login_away(self) -> None:
        self.login.sessions["b"] = ANN
        self.find("a"), self.find("b"), self.find("none")
        self.clock.advance(SESSION_CACHE_SECONDS)
        self.login.away = True
        self.revoke(RevokedKind.LOGIN, "a")
        self.failureResultOf(self.begin("a"), TemporarilyUnavailable)
        self.failureResultOf(self.begin("none"), TemporarilyUnavailable)
        self.login.hold()
        waiting = self.begin("b")
        self.revoke(RevokedKind.USER, "ann")
        self.login.answer()
        self.failureResultOf(waiting, TemporarilyUnavailable)

    def test_what_login_takes_back_is_not_believed_when_it_goes_away_again(self) -> None:
        self.find()
        self.clock.advance(SESSION_CACHE_SECONDS)
        self.login.sessions.clear()
        self.assertIsNone(self.find())
        self.clock.advance(SESSION_NEGATIVE_SECONDS)
        self.login.away = True
        self.failureResultOf(self.begin(), TemporarilyUnavailable)

    def test_it_is_bounded_and_the_oldest_goes_first(self) -> None:
        self.login.sessions = dict.fromkeys("abcdefgh", ANN)
        for name in "abcdefgh":
            self.find(name)
            self.assertLessEqual(len(self.cache), 3)
        self.login.asked.clear()
        for name in "fgh":
            self.find(name)
        self.assertEqual(self.login.asked, [])
        for name in ("x", "y", "z"):
            self.find(name)
        self.assertEqual(len(self.cache), 3, "who guesses has no more room than that")

    def test_who_was_asked_for_again_is_not_the_oldest(self) -> None:
        self.login.sessions = dict.fromkeys("abcd", ANN)
        for name in "abc":
            self.find(name)
        self.clock.advance(SESSION_CACHE_SECONDS)
        for name in "ad":
            self.find(name)
        self.login.asked.clear()
        self.find("a")
        self.assertEqual(self.login.asked, [])

    def test_a_session_that_ends_is_forgotten_at_once(self) -> None:
        self.login.sessions = {"a": ANN, "b": ANN, "e": EVE}
        for name in "abe":
            self.find(name)
        self.login.sessions.clear()
        self.revoke(RevokedKind.LOGIN, "a")
        self.assertEqual((self.find("a"), self.find("b"), self.find("e")), (None, ANN, EVE))
        self.revoke(RevokedKind.USER, "ann")
        self.assertEqual((self.find("b"), self.find("e")), (None, EVE))
        for kind in (RevokedKind.TOKEN, RevokedKind.TOKENS):
            self.revoke(kind, "eve")
        self.assertEqual(self.find("e"), EVE, "a cookie is no token")

    def test_an_answer_that_was_on_its_way_when_something_ended_is_not_kept(self) -> None:
        for kind, subject in ((RevokedKind.LOGIN, "a"), (RevokedKind.USER, "ann")):
            self.login.sessions = {"a": ANN}
            self.login.hold()
            waiting = self.begin()
            self.revoke(kind, subject)
            self.login.answer()
            self.successResultOf(waiting)
            self.login.sessions.clear()
            self.assertIsNone(self.find(), kind)
            self.clock.advance(SESSION_NEGATIVE_SECONDS)

    def test_what_another_node_vouches_for_is_believed_for_a_minute(self) -> None:
        self.login.away = True
        self.cache.learn("b", EVE)
        self.clock.advance(INTERNAL_TOKEN_SECONDS - 1)
        self.assertEqual(self.find("b"), EVE)
        self.clock.advance(1)
        self.assertEqual((self.find("b"), self.login.asked), (EVE, ["b"]), "asked for, and login is away")
        self.clock.advance(SESSION_GRACE_SECONDS)
        self.failureResultOf(self.begin("b"), TemporarilyUnavailable)
        self.cache.learn("b", EVE)
        self.assertEqual(self.find("b"), EVE, "vouched for anew")

    def test_nobody_vouches_against_what_login_has_said(self) -> None:
        self.find("a")
        self.assertIsNone(self.find("gone"))
        for name in ("a", "gone"):
            self.cache.learn(name, EVE)
        self.assertEqual((self.find("a"), self.find("gone")), (ANN, None))
        self.assertEqual(self.login.asked, ["a", "gone"])


class FakePolls:
    """Login, for the entitlements. `waiting` set: it answers when that fires."""

    def __init__(self) -> None:
        self.users = [Entitlement(user_id="ann", tier=Tier.PRO, display_name="Ann")]
        self.failure: Exception | None = None
        self.body: bytes | None = None
        self.asked: list[str] = []

    async def get(self, path: str, *, etag: str, seconds: float) -> Reply:
        assert path == ENTITLEMENTS_PATH
        self.asked.append(etag)
        if self.failure is not None:
            raise self.failure
        body, current = entitlements_body(self.users)
        if etag == current:
            return Reply("login", 304, b"", current)
        return Reply("login", 200, body if self.body is None else self.body, current)


class EntitlementCacheTests(TestCase):
    def setUp(self) -> None:
        self.clock, self.login = Clock(), FakePolls()
        self.cache = EntitlementCache(self.clock, self.login)

    def start(self) -> None:
        self.cache.startService()
        self.addCleanup(self.cache.stopService)

    def name(self, user_id: str = "ann") -> str | None:
        found = self.cache.find(user_id)
        return found.display_name if found is not None else None

    def test_it_is_asked_for_at_the_start_and_then_every_minute(self) -> None:
        self.assertFalse(self.cache.warm)
        self.start()
        self.assertEqual((self.name(), self.name("eve"), self.cache.warm), ("Ann", None, True))
        self.login.users = [Entitlement(user_id="eve", tier=Tier.FREE, display_name="Eve")]
        self.clock.advance(ENTITLEMENTS_SECONDS - 1)
        self.assertEqual(self.name(), "Ann")
        self.clock.advance(1)
        self.assertEqual((self.name(), self.name("eve")), (None, "Eve"))

    def test_what_has_not_changed_is_not_sent(self) -> None:
        self.start()
        self.clock.pump([ENTITLEMENTS_SECONDS] * 3)
        etag = entitlements_body(self.login.users)[1]
        self.assertEqual(self.login.asked, ["", etag, etag, etag])
        self.assertEqual((self.cache.changed, self.cache.unchanged, self.name()), (1, 3, "Ann"))

    def test_login_away_or_talking_nonsense_leaves_what_was_known(self) -> None:
        self.start()
        bad: list[tuple[Exception | None, bytes | None]] = [
            (TemporarilyUnavailable("away"), None),
            (NotFound("an older login"), None),
            (None, b"{"),
            (None, b'{"users":[{"user_id":"ann","tier":"emperor"}]}'),
        ]
        for failure, body in bad:
            self.login.users = []
            self.login.failure, self.login.body = failure, body
            self.clock.advance(ENTITLEMENTS_SECONDS)
            self.assertEqual(self.name(), "Ann")
        self.login.failure = self.login.body = None
        self.clock.advance(ENTITLEMENTS_SECONDS)
        self.assertIsNone(self.name(), "it goes on")

    def test_a_bug_does_not_end_the_asking(self) -> None:
        self.start()
        self.login.failure = RuntimeError("a bug")
        self.clock.advance(ENTITLEMENTS_SECONDS)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.login.failure = None
        self.clock.advance(ENTITLEMENTS_SECONDS)
        self.assertEqual(self.cache.unchanged, 1)

    def test_at_once_when_login_has_been_heard(self) -> None:
        self.login.failure = TemporarilyUnavailable("away")
        self.start()
        self.assertFalse(self.cache.warm)
        self.login.failure = None
        self.clock.advance(5)
        self.cache.poll_now()
        self.assertTrue(self.cache.warm)
        asked = len(self.login.asked)
        self.clock.advance(ENTITLEMENTS_SECONDS - 1)
        self.assertEqual(len(self.login.asked), asked, "the minute begins anew")
        self.clock.advance(1)
        self.assertEqual(len(self.login.asked), asked + 1)

    def test_it_stops(self) -> None:
        self.cache.poll_now()
        self.assertEqual(self.login.asked, [], "not before it has started")
        self.cache.startService()
        self.cache.stopService()
        self.cache.poll_now()
        self.clock.advance(10 * ENTITLEMENTS_SECONDS)
        self.assertEqual((len(self.login.asked), self.clock.getDelayedCalls()), (1, []))


class EntitlementsBodyTests(TestCase):
    def test_the_same_users_have_the_same_tag_and_others_another(self) -> None:
        ann = Entitlement(user_id="ann", tier=Tier.PRO)
        body, etag = entitlements_body([ann])
        self.assertEqual(entitlements_body(iter([ann])), (body, etag))
        self.assertTrue(etag.startswith('"') and etag.endswith('"'))
        changed = [msgspec.structs.replace(ann, tier=Tier.FREE), msgspec.structs.replace(ann, email="a@b")]
        tags: set[Any] = {entitlements_body([each])[1] for each in changed}
        self.assertEqual(len(tags | {etag, entitlements_body([])[1]}), 4)
