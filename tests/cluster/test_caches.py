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
from wingthing.relay.orgs import Roster
from wingthing.testing import org
from wingthing.wire.gossip import PasskeysChanged, RevokedKind
from wingthing.wire.internal import ENTITLEMENTS_PATH, Entitlement, Entitlements, Session, Tier
from wingthing.wire.limits import (
    ENTITLEMENTS_SECONDS,
    GOSSIP_SECONDS,
    INTERNAL_TOKEN_SECONDS,
    SESSION_CACHE_SECONDS,
    SESSION_GRACE_SECONDS,
    SESSION_NEGATIVE_SECONDS,
)
from wingthing.wire.records import OrgRecord

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

    def test_other_passkeys_are_known_at_once(self) -> None:
        self.login.sessions = {"a": ANN, "b": ANN, "e": EVE}
        for name in "ae":
            self.find(name)
        self.login.hold()
        waiting = self.begin("b")
        self.cache.passkeys_changed(PasskeysChanged(user_id="ann", keys=["new"]))
        self.login.answer()
        self.successResultOf(waiting)
        fresh = msgspec.structs.replace(ANN, passkeys=("new",))
        self.login.sessions = {"b": fresh}
        self.login.asked.clear()
        self.assertEqual((self.find("a"), self.find("e")), (fresh, EVE))
        self.assertEqual(self.login.asked, [])
        self.assertEqual(self.find("b"), fresh, "what was on its way was not kept")
        self.clock.advance(SESSION_CACHE_SECONDS)
        self.assertIsNone(self.find("a"), "and it is believed no longer for it")

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
        self.orgs: list[OrgRecord] = []
        self.waiting: Deferred[None] | None = None
        self.failure: Exception | None = None
        self.body: bytes | None = None
        self.asked: list[str] = []

    async def get(self, path: str, *, etag: str, seconds: float) -> Reply:
        assert path == ENTITLEMENTS_PATH
        self.asked.append(etag)
        if self.failure is not None:
            raise self.failure
        body, current = entitlements_body(Entitlements(self.users, list(self.orgs)))
        if self.waiting is not None:
            await self.waiting
        if etag == current:
            return Reply("login", 304, b"", current)
        return Reply("login", 200, body if self.body is None else self.body, current)


class EntitlementCase(TestCase):
    def setUp(self) -> None:
        self.clock, self.login, self.roster = Clock(), FakePolls(), Roster()
        self.cache = EntitlementCache(self.clock, self.login, self.roster)

    def start(self) -> None:
        self.cache.startService()
        self.addCleanup(self.cache.stopService)

    def name(self, user_id: str = "ann") -> str | None:
        found = self.cache.find(user_id)
        return found.display_name if found is not None else None


class EntitlementCacheTests(EntitlementCase):
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
        etag = entitlements_body(Entitlements(self.login.users, []))[1]
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


class OrgsTests(EntitlementCase):
    """The organisations that come with the users, and what gossip says of them meanwhile."""

    def role(self, org_id: str = "org_1") -> str:
        return self.roster.role("bob", org_id)

    def hear(self, org_id: str, **members: str) -> None:
        """Gossip tells of a change, as FleetNews does."""
        self.cache.org_said(org_id)
        self.roster.put(org(org_id, slug=org_id, **members))

    def test_they_come_at_the_start_and_change_with_the_answers(self) -> None:
        self.login.orgs = [org(bob="member")]
        self.assertFalse(self.roster.complete)
        self.start()
        self.assertEqual((self.roster.complete, self.role()), (True, "member"))
        self.login.orgs = [org(bob="admin")]
        self.clock.advance(ENTITLEMENTS_SECONDS)
        self.assertEqual(self.role(), "admin")
        self.login.orgs = []
        self.clock.advance(ENTITLEMENTS_SECONDS)
        self.assertEqual((self.role(), len(self.roster)), ("", 0))

    def test_an_older_login_says_nothing_of_them(self) -> None:
        self.login.body = b'{"users":[]}'
        self.start()
        self.assertEqual((self.cache.warm, self.roster.complete), (True, False))

    def test_an_answer_that_was_on_its_way_is_older_than_what_has_been_heard(self) -> None:
        self.login.orgs = [org("org_1", "org_1", bob="member"), org("org_2", "org_2", bob="member")]
        self.login.waiting = Deferred()
        self.start()
        self.hear("org_1")
        self.hear("org_3", bob="owner")
        self.login.waiting.callback(None)
        self.assertEqual([self.role(f"org_{n}") for n in (1, 2, 3)], ["", "member", "owner"])

    def test_even_when_what_has_been_heard_is_what_was_known(self) -> None:
        """Bob has come and gone while this edge heard nothing, and the answer is from in between."""
        self.login.orgs = [org("org_1", "org_1", bob="member")]
        self.login.waiting = Deferred()
        self.roster.put(org("org_1", "org_1"))
        self.start()
        self.hear("org_1")
        self.login.waiting.callback(None)
        self.assertEqual(self.role(), "")

    def test_after_that_the_next_answer_comes_whole(self) -> None:
        """Else an answer that is what it was before would leave in force what was heard since."""
        self.login.orgs = [org("org_1", "org_1")]
        self.start()
        self.hear("org_1", bob="member")
        self.clock.advance(ENTITLEMENTS_SECONDS)
        self.assertEqual((self.login.asked, self.role()), (["", ""], ""))
        self.clock.advance(ENTITLEMENTS_SECONDS)
        self.assertNotEqual(self.login.asked[-1], "")
        self.login.waiting = Deferred()
        self.clock.advance(ENTITLEMENTS_SECONDS)
        self.hear("org_1", bob="member")
        self.login.waiting.callback(None)
        self.login.waiting = None
        self.clock.advance(ENTITLEMENTS_SECONDS)
        self.assertEqual((self.login.asked[-1], self.role()), ("", ""))

    def test_asked_while_an_answer_is_on_its_way_it_asks_once_more(self) -> None:
        self.login.waiting = Deferred()
        self.start()
        for _ in range(3):
            self.cache.poll_now()
        self.assertEqual(len(self.login.asked), 1)
        self.login.orgs = [org(bob="member")]
        first, self.login.waiting = self.login.waiting, None
        first.callback(None)
        self.assertEqual((len(self.login.asked), self.role()), (2, "member"))

    def test_what_was_wanted_at_once_is_asked_for_until_it_comes(self) -> None:
        self.start()
        self.login.failure = TemporarilyUnavailable("away")
        self.cache.poll_now()
        self.cache.poll_now()
        asked = len(self.login.asked)
        self.clock.advance(GOSSIP_SECONDS)
        self.assertEqual(len(self.login.asked), asked + 1, "one question at a time")
        self.login.failure = None
        self.login.orgs = [org(bob="member")]
        self.clock.advance(GOSSIP_SECONDS)
        self.assertEqual((len(self.login.asked), self.role()), (asked + 2, "member"))
        self.clock.pump([GOSSIP_SECONDS] * 3)
        self.assertEqual(len(self.login.asked), asked + 2)
        self.login.failure = TemporarilyUnavailable("away")
        self.cache.poll_now()
        self.cache.stopService()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.cache.startService()

    def test_a_change_without_its_content_is_asked_for(self) -> None:
        self.start()
        self.login.orgs = [org(bob="member")]
        self.cache.org_said("")
        self.assertEqual((self.login.asked, self.role()), (["", ""], "member"))


class EntitlementsBodyTests(TestCase):
    def test_the_same_users_have_the_same_tag_and_others_another(self) -> None:
        ann = Entitlement(user_id="ann", tier=Tier.PRO)
        body, etag = entitlements_body(Entitlements([ann]))
        self.assertEqual(entitlements_body(Entitlements([ann])), (body, etag))
        self.assertTrue(etag.startswith('"') and etag.endswith('"'))
        changed = [msgspec.structs.replace(ann, tier=Tier.FREE), msgspec.structs.replace(ann, email="a@b")]
        tags: set[Any] = {entitlements_body(Entitlements([each]))[1] for each in changed}
        self.assertEqual(len(tags | {etag, entitlements_body(Entitlements([]))[1]}), 4)
